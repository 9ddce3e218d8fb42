"""Alarms about partners, and who may answer for these; beside the record, by function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Head


async def hold(db: Database, head: Head, alarms: Sequence[tuple[str, str, datetime]]) -> int:
    """What holds now, all of it, as (partner, kind, began); how many alarms were opened or closed by it."""
    columns = [list(c) for c in zip(*alarms, strict=True)] or [[], [], []]
    rows = await db.call("SELECT gate.exchange_alarms_hold($1, $2, $3, $4, $5, $6, $7) AS n", *head, *columns)
    return int(rows[0]["n"])


async def alarms(db: Database, head: Head, partner: str, most: int) -> list[asyncpg.Record]:
    """Those of every partner that are open ('' as the partner), or the last of one."""
    return await db.call("SELECT * FROM gate.exchange_alarms($1, $2, $3, $4, $5, $6)", *head, partner, most)


async def keepers(db: Database, head: Head) -> list[asyncpg.Record]:
    """Staff who look after messages: account, name."""
    return await db.call("SELECT * FROM gate.exchange_keepers($1, $2, $3, $4)", *head)
