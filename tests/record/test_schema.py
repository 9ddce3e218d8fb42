"""schema.sql is what the migrations come to, on every PostgreSQL at hand."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from sojourn.base import postgres_host
from sojourn.base.postgres import Postgres
from sojourn.record import roles
from tools import schema
from tools.catalog import catalog

SYSTEM_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(params=["embedded", "PostgreSQL 15"])
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[Postgres]:
    if request.param == "PostgreSQL 15" and not (SYSTEM_15 / "postgres").exists():
        pytest.skip("PostgreSQL 15 is not installed on this machine")
    server = Postgres(folder / "data", bin_dir=SYSTEM_15 if request.param == "PostgreSQL 15" else postgres_host.packaged(), durable=False)
    server.acquire()
    yield server
    server.release()


async def both(server: Postgres) -> tuple[list[str], list[str]]:
    admin = await asyncpg.connect(server.dsn())
    try:
        await roles.ensure_roles(admin)
        await admin.execute("CREATE DATABASE migrated")
        await admin.execute("CREATE DATABASE written")
    finally:
        await admin.close()
    await schema.tables_only(server.dsn(database="migrated"))
    one, other = await asyncpg.connect(server.dsn(database="migrated")), await asyncpg.connect(server.dsn(database="written"))
    try:
        await other.execute(schema.SCHEMA.read_text("utf-8"))
        return await catalog(one), await catalog(other)
    finally:
        await one.close()
        await other.close()


def test_the_written_schema_equals_the_migrations(server: Postgres) -> None:
    migrated, written = asyncio.run(both(server))
    assert written == migrated, "run `make schema`"
    assert len(migrated) > 100


def test_the_functions_load_on_every_version(server: Postgres) -> None:
    from sojourn.record.database import prepare

    assert "functions" in asyncio.run(prepare(server.dsn()))


def test_the_written_schema_holds_no_comment_of_the_tool() -> None:
    assert not re.search(r"^-- (Dumped|Name:|PostgreSQL)", schema.SCHEMA.read_text("utf-8"), re.MULTILINE)
