"""Wait for the server's other guests: tests run beside each other on one PostgreSQL, and a transaction of any holds back what counts as past."""

from __future__ import annotations

import asyncio

from sojourn.base.db import Database


async def settled(db: Database) -> None:
    """Return when every transaction that began before now is over, whosoever it was."""
    at = (await db.call("SELECT pg_current_xact_id()::text AS at"))[0]["at"]
    async with asyncio.timeout(60):
        while (await db.call("SELECT pg_snapshot_xmin(pg_current_snapshot()) <= $1::text::xid8 AS before", at))[0]["before"]:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
