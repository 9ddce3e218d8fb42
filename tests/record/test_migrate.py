"""Migrations go forward, once, whole or not at all; roles are what the gate relies on."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sojourn.record import roles
from sojourn.record.database import Dsn, prepare
from sojourn.record.migrate import MigrationRefused, functions, migrate, migrations

FIRST = "CREATE SCHEMA record; CREATE SCHEMA gate; CREATE TABLE record.note (n int PRIMARY KEY); INSERT INTO record.note VALUES (1), (2);"
SECOND = "ALTER TABLE record.note ADD COLUMN said text NOT NULL DEFAULT 'nothing';"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "functions").mkdir()
    (tmp_path / "migrations" / "0001_pre_first.sql").write_text(FIRST)
    return tmp_path


async def apply(connection: "asyncpg.Connection[Any]", files: Path) -> tuple[str, ...]:
    return await migrate(connection, folder=files / "migrations", function_folder=files / "functions")


@pytest.fixture
async def connection(empty_database: str) -> Any:
    connection = await asyncpg.connect(empty_database)
    await roles.ensure_roles(connection)
    yield connection
    await connection.close()


async def test_the_second_time_there_is_nothing_to_do(connection: Any, files: Path) -> None:
    assert await apply(connection, files) == ("0001_pre_first",)
    assert await apply(connection, files) == ()


async def test_rows_of_the_schema_before_are_kept(connection: Any, files: Path) -> None:
    await apply(connection, files)
    (files / "migrations" / "0002_pre_second.sql").write_text(SECOND)
    assert await apply(connection, files) == ("0002_pre_second",)
    assert [tuple(row) for row in await connection.fetch("SELECT * FROM record.note ORDER BY n")] == [(1, "nothing"), (2, "nothing")]


async def test_a_changed_file_is_refused_by_name(connection: Any, files: Path) -> None:
    await apply(connection, files)
    (files / "migrations" / "0001_pre_first.sql").write_text(FIRST + "-- a late thought")
    with pytest.raises(MigrationRefused, match=r"0001_pre_first.sql was changed"):
        await apply(connection, files)


async def test_a_database_of_a_newer_version_is_refused(connection: Any, files: Path) -> None:
    (files / "migrations" / "0002_pre_second.sql").write_text(SECOND)
    await apply(connection, files)
    (files / "migrations" / "0002_pre_second.sql").unlink()
    with pytest.raises(MigrationRefused, match="newer version"):
        await apply(connection, files)


async def test_a_number_out_of_turn_is_refused(connection: Any, files: Path) -> None:
    (files / "migrations" / "0003_pre_third.sql").write_text(SECOND)
    await apply(connection, files)
    (files / "migrations" / "0002_pre_second.sql").write_text("SELECT 1")
    with pytest.raises(MigrationRefused, match="next number"):
        await apply(connection, files)


async def test_a_failing_file_leaves_nothing_behind(connection: Any, files: Path) -> None:
    (files / "migrations" / "0002_pre_second.sql").write_text(SECOND + "SELECT 1 / 0;")
    with pytest.raises(MigrationRefused, match="0002_pre_second"):
        await apply(connection, files)
    assert await connection.fetchval("SELECT count(*) FROM information_schema.columns WHERE table_name = 'note'") == 1
    assert await connection.fetchval("SELECT current_user = session_user"), "the role is given back"


async def test_pre_comes_before_post_of_the_same_number(files: Path) -> None:
    (files / "migrations" / "0002_post_a.sql").write_text("")
    (files / "migrations" / "0002_pre_b.sql").write_text("")
    assert [migration.name for migration in migrations(files / "migrations")] == ["0001_pre_first", "0002_pre_b", "0002_post_a"]


async def test_functions_are_made_anew_when_any_file_changed(connection: Any, files: Path) -> None:
    one = files / "functions" / "01_one.sql"
    one.write_text("CREATE OR REPLACE FUNCTION gate.answer() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;")
    assert await apply(connection, files) == ("0001_pre_first", "functions")
    assert await apply(connection, files) == ()
    one.write_text("CREATE OR REPLACE FUNCTION gate.answer() RETURNS text LANGUAGE sql AS $$ SELECT 'two' $$;")
    assert await apply(connection, files) == ("functions",)
    assert await connection.fetchval("SELECT gate.answer()") == "two", "a function may change what it returns"


async def test_two_processes_may_migrate_at_once(connection: Any, empty_database: str, files: Path) -> None:
    other = await asyncpg.connect(empty_database)
    try:
        both = await asyncio.gather(apply(connection, files), apply(other, files))
    finally:
        await other.close()
    assert sorted(both) == [(), ("0001_pre_first",)]


async def test_what_is_made_belongs_to_the_owner_role(connection: Any, files: Path) -> None:
    await apply(connection, files)
    assert await connection.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'note'") == roles.OWNER


async def test_our_own_migrations_pass_every_check_of_the_role(database: Dsn) -> None:
    connection = await asyncpg.connect(database.app)
    try:
        await roles.check_app_role(connection)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM record.resource")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("SET ROLE sojourn_owner")
    finally:
        await connection.close()
    assert await prepare(database.owner) == ()


async def test_every_function_takes_its_names_from_a_fixed_path(database: Dsn) -> None:
    connection = await asyncpg.connect(database.owner)
    try:
        open_ones = await connection.fetch(
            "SELECT p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname IN ('gate', 'record') AND p.prosecdef AND NOT coalesce(p.proconfig::text LIKE '%search_path%', false)"
        )
    finally:
        await connection.close()
    assert [row["name"] for row in open_ones] == []


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("ALTER ROLE {role} SUPERUSER", "superuser"),
        ("ALTER ROLE {role} BYPASSRLS", "bypasses"),
        ("ALTER ROLE {role} CREATEROLE", "create roles"),
        ("ALTER ROLE {role} INHERIT", "inherits"),
        ("GRANT SELECT ON record.note TO {role}", "has rights on record.note"),
        ("ALTER TABLE record.note OWNER TO {role}", "owns"),
        ("GRANT sojourn_owner TO {role}", "owns"),
    ],
)
async def test_an_application_role_that_could_pass_the_gate_stops_the_start(connection: Any, files: Path, mistake: str, said: str) -> None:
    await apply(connection, files)
    role = "too_strong"
    transaction = connection.transaction()
    await transaction.start()  # roles belong to the whole cluster: what is tried here is taken back
    try:
        await connection.execute(f"CREATE ROLE {role} LOGIN NOINHERIT")
        await roles.check_app_role(connection, role)
        await connection.execute(mistake.format(role=role))
        with pytest.raises(MigrationRefused, match=said):
            await roles.check_app_role(connection, role)
    finally:
        await transaction.rollback()


def test_the_functions_hold_no_unspliced_predicate() -> None:
    assert "/*row:" not in functions()
