"""The audit trail: rows in groups, durable before the answers that they belong to may leave."""

from __future__ import annotations

import asyncio
from contextvars import Context
from datetime import datetime
from typing import Any, NamedTuple

from sojourn.base import errors
from sojourn.base.db import Database
from sojourn.record.journal import Journal


class Entry(NamedTuple):
    """One line of the trail, in the order of record.audit_row. `shown`: seqs of the versions shown; `rules`: digest of the rule set."""

    recorded: datetime
    request: str
    account: str
    role: str
    door: str
    purpose: str
    action: str
    outcome: str
    type: str = ""
    query: str = ""
    patients: list[str] = []  # noqa: RUF012 - never changed
    shown: list[int] = []  # noqa: RUF012 - never changed
    rules: bytes | None = None


class Receipt(NamedTuple):
    """Proof that a line is durable. Only the trail makes one; no answer is built without one."""

    request: str


_INSERT = "SELECT gate.audit_rows($1, $2)"
_FLUSHERS = 2  # groups on their way at once: while one waits for the disk, the next is written
_WORTH = 12  # lines for which the second sets off; small groups would cost more than they save
EMERGENCY = frozenset({"ETREAT", "BTG"})
"""Purposes of use (v3-ActReason) whose lines may wait on the local disk: care is not refused because the trail cannot be written."""
_PATIENCE = 2.0  # seconds that a group may take before its lines are tried one by one


class Trail:
    """Commits lines in groups: while one group is being flushed, the next one gathers (docs/decisions/0007-audit.md)."""

    def __init__(self, database: Database, journal: Journal | None = None) -> None:
        self._database = database
        self.journal = journal
        self._waiting: list[tuple[int, Entry, asyncio.Future[Receipt]]] = []
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()  # a task that nobody holds may be collected

    async def record(self, tenant: int, entry: Entry) -> Receipt:
        """Make a line durable. Raises Unavailable when that cannot be done: then the answer must not be given."""
        done: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((tenant, entry, done))
        if not self._running or (self._running < _FLUSHERS and len(self._waiting) >= _WORTH):
            self._running += 1
            # In no request's context: it goes on with the lines of others, for which none of them waits.
            task = asyncio.create_task(self._flush(), context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await done

    async def _flush(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                by_tenant: dict[int, list[tuple[Entry, asyncio.Future[Receipt]]]] = {}
                for tenant, entry, done in group:
                    by_tenant.setdefault(tenant, []).append((entry, done))
                for tenant, lines in by_tenant.items():
                    await self._commit(tenant, lines)
        finally:
            self._running -= 1  # in the same breath as the last look: a line that comes now starts a task of its own

    async def _commit(self, tenant: int, lines: list[tuple[Entry, asyncio.Future[Receipt]]]) -> None:
        """A failed or late group is tried line by line, so that only what really fails is refused."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._insert(tenant, [entry for entry, _ in lines])
        except Exception:  # noqa: BLE001 - whatever went wrong, each line gets its own answer
            for entry, done in lines:
                await self._commit_one(tenant, entry, done)
            return
        for entry, done in lines:
            if not done.done():
                done.set_result(Receipt(entry.request))

    async def _commit_one(self, tenant: int, entry: Entry, done: asyncio.Future[Receipt]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._insert(tenant, [entry])
        except Exception as error:  # noqa: BLE001 - becomes the waiting answer's 503
            if await self._kept(tenant, entry):
                if not done.done():
                    done.set_result(Receipt(entry.request))
            elif not done.done():
                unavailable = errors.Unavailable()
                unavailable.__cause__ = error
                done.set_exception(unavailable)
        else:
            if not done.done():
                done.set_result(Receipt(entry.request))

    async def _kept(self, tenant: int, entry: Entry) -> bool:
        """Whether the line is about emergency care and now stands in the local journal."""
        if self.journal is None or entry.purpose not in EMERGENCY:
            return False
        try:
            await asyncio.to_thread(self.journal.keep, tenant, entry)
        except OSError:
            return False
        return True

    async def _insert(self, tenant: int, entries: list[Any]) -> None:
        await self._database.call(_INSERT, tenant, entries)
