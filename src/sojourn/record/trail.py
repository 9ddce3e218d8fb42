"""The audit trail: rows in groups, durable before the answers that they belong to may leave."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, NamedTuple

from sojourn.base import errors
from sojourn.base.db import Database


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
_PATIENCE = 2.0  # seconds that a group may take before its lines are tried one by one


class Trail:
    """Commits lines in groups: while one group is being flushed, the next one gathers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[int, Entry, asyncio.Future[Receipt]]] = []
        self._flusher: asyncio.Task[None] | None = None

    async def record(self, tenant: int, entry: Entry) -> Receipt:
        """Make a line durable. Raises Unavailable when that cannot be done: then the answer must not be given."""
        done: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((tenant, entry, done))
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        return await done

    async def _flush(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            by_tenant: dict[int, list[tuple[Entry, asyncio.Future[Receipt]]]] = {}
            for tenant, entry, done in group:
                by_tenant.setdefault(tenant, []).append((entry, done))
            for tenant, lines in by_tenant.items():
                await self._commit(tenant, lines)

    async def _commit(self, tenant: int, lines: list[tuple[Entry, asyncio.Future[Receipt]]]) -> None:
        """A failed or late group is tried line by line, so that only what really fails is refused."""
        try:
            await asyncio.wait_for(self._insert(tenant, [entry for entry, _ in lines]), _PATIENCE)
        except Exception:  # noqa: BLE001 - whatever went wrong, each line gets its own answer
            for entry, done in lines:
                await self._commit_one(tenant, entry, done)
            return
        for entry, done in lines:
            if not done.done():
                done.set_result(Receipt(entry.request))

    async def _commit_one(self, tenant: int, entry: Entry, done: asyncio.Future[Receipt]) -> None:
        try:
            await asyncio.wait_for(self._insert(tenant, [entry]), _PATIENCE)
        except Exception as error:  # noqa: BLE001 - becomes the waiting answer's 503
            if not done.done():
                unavailable = errors.Unavailable()
                unavailable.__cause__ = error
                done.set_exception(unavailable)
        else:
            if not done.done():
                done.set_result(Receipt(entry.request))

    async def _insert(self, tenant: int, entries: list[Any]) -> None:
        await self._database.call(_INSERT, tenant, entries)
