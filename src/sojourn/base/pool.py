"""Connections to PostgreSQL kept open and lent out, the last used first."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TypeAlias

import asyncpg

from sojourn.base import clock

Connection: TypeAlias = asyncpg.Connection

_STATEMENTS = 400
"""Statements that a connection keeps prepared, 1.6 MB each in the middle: most of the 455 that all pages of eight roles ask together. With 200 somebody's
statements were always prepared anew because somebody else had worked meanwhile (docs/performance.md)."""
_UNUSED = 600.0
"""Seconds after which a connection that nobody needed is closed: what a busy hour opened does not hold its memory for ever."""


class Pool:
    """At most `size` connections, opened when they are wanted.

    asyncpg's own pool makes a task and two timeouts for every return of a connection, a fifth of the processor time of a
    read (docs/decisions/0006-driver.md). Here lending is two list operations; nothing is reset, because nothing may leave state
    in a session.
    """

    def __init__(self, dsn: str, size: int) -> None:
        self._dsn = dsn
        self._size = size
        self._idle: list[tuple[float, Connection]] = []  # since when, the one used last at the end
        self._all: set[Connection] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._closed = False

    async def acquire(self) -> Connection:
        """A connection that is open as far as is known. Raises what asyncpg raises when there is none to be had."""
        while not self._closed:
            while self._idle:
                _, connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._all.discard(connection)
            if len(self._all) + self._opening < self._size:
                return await self._connect()
            found = await self._wait()
            if found is not None:
                return found
        raise asyncpg.InterfaceError("the pool is closed")

    def release(self, connection: Connection) -> None:
        """Give it back. One that broke, or that is still in a transaction, is not used again."""
        if connection.is_closed() or connection.is_in_transaction() or self._closed:
            if not connection.is_closed():
                connection.terminate()
            self._all.discard(connection)
            self._wake(None)
        elif self._waiting:
            self._wake(connection)
        else:
            now = clock.monotonic()
            self._idle.append((now, connection))
            self._trim(now)

    def _trim(self, now: float) -> None:
        """Let go of one that nobody has needed for long: the first, since the last used is lent first. One is always kept."""
        since, connection = self._idle[0]
        if now - since > _UNUSED and len(self._idle) > 1:
            del self._idle[0]
            self._all.discard(connection)
            connection.terminate()

    def numbers(self) -> dict[str, int]:
        """How many connections are open and idle, and how many requests wait for one."""
        return {"open": len(self._all), "idle": len(self._idle), "waiting": sum(not w.done() for w in self._waiting)}

    async def close(self) -> None:
        """Close what is idle now; the rest is closed when it comes back."""
        self._closed = True
        idle, self._idle = self._idle, []
        for _, connection in idle:
            self._all.discard(connection)
            try:
                await connection.close(timeout=5)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                connection.terminate()  # it has fallen with the server
        while self._waiting:
            self._wake(None)

    async def _connect(self) -> Connection:
        self._opening += 1
        try:
            # Every statement is kept prepared, however long it is and however long ago it was asked: to read and plan one costs more than to run it,
            # and one in which a page asks for all it needs has some ten thousand characters a question.
            connection = await asyncpg.connect(self._dsn, command_timeout=60, statement_cache_size=_STATEMENTS, max_cacheable_statement_size=0, max_cached_statement_lifetime=0)
            self._all.add(connection)
            return connection
        except BaseException:
            self._wake(None)
            raise
        finally:
            self._opening -= 1

    async def _wait(self) -> Connection | None:
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # lent in the moment in which its task ended
                lent = waiter.result()
                if lent is not None:
                    self.release(lent)
                else:
                    self._wake(None)
            raise

    def _wake(self, connection: Connection | None) -> None:
        """Hand a connection, or the chance to open one, to who has waited longest."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if connection is not None:
            self._idle.append((clock.monotonic(), connection))
