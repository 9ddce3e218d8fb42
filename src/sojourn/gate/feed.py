"""The change feed as followers see it: every committed change exactly once, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import errors
from sojourn.base.db import Database, Transaction
from sojourn.record.combining import Writer

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_PAGE = 500


class Change(NamedTuple):
    """One committed change. n: its place in the tenant's feed. kind: create, update, delete or label."""

    n: int
    kind: str
    type: str
    id: str
    version: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What a follower does its work with. All of it is committed together with the follower's place, or none of it.

    db: for functions of the gate and the record that take a database. What is done in any other way (a message sent, a file) may be
    done again after a fall: let another follower do it from a list that is kept here.
    """

    tenant: int
    db: Transaction

    def inside(self, access: Access) -> Access:
        """The same Access, whose writes are part of this transaction. What it reads is what was committed before."""
        here = copy(access)
        here.house = replace(access.house, db=self.db, writer=Writer(self.db))
        return here


Handler = Callable[[Turn, list[Change]], Awaitable[None]]


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
        return await _after(self._db, self._tenant, n, limit)

    async def position(self, follower: str) -> int:
        """How far a follower has come."""
        rows = await self._db.call("SELECT gate.follower($1, $2) AS n", self._tenant, follower)
        return int(rows[0]["n"])

    async def follow(self, follower: str, handle: Handler, *, limit: int = _PAGE) -> int:
        """Hand the next page of changes to a follower and move it on, in one transaction; how many there were.

        Exactly once: what the follower does with its Turn and its place are committed together, and only one process at a time does
        it for a name; any other finds nothing to do. What `handle` raises undoes its work, and the page comes again. Raises also
        Unavailable; then the place says whether it was done.
        """
        async with self._db.together() as transaction:
            rows = await transaction.call("SELECT gate.follower_begin($1, $2) AS n", self._tenant, follower)
            at = rows[0]["n"]
            changes = await _after(transaction, self._tenant, at, limit) if at is not None else []
            if changes:
                await handle(Turn(self._tenant, transaction), changes)
                moved = await transaction.call("SELECT gate.follow($1, $2, $3, $4) AS moved", self._tenant, follower, at, changes[-1].n)
                if not moved[0]["moved"]:
                    raise errors.Conflict()  # undoes what was done
        return len(changes)


async def _after(db: Database, tenant: int, n: int, limit: int) -> list[Change]:
    rows = await db.call("SELECT * FROM gate.changes($1, $2, $3)", tenant, n, limit)
    return [Change(row["n"], row["kind"], row["type"], row["id"], row["version"]) for row in rows]
