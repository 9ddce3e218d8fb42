"""The change feed as followers see it: every committed change once, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from sojourn.base.db import Database

_PAGE = 500


class Change(NamedTuple):
    """One committed change. n: its place in the tenant's feed. kind: create, update, delete or label."""

    n: int
    kind: str
    type: str
    id: str
    version: str


Handler = Callable[[list[Change]], Awaitable[None]]


class Feed:
    """The feed of one tenant. Numbers are for followers of our own; nobody outside sees one."""

    def __init__(self, db: Database, tenant: int) -> None:
        self._db, self._tenant = db, tenant

    async def number(self) -> int:
        """Give numbers to what has been committed since; how many there were. Any process may do it, one at a time does."""
        rows = await self._db.call("SELECT gate.number_changes($1, $2) AS n", self._tenant, 5000)
        return int(rows[0]["n"])

    async def after(self, n: int, limit: int = _PAGE) -> list[Change]:
        """The next changes after a number."""
        rows = await self._db.call("SELECT * FROM gate.changes($1, $2, $3)", self._tenant, n, limit)
        return [Change(row["n"], row["kind"], row["type"], row["id"], row["version"]) for row in rows]

    async def position(self, follower: str) -> int:
        """How far a follower has come."""
        rows = await self._db.call("SELECT gate.follower($1, $2) AS n", self._tenant, follower)
        return int(rows[0]["n"])

    async def advance(self, follower: str, before: int, to: int) -> bool:
        """Move a follower on; False when another process of the same name was there first."""
        rows = await self._db.call("SELECT gate.follow($1, $2, $3, $4) AS moved", self._tenant, follower, before, to)
        return bool(rows[0]["moved"])

    async def follow(self, follower: str, handle: Handler) -> int:
        """Hand the next page of changes to a follower and move it on; how many there were."""
        at = await self.position(follower)
        changes = await self.after(at)
        if changes:
            await handle(changes)
            await self.advance(follower, at, changes[-1].n)
        return len(changes)
