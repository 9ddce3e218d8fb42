"""Write src/sojourn/record/sql/schema.sql: what the numbered migrations come to, for people to read. Functions stay in their own files."""

import asyncio
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg

from sojourn.base import postgres_host
from sojourn.base.postgres import Postgres
from sojourn.record import roles
from sojourn.record.migrate import MIGRATIONS, migrate

SCHEMA = MIGRATIONS.parent / "schema.sql"
HEAD = "-- What the migrations come to. Written by `make schema`; a test holds it equal to them. Do not edit.\n\n"


async def tables_only(dsn: str) -> None:
    """Apply the numbered files and no functions."""
    connection = await asyncpg.connect(dsn)
    try:
        await roles.ensure_roles(connection)
        with tempfile.TemporaryDirectory() as none:
            await migrate(connection, function_folder=Path(none))
    finally:
        await connection.close()


def dump(server: Postgres) -> str:
    """The schema by pg_dump, without what differs between versions of it and without the house's own bookkeeping of passwords."""
    command = [postgres_host.packaged() / "pg_dump", "--schema-only", "--schema=record", "--schema=gate", "--schema=house", server.dsn()]
    return normal(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def normal(text: str) -> str:
    """Without comments, session settings and empty lines in rows."""
    kept = [line for line in text.splitlines() if not re.match(r"(--|SET |SELECT pg_catalog\.set_config|\\)", line)]
    return HEAD + re.sub(r"\n{2,}", "\n\n", "\n".join(kept)).strip() + "\n"


def written() -> str:
    """The text, from a PostgreSQL that lives as long as this takes."""
    with tempfile.TemporaryDirectory(prefix="sj-") as folder:
        Path(folder).chmod(0o711)
        server = Postgres(Path(folder) / "data", durable=False)
        server.acquire()
        try:
            asyncio.run(tables_only(server.dsn()))
            return dump(server)
        finally:
            server.release()


if __name__ == "__main__":
    SCHEMA.write_text(written(), "utf-8")
    print(f"{SCHEMA.name} is written.", file=sys.stderr)
