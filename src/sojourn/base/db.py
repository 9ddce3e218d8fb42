"""The pool, the transaction, and the settings each transaction carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from sojourn.base import errors, underway
from sojourn.base.pool import Connection, Pool

# SQLSTATEs raised by the functions of the gate, and lock or serialization failures that are worth another try.
STALE = "SJ401"
CHANGED = "SJ409"
_AGAIN = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_GONE = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError, asyncpg.AdminShutdownError,
         asyncpg.CrashShutdownError, asyncpg.InternalClientError)  # fmt: skip


class Changed(Exception):
    """Something was changed since it was read; nothing was written."""


class Database:
    """A pool of connections as the application role, which by itself may read nothing.

    The pool's reset is off: nothing may leave state in a session (only SET LOCAL and transaction-level locks), which also
    makes pgbouncer in transaction mode possible.
    """

    def __init__(self, dsn: str, *, connections: int = 16) -> None:
        self.dsn = dsn
        self.connections = connections
        self._pool: Pool | None = None
        self._asides = asyncio.Semaphore(max(1, connections // 4))

    @property
    def pool(self) -> Pool:
        """The open pool. Raises Unavailable before `open` and after `close`."""
        if self._pool is None:
            raise errors.Unavailable("The database is not open.")
        return self._pool

    async def open(self) -> None:
        """Connect. Raises Unavailable when nobody answers."""

        pool = Pool(self.dsn, self.connections)
        try:
            pool.release(await pool.acquire())
        except _GONE as error:
            raise errors.Unavailable("The database does not answer.") from error
        self._pool = pool

    async def close(self) -> None:
        """Let go of every connection."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def call(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """One statement, one round trip, by itself a transaction. Raises StaleCredential, Changed or Unavailable."""
        with underway.statement():
            return await self._call(sql, *args)

    async def _call(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        for attempt in range(4):
            try:
                pool = self.pool
                connection = await pool.acquire()
                try:
                    rows: list[asyncpg.Record] = await connection.fetch(sql, *args)
                    return rows
                except BaseException as error:
                    _drop_broken(connection, error)
                    raise
                finally:
                    pool.release(connection)
            except _AGAIN:
                if attempt == 3:
                    raise errors.Conflict() from None
                await asyncio.sleep(0.01 * 2**attempt)
            except asyncpg.PostgresError as error:
                raise translated(error) from error
            except _GONE as error:
                raise errors.Unavailable("The database does not answer.") from error
        raise AssertionError

    @asynccontextmanager
    async def reading(self, tenant: int, *, large: bool = False, once: bool = False) -> AsyncIterator[Connection]:
        """A transaction of the reading role, confined to a tenant: begin and settings are one round trip.

        Statements are planned once for each connection: with the predicate in them a plan takes 2 to 8 ms, mostly longer than its execution,
        and left to itself PostgreSQL makes the first five of each statement and connection anew.
        large: for statements that touch so many rows that a plan for just these values pays.
        once: for statements that are so long that planning them costs more than running them: planned once a connection, for all
            values and sizes, as the functions of the gate are.
        """
        planned = f"; SET LOCAL plan_cache_mode = {'force_custom_plan' if large else 'force_generic_plan'}" + ("; SET LOCAL enable_seqscan = off" if once and not large else "")
        with underway.statement():
            async with self._reading(tenant, planned) as connection:
                yield connection

    @asynccontextmanager
    async def _reading(self, tenant: int, planned: str) -> AsyncIterator[Connection]:
        try:
            async with self._borrowed() as connection:
                await connection.execute(f"BEGIN READ ONLY; {_confined(tenant)}{planned}")
                try:
                    yield connection
                finally:
                    if not connection.is_closed():
                        await connection.execute("COMMIT")
        except asyncpg.QueryCanceledError as error:
            raise errors.TooCostly() from error
        except asyncpg.PostgresError as error:
            raise translated(error) from error
        except _GONE as error:
            raise errors.Unavailable("The database does not answer.") from error


    @asynccontextmanager
    async def together(self) -> AsyncIterator[Transaction]:
        """Everything called on what this gives is committed together at the end, or not at all when something is raised."""
        raised: BaseException | None = None  # by what is done in it; passed on as it is
        try:
            async with self._borrowed() as connection, connection.transaction():
                try:
                    yield Transaction(self, connection)
                except BaseException as error:
                    raised = error
                    raise
        except (*_GONE, asyncpg.PostgresError) as error:
            if error is raised:
                raise
            raise translated(error) from error

    @asynccontextmanager
    async def taken_back(self) -> AsyncIterator[Aside]:
        """What is called on this is taken back at the end, and what is read there is read as if it stood. At most a quarter of the connections at a time: who
        reads there may wait for another."""
        async with self._asides:
            try:
                async with self._borrowed() as connection:
                    transaction = connection.transaction()
                    await transaction.start()
                    try:
                        yield Aside(self, connection)
                    finally:
                        if not connection.is_closed():
                            await transaction.rollback()
            except (asyncpg.PostgresError, *_GONE) as error:
                raise translated(error) from error

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Connection]:
        """A connection of the pool, given back afterwards, and closed where nobody knows any more what it is doing."""
        pool = self.pool
        connection = await pool.acquire()
        try:
            yield connection
        except BaseException as error:
            _drop_broken(connection, error)
            raise
        finally:
            pool.release(connection)


class Transaction(Database):
    """One transaction, called like the database. What fails in it undoes itself only, so that it may be tried again."""

    def __init__(self, database: Database, connection: Connection) -> None:
        super().__init__(database.dsn, connections=database.connections)
        self._database, self._connection = database, connection
        self._turn = asyncio.Lock()

    @property
    def pool(self) -> Pool:
        """For reading in a transaction of its own, as `reading` does: it does not see what is written here."""
        return self._database.pool

    @asynccontextmanager
    async def together(self) -> AsyncIterator[Transaction]:
        """Part of this transaction, which is committed when it ends."""
        yield self

    async def call(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """One statement of the transaction. Raises as `Database.call`."""
        try:
            async with self._turn, self._connection.transaction():
                rows: list[asyncpg.Record] = await self._connection.fetch(sql, *args)
                return rows
        except _AGAIN:
            raise errors.Conflict() from None
        except asyncpg.PostgresError as error:
            raise translated(error) from error
        except _GONE as error:
            raise errors.Unavailable("The database does not answer.") from error


class Aside(Transaction):
    """A transaction that is taken back, in which searches read, too."""

    @asynccontextmanager
    async def _reading(self, tenant: int, planned: str) -> AsyncIterator[Connection]:
        try:
            async with self._turn:
                step = self._connection.transaction()
                await step.start()
                try:
                    await self._connection.execute(f"{_confined(tenant)}{planned}")
                    yield self._connection
                finally:
                    if not self._connection.is_closed():
                        await step.rollback()  # and with it the role and the settings
        except asyncpg.QueryCanceledError as error:
            raise errors.TooCostly() from error
        except asyncpg.PostgresError as error:
            raise translated(error) from error
        except _GONE as error:
            raise errors.Unavailable("The database does not answer.") from error

    async def call(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """One statement of the transaction. Raises as `Database.call`."""
        with underway.statement():
            return await super().call(sql, *args)


def _confined(tenant: int) -> str:
    """Settings of a transaction that reads as the reading role, of one tenant."""
    return f"SET LOCAL ROLE sojourn_read; SET LOCAL gate.tenant = '{tenant:d}'; SET LOCAL statement_timeout = '20s'"


def _drop_broken(connection: Connection, error: BaseException) -> None:
    """Close a connection whose statement did not end in a plain error: it may still be busy, or be falling, and not know it yet."""
    plain = isinstance(error, asyncpg.PostgresError | errors.SojournError) and not isinstance(error, _GONE)
    if not plain and not connection.is_closed():
        connection.terminate()


def translated(error: Exception) -> Exception:
    """What a database error means to callers. Unknown ones stay what they are, and become a 500 without detail."""
    state = getattr(error, "sqlstate", None)
    if state == STALE:
        return errors.StaleCredential()
    if state == CHANGED:
        return Changed()
    if isinstance(error, asyncpg.UniqueViolationError):
        return Changed()
    if isinstance(error, _GONE):
        return errors.Unavailable("The database does not answer.")
    return error
