"""Numbers for whoever operates the server: of all organizations together, about nobody."""

from __future__ import annotations

import asyncpg

from sojourn.base.db import Database


async def messages(db: Database) -> list[asyncpg.Record]:
    """How many messages wait, and since when the oldest: door, direction, state, n, oldest."""
    return await db.call("SELECT * FROM gate.operating()")


async def answers(db: Database) -> None:
    """Ask the database for nothing. Raises Unavailable when it does not answer."""
    await db.call("SELECT 1 AS one")
