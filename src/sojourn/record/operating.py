"""Numbers for whoever operates the server: of all organizations together, about nobody."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from sojourn.base.db import Database


async def messages(db: Database) -> list[asyncpg.Record]:
    """How many messages wait, and since when the oldest: door, direction, state, n, oldest."""
    return await db.call("SELECT * FROM gate.operating()")


async def queues(db: Database, now: datetime) -> list[asyncpg.Record]:
    """The same of what else waits: queue, state, n, oldest or None."""
    return await db.call("SELECT * FROM gate.operating_queues($1)", now)


async def answers(db: Database) -> None:
    """Ask the database for nothing. Raises Unavailable when it does not answer."""
    await db.call("SELECT 1 AS one")
