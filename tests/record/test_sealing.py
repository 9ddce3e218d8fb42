"""The trail is sealed: what is committed, once, in one chain a tenant, and the same hashes in SQL as here."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from sojourn.base import signing
from sojourn.base.crypto import ServerKey
from sojourn.base.db import Database
from sojourn.record import seals
from sojourn.record.database import Dsn
from sojourn.record.sealing import Sealer, checkpoints
from sojourn.record.trail import Entry, Trail
from tests.record.settling import settled

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
SIGNER = signing.Signer(ServerKey(b"k" * 64), "trail")


def entry(n: int = 0, **more: Any) -> Entry:
    """A line."""
    return Entry(NOW + timedelta(microseconds=n), f"r{n}", "dana", "clinician", "api", "TREAT", "read", "done", "Patient", f"p{n}", ["p1", f"p{n}"], [n])._replace(**more)


@pytest.fixture
async def owner(database: Dsn) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await asyncpg.connect(database.owner)
    await connection.execute("INSERT INTO record.tenant (tenant, key, name, secret) VALUES (1, 'one', 'One', 's'), (2, 'two', 'Two', 't')")
    yield connection
    await connection.close()


@pytest.fixture
async def db(database: Dsn) -> AsyncIterator[Database]:
    opened = Database(database.app, connections=4)
    await opened.open()
    yield opened
    await opened.close()


async def put(db: Database, *entries: Entry, tenant: int = 1, settle: bool = True) -> None:
    trail = Trail(db)
    await asyncio.gather(*(trail.record(tenant, e) for e in entries))
    if settle:
        await settled(db)


async def chain(owner: asyncpg.Connection[Any], tenant: int = 1) -> list[Any]:
    return list(await owner.fetch("SELECT * FROM record.seal WHERE tenant = $1 ORDER BY number", tenant))


async def test_what_is_committed_is_sealed_once_and_the_hashes_are_those_computed_outside(db: Database, owner: asyncpg.Connection[Any]) -> None:
    wild = entry(1, query='a="b"\\ \n\t\x7f\x1f é 漢 𝄞 </script>', account="o'hara", patients=[], rules=b"\x00\xff")
    await put(db, wild, *(entry(n) for n in range(2, 12)))
    sealer = Sealer(db, SIGNER)
    assert await sealer.seal(1, "one", NOW) == 11
    assert await sealer.seal(1, "one", NOW) == 0
    await put(db, entry(20), entry(21, rules=None))
    assert await sealer.seal(1, "one", NOW + timedelta(seconds=1)) == 2
    first, second = await chain(owner)
    lines = await owner.fetch("SELECT * FROM record.audit WHERE tenant = 1 ORDER BY stamp, n")
    for seal, its in ((first, lines[:11]), (second, lines[11:])):
        tree = seals.Tree()
        for line in its:
            tree.add(seals.leaf(line))
        assert tree.root == seal["root"]
        assert seals.seal(seal) == seal["hash"]
    assert first["previous"] == seals.NOTHING
    assert second["previous"] == first["hash"]
    assert (second["total"], second["number"]) == (13, 2)


async def test_the_tree_is_that_of_the_standard_for_every_number_of_lines(owner: asyncpg.Connection[Any]) -> None:
    for count in (1, 2, 3, 5, 7, 8, 9, 33, 100):
        leaves = [seals.sha256(str(n).encode()).digest() for n in range(count)]
        tree = seals.Tree()
        for leaf in leaves:
            tree.add(leaf)
        assert await owner.fetchval("SELECT gate.merkle($1)", leaves) == tree.root == _rfc(leaves)


def _rfc(leaves: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, said as it stands there: split at the greatest power of two below the number."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return seals.sha256(b"\1" + _rfc(leaves[:half]) + _rfc(leaves[half:])).digest()


async def test_a_line_of_a_transaction_that_still_runs_is_not_skipped(db: Database, database: Dsn, owner: asyncpg.Connection[Any]) -> None:
    slow = await asyncpg.connect(database.owner)
    running = slow.transaction()
    await running.start()
    await slow.execute("SELECT gate.audit_rows(1, ARRAY[ROW(now(), 'slow', 'd', 'r', 'api', 'TREAT', 'read', 'done', '', '', '{}', '{}', NULL)::record.audit_row])")
    await put(db, entry(1), entry(2), settle=False)
    sealer = Sealer(db, SIGNER)
    assert await sealer.seal(1, "one", NOW) == 0, "nothing above the oldest running transaction is sealed"
    await running.commit()
    await slow.close()
    await settled(db)
    assert await sealer.seal(1, "one", NOW) == 3
    assert await owner.fetchval("SELECT count(*) FROM record.audit") == 3


async def test_many_sealers_make_one_chain_while_lines_are_written(database: Dsn, owner: asyncpg.Connection[Any]) -> None:
    dbs = [Database(database.app, connections=4) for _ in range(3)]
    for each in dbs:
        await each.open()
    written = 0
    done = asyncio.Event()

    async def write(db: Database, seed: int) -> None:
        nonlocal written
        draw = random.Random(seed)
        for n in range(40):
            size = draw.randint(1, 5)
            await put(db, *(entry(seed * 10_000 + n * 10 + k) for k in range(size)), tenant=1 + n % 2, settle=False)
            written += size

    async def seal(db: Database) -> None:
        sealer = Sealer(db, SIGNER)
        while not done.is_set():
            for tenant, name in ((1, "one"), (2, "two")):
                await sealer.seal(tenant, name, NOW)
            await asyncio.sleep(0)

    sealers = [asyncio.create_task(seal(each)) for each in dbs]
    await asyncio.gather(*(write(each, k) for k, each in enumerate(dbs)))
    done.set()
    await asyncio.gather(*sealers)
    await settled(dbs[0])
    for tenant, name in ((1, "one"), (2, "two")):
        await Sealer(dbs[0], SIGNER).seal(tenant, name, NOW)
        rows = await chain(owner, tenant)
        assert [r["number"] for r in rows] == list(range(1, len(rows) + 1))
        assert all(b["previous"] == a["hash"] for a, b in pairwise(rows))
        assert rows[-1]["total"] == await owner.fetchval("SELECT count(*) FROM record.audit WHERE tenant = $1", tenant)
    assert written == await owner.fetchval("SELECT count(*) FROM record.audit")
    for each in dbs:
        await each.close()


async def test_the_head_is_signed_also_after_a_fall_between_seal_and_signature(db: Database, owner: asyncpg.Connection[Any]) -> None:
    await put(db, entry(1))
    await db.call("SELECT * FROM gate.seal(1, 100, $1)", NOW)
    assert [c async for c in checkpoints(db, 1)] == []
    await Sealer(db, SIGNER).seal(1, "one", NOW)
    (found,) = [c async for c in checkpoints(db, 1)]
    assert signing.genuine(SIGNER.public, found.text.encode(), found.signature)
    assert f"hash {(await chain(owner))[0]['hash'].hex()}" in found.text


async def test_after_a_restore_into_a_younger_cluster_lines_go_on_behind_those_that_are_sealed(db: Database, owner: asyncpg.Connection[Any]) -> None:
    await put(db, entry(1), entry(2))
    sealer = Sealer(db, SIGNER)
    await sealer.seal(1, "one", NOW)
    far = 10**9  # what a cluster that had lived longer would have written
    await owner.execute("UPDATE record.audit SET stamp = stamp + $1", far)
    await owner.execute("UPDATE record.seal SET stamp = stamp + $1", far)
    before = await chain(owner)
    await put(db, entry(3))  # written before anybody noticed
    for _ in range(3):
        await sealer.seal(1, "one", NOW)
    await put(db, entry(4))
    await sealer.seal(1, "one", NOW)
    rows = await owner.fetch("SELECT request, stamp FROM record.audit ORDER BY stamp, n")
    assert [r["request"] for r in rows] == ["r1", "r2", "r3", "r4"]
    after = await chain(owner)
    assert after[0] == before[0]
    assert after[-1]["total"] == 4
