"""Apply the numbered SQL files, forward only."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from sojourn.base.crypto import sha256_hex
from sojourn.base.log import logger
from sojourn.record import sql

_log = logger(__name__)

MIGRATIONS = sql.HERE / "migrations"
FUNCTIONS = sql.HERE / "functions"

_NAME = re.compile(r"(\d{4})_(pre|post)_[a-z0-9_]+")
_LOCK = 0x736F6A6F75726E  # "sojourn": the advisory lock under which one process at a time migrates
_TRIES = 5


class MigrationRefused(Exception):
    """The database cannot be brought to the schema of this version. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file. A `pre` file may run while the version before still serves, a `post` file only after it is gone."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return sha256_hex(self.text.encode())


def migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """The files in the order in which they are applied: by number, pre before post. Raises MigrationRefused for a name that does not fit."""
    found = [Migration(path.stem, path.read_text("utf-8")) for path in folder.glob("*.sql")]
    for migration in found:
        if not _NAME.fullmatch(migration.name):
            raise MigrationRefused(f"{migration.name}.sql is not named NNNN_pre_name.sql or NNNN_post_name.sql.")
    return sorted(found, key=lambda migration: (migration.name[:4], migration.name[5:8] != "pre", migration.name))


def functions(folder: Path = FUNCTIONS) -> str:
    """The text of all function files in the order of their names, the predicate spliced in."""
    return "\n".join(sql.render(path.read_text("utf-8")) for path in sorted(folder.glob("*.sql")))


async def migrate(
    connection: "asyncpg.Connection[Any]",
    *,
    folder: Path = MIGRATIONS,
    function_folder: Path = FUNCTIONS,
    owner: str = "sojourn_owner",
    progress: Callable[[str], None] = lambda name: None,
) -> tuple[str, ...]:
    """Apply what is missing, each file in a transaction of its own, as the role `owner`. Returns the names of what was applied.

    Several processes may call this at once: all but one wait. A file that was changed after it was applied, or one that this version
    does not have, stops the start with MigrationRefused. A table in use is waited for 4 s at a time, so that a migration never
    holds up those who work.
    """
    wanted = migrations(folder)
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        await connection.execute(f"SET ROLE {owner}")
        await connection.execute(
            """CREATE SCHEMA IF NOT EXISTS house;
            CREATE TABLE IF NOT EXISTS house.migration (
                name text COLLATE "C" PRIMARY KEY, checksum text NOT NULL, applied timestamptz NOT NULL DEFAULT clock_timestamp());
            CREATE TABLE IF NOT EXISTS house.functions (
                one boolean PRIMARY KEY DEFAULT true CHECK (one), checksum text NOT NULL, applied timestamptz NOT NULL DEFAULT clock_timestamp())"""
        )
        rows = await connection.fetch("SELECT name, checksum FROM house.migration ORDER BY name")
        missing = _missing(wanted, {row["name"]: row["checksum"] for row in rows})
        for migration in missing:
            await _apply(connection, migration.name, migration.text, "INSERT INTO house.migration (name, checksum) VALUES ($1, $2)", migration.name, migration.checksum)
            progress(migration.name)
        made = await _functions(connection, functions(function_folder))
        if made:
            progress("functions")
        return tuple(migration.name for migration in missing) + (("functions",) if made else ())
    finally:
        await connection.execute("RESET ROLE")
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)


def _missing(wanted: Sequence[Migration], applied: dict[str, str]) -> list[Migration]:
    known = {migration.name: migration.checksum for migration in wanted}
    for name, checksum in applied.items():
        if name not in known:
            raise MigrationRefused(f"The database has migration {name}, which this version of Sojourn does not know. Start the newer version that made it.")
        if known[name] != checksum:
            raise MigrationRefused(
                f"The file {name}.sql was changed after it was applied to this database. Put the applied text back, and write what should change into a new migration."
            )
    missing = [migration for migration in wanted if migration.name not in applied]
    last = max((name[:4] for name in applied), default="")
    for migration in missing:
        if migration.name[:4] < last:
            raise MigrationRefused(f"The file {migration.name}.sql is numbered before {last}, which is applied already. Give it the next number.")
    return missing


async def _functions(connection: "asyncpg.Connection[Any]", text: str) -> bool:
    """Make the gate's functions anew when any of their files changed: all go and all come back in one transaction."""
    checksum = sha256_hex(text.encode())
    if not text.strip() or await connection.fetchval("SELECT checksum FROM house.functions") == checksum:
        return False
    old = await connection.fetch("SELECT p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'gate' AND p.prokind = 'f'")
    drop = "".join(f"DROP FUNCTION {row['name']};\n" for row in old)
    # The bodies are checked when the last is there: they may call one another.
    text = f"SET LOCAL check_function_bodies = off;\n{drop}{text}"
    keep = "INSERT INTO house.functions (checksum) VALUES ($1) ON CONFLICT (one) DO UPDATE SET checksum = excluded.checksum, applied = clock_timestamp()"
    await _apply(connection, "functions", text, keep, checksum)
    return True


async def _apply(connection: "asyncpg.Connection[Any]", name: str, text: str, record: str, *args: object) -> None:
    for attempt in range(1, _TRIES + 1):
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '4s'; SET LOCAL client_min_messages = warning")
                await connection.execute(text)
                await connection.execute(record, *args)
            _log.info("migration applied", migration=name)
            return
        except asyncpg.LockNotAvailableError:
            _log.warning("migration waits for a table in use", migration=name, attempt=attempt)
            await asyncio.sleep(attempt)
        except asyncpg.PostgresError as error:
            raise MigrationRefused(f"{name}: {error}. Nothing of it was applied.") from error
    raise MigrationRefused(f"{name} needs a table that stayed in use. Nothing of it was applied; try again when less is going on.")
