"""`sojourn check` against a database of its own: what holds, what is found, and what was kept outside."""

import asyncio
from pathlib import Path

import asyncpg

from sojourn.base import crypto, signing
from sojourn.base.db import Database
from sojourn.base.postgres import Postgres
from sojourn.record import roles
from sojourn.record.database import DATABASE
from sojourn.record.sealing import Sealer
from tests.cli.test_commands import sojourn
from tests.record.test_sealing import NOW, entry, put


async def fill(data: Path, server: Postgres) -> None:
    owner = await asyncpg.connect(server.dsn(database=DATABASE))
    await owner.execute("INSERT INTO record.tenant (tenant, key, name, secret) VALUES (1, 'one', 'One', 's')")
    await owner.close()
    db = Database(server.dsn(roles.APP, DATABASE), connections=2)
    await db.open()
    sealer = Sealer(db, signing.Signer(crypto.load_server_key(data / "server.key"), "trail"))
    for n in range(3):
        await put(db, entry(n))
        await sealer.seal(1, "one", NOW)
    await put(db, entry(9))
    await db.close()


def execute(server: Postgres, statement: str) -> None:
    async def go() -> None:
        owner = await asyncpg.connect(server.dsn(database=DATABASE))
        await owner.execute(statement)
        await owner.close()

    asyncio.run(go())


def test_check_says_what_holds_what_is_open_and_where_the_trail_is_broken(folder: Path) -> None:
    data, kept = folder / "data", folder / "kept.ndjson"
    home = {"SOJOURN_DATA": str(data)}
    assert sojourn("migrate", **home).returncode == 0
    server = Postgres(data)
    server.acquire()
    try:
        asyncio.run(fill(data, server))
        whole = sojourn("check", "--export", str(kept), **home)
        assert whole.returncode == 0, whole.stdout + whole.stderr
        assert "The trail holds: 3 sealed lines in 3 seals, 3 signed checkpoints." in whole.stdout
        assert "1 lines are not sealed yet." in whole.stdout
        again = sojourn("check", "--checkpoints", str(kept), **home)
        assert "agrees with 3 checkpoints that were sent outside" in again.stdout
        execute(server, "DELETE FROM record.checkpoint WHERE number = 3; DELETE FROM record.seal WHERE number = 3")
        assert sojourn("check", **home).returncode == 1  # lines are found by keys that nothing accounts for
        cut = sojourn("check", "--checkpoints", str(kept), **home)
        assert (cut.returncode, "cut off" in cut.stdout) == (1, True), cut.stdout
        execute(server, "UPDATE record.audit SET account = 'x' WHERE request = 'r1'")
        broken = sojourn("check", "--trail-only", **home)
        assert broken.returncode == 1
        assert "BROKEN: seal 2 " in broken.stdout
    finally:
        server.release()


def test_a_file_that_is_none_of_checkpoints_is_refused_in_a_sentence(folder: Path) -> None:
    (folder / "x").write_text('{"organization": "one"}\n')
    said = sojourn("check", "--checkpoints", str(folder / "x"), SOJOURN_DATA=str(folder / "data"))
    assert said.returncode == 1
    assert said.stderr == "sojourn check: the file of checkpoints is not one that `sojourn check --export` wrote\n"
