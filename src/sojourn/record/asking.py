"""What was asked of partners about clients, beside the record; by function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Head


async def put(db: Database, head: Head, *row: Any) -> None:
    """Write one down. row: ask, partner, patient, program, account, body, stamp."""
    await db.call("SELECT gate.ask_put($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", *head, *row)


async def asks(db: Database, head: Head, patient: str, programs: Sequence[int], ask: str = "", most: int = 20) -> list[asyncpg.Record]:
    """Those about a client, of these programs, the newest first; or one of them."""
    return await db.call("SELECT * FROM gate.asks($1, $2, $3, $4, $5, $6, $7, $8)", *head, patient, list(programs), ask, most)


async def failed(db: Database, head: Head, programs: Sequence[int], most: int) -> list[asyncpg.Record]:
    """Those of these programs that ended without an answer, the last first."""
    return await db.call("SELECT * FROM gate.asks_failed($1, $2, $3, $4, $5, $6)", *head, list(programs), most)


async def change(db: Database, head: Head, *row: Any) -> bool:
    """Change one. row: ask, the stamp that was read, state, body, stamp. False where it changed meanwhile."""
    return bool((await db.call("SELECT gate.ask_change($1, $2, $3, $4, $5, $6, $7, $8, $9) AS done", *head, *row))[0]["done"])


async def claim(db: Database, tenant: int, now: datetime, lease: datetime) -> asyncpg.Record | None:
    """The next that is to be done, now ours until the lease is over."""
    rows = await db.call("SELECT * FROM gate.ask_claim($1, $2, $3)", tenant, now, lease)
    return rows[0] if rows else None


async def step(db: Database, tenant: int, now: datetime, *row: Any) -> bool:
    """How far it is. row: ask, the stamp that was read, state, body, stamp, due, lease, tries. False where somebody changed it meanwhile."""
    return bool((await db.call("SELECT gate.ask_step($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS done", tenant, now, *row))[0]["done"])


async def old(db: Database, head: Head, before: datetime, most: int) -> list[asyncpg.Record]:
    """Those that are over since before a moment, the oldest first."""
    return await db.call("SELECT * FROM gate.asks_old($1, $2, $3, $4, $5, $6)", *head, before, most)
