"""What is owed by contracts of exchanges, what closes it, and how much comes and goes; by function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Head


async def overdue(db: Database, head: Head, terms: Sequence[Sequence[Any]], most: int) -> list[asyncpg.Record]:
    """Of each term the oldest that are overdue. term: partner, direction, kind, closes, hours, since."""
    if not terms:
        return []
    return await db.call("SELECT * FROM gate.exchange_overdue($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", *head, *(list(c) for c in zip(*terms, strict=True)), most)


async def close(db: Database, tenant: int, now: datetime, abouts: Sequence[bytes]) -> None:
    """What was asked about these is answered."""
    await db.call("SELECT gate.exchange_close($1, $2, $3)", tenant, now, list(abouts))


async def traffic(db: Database, head: Head, partner: str, begin: datetime, unit: str, zone: str) -> list[asyncpg.Record]:
    """How many messages by hour or day."""
    return await db.call("SELECT * FROM gate.exchange_traffic($1, $2, $3, $4, $5, $6, $7, $8)", *head, partner, begin, unit, zone)
