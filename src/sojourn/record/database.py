"""Bring up the database that the settings name, at the schema of this version."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg

from sojourn.base.crypto import ServerKey, load_server_key
from sojourn.base.postgres import Postgres
from sojourn.base.settings import Settings
from sojourn.record import roles
from sojourn.record.migrate import MigrationRefused, migrate

DATABASE = "sojourn"  # in the embedded PostgreSQL


@dataclass(frozen=True, slots=True)
class Dsn:
    """How to connect. `app` is what the server uses for everything; `owner` is for migrations, backups and tests only."""

    app: str
    owner: str = field(repr=False)
    applied: tuple[str, ...] = ()
    server: Postgres | None = None

    def release(self) -> None:
        """Let go of the embedded PostgreSQL; it stops when nobody else uses it."""
        if self.server is not None:
            self.server.release()


async def ensure_database(settings: Settings, *, progress: Callable[[str], None] = lambda name: None) -> Dsn:
    """Start the embedded PostgreSQL if no other is named, make roles, apply migrations, check the application's role.

    Raises PostgresFailed or MigrationRefused, whose messages say what to do.
    """
    if settings.embedded:
        server = Postgres(settings.data)
        await asyncio.to_thread(server.acquire)
        try:
            await _create_database(server)
            owner, app, password = server.dsn(database=DATABASE), server.dsn(roles.APP, DATABASE), None
            applied = await prepare(owner, app_password=password, progress=progress)
            await _check(app)
        except BaseException:
            await asyncio.to_thread(server.release)
            raise
        return Dsn(app, owner, applied, server)
    key = await asyncio.to_thread(load_server_key, settings.key_file)
    owner, app, password = _external(settings, key)
    applied = await prepare(owner, app_password=password, progress=progress)
    await _check(app)
    return Dsn(app, owner, applied)


async def prepare(owner: str, *, app_password: str | None = None, progress: Callable[[str], None] = lambda name: None) -> tuple[str, ...]:
    """Make roles and apply migrations in the database of this address. Returns what was applied."""
    connection = await _connect(owner)
    try:
        await roles.ensure_roles(connection, app_password=app_password)
        applied = await migrate(connection, owner=roles.OWNER, progress=progress)
        await connection.execute(f"SET ROLE {roles.OWNER}")
        await connection.execute("SELECT gate.rebase_changes()")  # after a restore the changes not yet in the feed may be ahead of the new cluster's clock
        await connection.execute("SELECT gate.rebase_audit()")  # and so may the lines of the trail
        return applied
    finally:
        await connection.close()


async def _check(app: str) -> None:
    """As the application: the role that the address really leads to is the one that is judged."""
    connection = await _connect(app)
    try:
        version = await connection.fetchval("SELECT current_setting('server_version_num')::int")
        if version < 150000:
            raise MigrationRefused("PostgreSQL 15 or newer is needed.")
        await roles.check_app_role(connection, await connection.fetchval("SELECT session_user"))
    finally:
        await connection.close()


async def _create_database(server: Postgres) -> None:
    connection = await _connect(server.dsn())
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        pass  # another process was first
    finally:
        await connection.close()


def _external(settings: Settings, key: ServerKey) -> tuple[str, str, str | None]:
    """(owner's address, application's address, password to give to the application's role or None)."""
    if settings.database_url and settings.database_direct_url:
        user, password = urlsplit(settings.database_url).username, urlsplit(settings.database_url).password
        if user != roles.APP:
            raise MigrationRefused(f"SOJOURN_DATABASE_URL must sign in as {roles.APP} when SOJOURN_DATABASE_DIRECT_URL is given too.")
        return settings.database_direct_url, settings.database_url, unquote(password) if password else None
    url = settings.database_url or settings.database_direct_url
    password = key.derive("database-password", 24).hex()
    return url, _as_app(url, password), password


def _as_app(url: str, password: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    query = "&".join(word for word in parts.query.split("&") if word and not word.startswith(("user=", "password=")))
    return urlunsplit(parts._replace(netloc=f"{roles.APP}:{quote(password)}@{place}", query=query))


async def _connect(dsn: str) -> "asyncpg.Connection[Any]":
    try:
        return await asyncpg.connect(dsn, timeout=20, server_settings={"application_name": "sojourn"})
    except (OSError, asyncpg.PostgresError, asyncpg.ClientConfigurationError) as error:
        raise MigrationRefused(f"The database cannot be reached: {type(error).__name__}. {error if isinstance(error, asyncpg.PostgresError) else ''}".strip()) from None
