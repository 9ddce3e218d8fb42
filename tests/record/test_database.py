"""A database that others run: the roles are made, the application signs in as the weak one, and a wrong arrangement is refused."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from sojourn.base import postgres_host
from sojourn.base.postgres import Postgres
from sojourn.base.settings import Settings
from sojourn.record.database import Dsn, ensure_database, prepare
from sojourn.record.migrate import MigrationRefused
from tests.conftest import run_apart

SYSTEM_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(params=["18", "15"], scope="module")
def external(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL with a database whose owner is no superuser but may create roles, as hosted ones are."""
    if request.param == "15" and not (SYSTEM_15 / "postgres").exists():
        pytest.skip("PostgreSQL 15 is not installed on this machine")
    bin_dir = SYSTEM_15 if request.param == "15" else postgres_host.packaged()
    server = Postgres(tmp_path_factory.mktemp("external") / "data", bin_dir=bin_dir, durable=False)
    server.acquire()

    async def prepare() -> None:
        connection = await asyncpg.connect(server.dsn())
        await connection.execute("CREATE ROLE clinic LOGIN CREATEROLE NOSUPERUSER; CREATE ROLE bystander LOGIN;")
        for name in ("one", "two", "three"):
            await connection.execute(f"CREATE DATABASE {name} OWNER clinic")
        await connection.close()

    run_apart(prepare())
    yield server
    server.release()


def settings(server: Postgres, folder: Path, *, url: str = "", direct: str = "") -> Settings:
    return Settings(data=folder / "home", database_url=url, database_direct_url=direct)


def test_one_address_is_enough(external: Postgres, folder: Path) -> None:
    wanted = settings(external, folder, url=external.dsn("clinic", "one"))
    first, second = run_apart(ensure_database(wanted)), run_apart(ensure_database(wanted))
    assert "functions" in first.applied
    assert second.applied == ()
    assert urlsplit(first.app).username == "sojourn_app"
    assert first.app == second.app, "the password follows from the server key"
    assert str(urlsplit(first.app).password) not in repr(Settings(database_url=first.app))


def test_two_addresses_keep_owner_and_application_apart(external: Postgres, folder: Path) -> None:
    app = external.dsn("sojourn_app:chosen-by-us", "two")
    dsn = run_apart(ensure_database(settings(external, folder, url=app, direct=external.dsn("clinic", "two"))))
    assert dsn.app == app


def test_an_application_address_of_another_role_is_refused(external: Postgres, folder: Path) -> None:
    with pytest.raises(MigrationRefused, match="must sign in as sojourn_app"):
        run_apart(ensure_database(settings(external, folder, url=external.dsn("clinic", "two"), direct=external.dsn("clinic", "two"))))


def test_a_role_that_may_do_nothing_is_told_what_an_administrator_must_do(external: Postgres, folder: Path) -> None:
    with pytest.raises(MigrationRefused, match=r"administrator|permission"):
        run_apart(ensure_database(settings(external, folder, url=external.dsn("bystander", "three"))))


def test_the_embedded_one_needs_no_address(folder: Path) -> None:
    dsn = run_apart(ensure_database(Settings(data=folder / "home")))
    try:
        assert urlsplit(dsn.app).username == "sojourn_app"
    finally:
        dsn.release()


def test_changes_that_a_restore_brought_from_a_busier_cluster_still_reach_the_feed(database: Dsn) -> None:
    async def restored() -> list[int]:
        connection = await asyncpg.connect(database.owner)
        try:
            await connection.execute("INSERT INTO record.change (tenant, xid, seq, kind) VALUES (1, '900000000000', 1, 'create')")
            await prepare(database.owner)
            await connection.execute("SELECT gate.number_changes(1, 100)")
            return [row["seq"] for row in await connection.fetch("SELECT seq FROM record.feed WHERE tenant = 1")]
        finally:
            await connection.close()

    assert run_apart(restored()) == [1]


def test_the_planner_counts_anew_once_much_has_come_and_not_again(database: Dsn) -> None:
    async def counted() -> list[bool]:
        owner, app = await asyncpg.connect(database.owner), await asyncpg.connect(database.app)
        try:
            found = [await app.fetchval("SELECT gate.measure(4)")]
            await owner.execute(
                "INSERT INTO record.resource (tenant, rid, seq, type, id, version, updated, plain_updated, own, parts, refs, tags, origin, ref_origin, tokens, index_digest, body) "
                "SELECT 1, i, i, 'Basic', i, i, now(), now(), 0, 0, 0, '{}', '{}', '{}', '{}', 0, '' FROM generate_series(1, 1500) AS g(i)"
            )
            await owner.execute("SELECT pg_stat_force_next_flush()")
            await owner.fetchval("SELECT 1")
            return [*found, *[await app.fetchval("SELECT gate.measure(4)") for _ in range(2)]]
        finally:
            await owner.close()
            await app.close()

    assert run_apart(counted()) == [False, True, False]
