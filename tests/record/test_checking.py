"""The verifier finds every way of tampering with the sealed trail, and says honestly what it cannot know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from sojourn.base import signing
from sojourn.base.crypto import ServerKey
from sojourn.base.db import Database
from sojourn.record import checking, seals
from sojourn.record.database import Dsn
from sojourn.record.sealing import Sealer
from tests.record.test_sealing import NOW, SIGNER, entry, put

TRUSTED = frozenset({SIGNER.public})


@pytest.fixture
async def owner(database: Dsn) -> AsyncIterator[asyncpg.Connection[Any]]:
    """A trail of thirty lines in three seals, and two lines that are not sealed."""
    connection = await asyncpg.connect(database.owner)
    await connection.execute("INSERT INTO record.tenant (tenant, key, name, secret) VALUES (1, 'one', 'One', 's')")
    db = Database(database.app, connections=2)
    await db.open()
    for batch in range(3):
        for n in range(10):
            await put(db, entry(batch * 10 + n), settle=n == 9)
        await Sealer(db, SIGNER).seal(1, "one", NOW)
    await put(db, entry(90), entry(91))
    await db.close()
    yield connection
    await connection.close()


async def check(owner: asyncpg.Connection[Any], outside: dict[int, str] | None = None) -> checking.Finding:
    return await checking.check_trail(owner, 1, "one", TRUSTED, outside)


async def test_a_trail_that_nobody_touched_holds_and_its_tail_is_stated(owner: asyncpg.Connection[Any]) -> None:
    found = await check(owner)
    assert (found.wrong, found.lines, found.seals, found.unsealed, found.checkpoints, found.unsigned) == ([], 30, 3, 2, 3, 0)


COLUMNS = ("recorded", "request", "account", "role", "door", "purpose", "action", "outcome", "type", "query", "patients", "shown", "rules")
CHANGED = {"recorded": "recorded + interval '1 microsecond'", "patients": "patients || 'px'::text", "shown": "'{7}'", "rules": "'\\x00'::bytea"}
LINE = "(SELECT n FROM record.audit WHERE request = 'r15')"


@pytest.mark.parametrize("column", COLUMNS)
async def test_a_changed_value_in_any_column_is_found_in_its_seal(owner: asyncpg.Connection[Any], column: str) -> None:
    await owner.execute(f"UPDATE record.audit SET {column} = {CHANGED.get(column, column + ' || chr(120)')} WHERE n = {LINE}")
    (wrong,) = (await check(owner)).wrong
    assert wrong.startswith("seal 2 ")
    assert "changed" in wrong


TAMPERED = {
    "a line is deleted": (f"DELETE FROM record.audit WHERE n = {LINE}", "seal 2", "removed"),
    "a line is put in": (
        "INSERT INTO record.audit (tenant, stamp, n, recorded, request, account, role, door, purpose, action, outcome) SELECT 1, stamp, n + 1000000, recorded, 'x', 'x', 'x', 'x', 'x', 'x', 'done' FROM record.audit WHERE request = 'r15'", "seal 2", "put in later"),
    "two lines change places": (
        "UPDATE record.audit a SET stamp = b.stamp, n = b.n + 500000 FROM record.audit b WHERE (a.request, b.request) IN (('r14', 'r16'), ('r16', 'r14'))", "seal 2", ""),
    "a line moves to another seal": ("UPDATE record.audit SET stamp = (SELECT stamp FROM record.audit WHERE request = 'r5') WHERE request = 'r25'", "seal 1", "put in later"),
    "a seal is removed": ("DELETE FROM record.seal WHERE number = 2", "seal 3", "missing"),
    "a seal says less": ("UPDATE record.seal SET lines = 9 WHERE number = 2", "seal 2", "something else"),
    "a seal gets another time": ("UPDATE record.seal SET sealed = sealed + interval '1 day' WHERE number = 1", "seal 1", "something else"),
    "a checkpoint is replaced": ("UPDATE record.checkpoint SET text = replace(text, 'lines 20', 'lines 21') WHERE number = 2", "the checkpoint of seal 2", "something else"),
    "a signature is replaced": ("UPDATE record.checkpoint SET signature = decode(repeat('00', 64), 'hex') WHERE number = 3", "the checkpoint of seal 3", "not right"),
    "what lines are found by is removed": ("DELETE FROM record.audit_key WHERE key = 'Patient/p15'", "the index of sealed lines", "88 rows"),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERED)
async def test_tampering_is_found_and_named(owner: asyncpg.Connection[Any], how: str) -> None:
    statement, place, words = TAMPERED[how]
    await owner.execute(statement)
    wrong = (await check(owner)).wrong
    assert wrong, how
    assert wrong[0].startswith(str(place)), wrong
    assert str(words) in wrong[0]


async def rewrite(owner: asyncpg.Connection[Any], signer: signing.Signer) -> None:
    """What somebody could do who owns the database but not the key: change a line and make everything after it anew."""
    await owner.execute("UPDATE record.audit SET account = 'nobody' WHERE request = 'r15'")
    lines = list(await owner.fetch("SELECT * FROM record.audit ORDER BY stamp, n"))
    before = seals.NOTHING
    for row in await owner.fetch("SELECT * FROM record.seal ORDER BY number"):
        tree = seals.Tree()
        for line in lines[row["total"] - row["lines"] : row["total"]]:
            tree.add(seals.leaf(line))
        digest = seals.seal({**row, "root": tree.root, "previous": before})
        text = seals.checkpoint("one", row["number"], row["total"], row["sealed"], digest)
        await owner.execute("UPDATE record.seal SET root = $2, previous = $3, hash = $4 WHERE number = $1", row["number"], tree.root, before, digest)
        await owner.execute(
            "UPDATE record.checkpoint SET text = $2, key = $3, signature = $4 WHERE number = $1", row["number"], text, signer.public, signer.sign(text.encode())
        )
        before = digest


async def test_a_chain_made_anew_with_another_key_is_found(owner: asyncpg.Connection[Any]) -> None:
    await rewrite(owner, signing.Signer(ServerKey(b"x" * 64), "trail"))
    (wrong,) = (await check(owner)).wrong
    assert "signed with a key that is not this installation's" in wrong


async def test_a_chain_made_anew_with_the_stolen_key_is_found_by_checkpoints_that_were_sent_outside(owner: asyncpg.Connection[Any]) -> None:
    outside = {r["number"]: r["text"] async for r in checking.exported(owner, 1)}
    assert (await check(owner, outside)).wrong == []
    await rewrite(owner, SIGNER)
    assert (await check(owner)).wrong == []
    (wrong,) = (await check(owner, outside)).wrong
    assert wrong.startswith("seal 2 ")
    assert "sent outside" in wrong


async def test_an_end_that_was_cut_off_is_found_by_checkpoints_that_were_sent_outside(owner: asyncpg.Connection[Any]) -> None:
    outside = {r["number"]: r["text"] async for r in checking.exported(owner, 1)}
    await owner.execute("DELETE FROM record.audit WHERE (stamp, n) > (SELECT stamp, n FROM record.seal WHERE number = 2)")
    await owner.execute("DELETE FROM record.seal WHERE number = 3; DELETE FROM record.checkpoint WHERE number = 3")
    await owner.execute("DELETE FROM record.audit_key k WHERE NOT EXISTS (SELECT FROM record.audit a WHERE a.stamp = k.stamp AND a.n = k.n)")
    assert (await check(owner)).wrong == []
    (wrong,) = (await check(owner, outside)).wrong
    assert "cut off" in wrong


async def test_lines_that_others_write_meanwhile_do_not_disturb(owner: asyncpg.Connection[Any], database: Dsn) -> None:
    db = Database(database.app, connections=2)
    await db.open()
    stop = asyncio.Event()

    async def work() -> None:
        n = 1000
        while not stop.is_set():
            await put(db, entry(n), settle=False)
            await Sealer(db, SIGNER).seal(1, "one", NOW)
            n += 1

    task = asyncio.create_task(work())
    for _ in range(5):
        assert (await check(owner)).wrong == []
    stop.set()
    await task
    await db.close()
