"""By which references edits of before tell of a change: gate functions, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Head


async def following(db: Database, head: Head, limit: int) -> Sequence[asyncpg.Record]:
    """The next edits that were not looked at: place, next, and of each seq, before, after; one row without a seq where there is none among them. For the account that labels."""
    return await db.call("SELECT * FROM gate.telling_next($1, $2, $3, $4, $5)", *head, limit)


async def put(db: Database, head: Head, place: int, after: int, by: Mapping[int, Iterable[Iterable[str]]]) -> bool:
    """Keep of each edit the groups by which it tells, and move on; False when another process was there first."""
    rows = [(seq, part, target) for seq, groups in by.items() for part, group in enumerate(groups) for target in sorted(group)]
    found = await db.call("SELECT gate.telling_put($1, $2, $3, $4, $5, $6, $7, $8, $9) AS done", *head, place, after, *([row[n] for row in rows] for n in range(3)))
    return bool(found[0]["done"])
