"""The feed once everything is in it."""

from __future__ import annotations

import asyncio

from sojourn.gate.feed import Feed
from tests.people import A, Clinic


async def numbered(clinic: Clinic, tenant: int = A) -> Feed:
    """A change waits for every transaction of the server that began before it, also those of other tests."""
    feed = Feed(clinic.gate.house.db, tenant)
    async with asyncio.timeout(60):
        while await feed.number() or await clinic.owner.fetchval("SELECT count(*) FROM record.change WHERE tenant = $1", tenant):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
    return feed
