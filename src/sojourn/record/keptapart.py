"""Notes kept apart that still stand in the open, and the files they leave: gate functions, by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Head


async def in_the_open(db: Database, head: Head, limit: int) -> list[asyncpg.Record]:
    """Versions labelled as such notes that are not sealed as a whole, for the account that labels: seq, blobs, `body` as it stands in the row, `whole` as it is stored."""
    return await db.call("SELECT * FROM gate.in_the_open($1, $2, $3, $4, $5)", *head, limit)


async def put(db: Database, tenant: int, now: datetime, seqs: Sequence[int], before: Sequence[bytes], sealed: Sequence[bytes]) -> int:
    """Put their bodies apart, unless they changed since they were read; how many were."""
    rows = await db.call("SELECT gate.put_apart($1, $2, $3, $4, $5) AS n", tenant, now, list(seqs), list(before), list(sealed))
    return int(rows[0]["n"])


async def leftovers(db: Database, tenant: int, until: datetime) -> list[str]:
    """Digests of files that such notes left before a moment and that nothing holds."""
    return [row["digest"] for row in await db.call("SELECT digest FROM gate.leftovers($1, $2) AS digest", tenant, until)]


async def gone(db: Database, tenant: int, digests: Sequence[str]) -> None:
    """These files were removed."""
    await db.call("SELECT gate.leftovers_gone($1, $2)", tenant, list(digests))


async def telling_of(db: Database, tenant: int, targets: Sequence[str]) -> list[asyncpg.Record]:
    """Every version of what refers to one of these `Type/id`, or did, by resource, oldest first: seq, type, id, own, apart, `says` (it is named in it), body."""
    return await db.call("SELECT * FROM gate.telling_of($1, $2)", tenant, list(targets))


async def tell_of(db: Database, tenant: int, apart: dict[int, bool], named: Sequence[int]) -> None:
    """Say of these versions whether they changed nothing but such notes, and of others that they name one."""
    await db.call("SELECT gate.tell_of($1, $2, $3, $4)", tenant, list(apart), list(apart.values()), list(named))
