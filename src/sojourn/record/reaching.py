"""Documents on their way to partners, and what is known of the ways there; by function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Head


def _call(name: str, count: int) -> str:
    return f"SELECT * FROM gate.{name}({', '.join(f'${n}' for n in range(1, count + 1))})"  # noqa: S608 - our own names


_PUT, _TAKE, _LEAVING, _SETTLE = _call("reach_put", 15), _call("reach_take", 5), _call("reach_leaving", 5), _call("reach_settle", 10)
_STATES, _ONE, _FIND, _FINDINGS, _TROUBLES = _call("reach_states", 5), _call("reach_one", 5), _call("reach_find", 6), _call("reach_findings", 2), _call("reach_troubles", 4)
_STOPPED = _call("reach_stopped", 6)
_LOST, _LOST_TOLD = _call("reach_lost", 1), _call("reach_lost_told", 2)


async def put(db: Database, head: Head, *row: Any) -> bool:
    """Put one into the queue, in the order of gate.reach_put; False where its partner is not active."""
    return bool((await db.call(_PUT, *head, *row))[0][0])


async def take(db: Database, tenant: int, now: datetime, lease: datetime, without: Sequence[str], most: int) -> list[asyncpg.Record]:
    """The next that are due, nobody else's until `lease`; none of the partners `without`."""
    return await db.call(_TAKE, tenant, now, lease, list(without), most)


async def leaving(db: Database, tenant: int, now: datetime, message: str, way: str, job: bytes) -> bool:
    """It leaves by a way. False where it may not any more."""
    return bool((await db.call(_LEAVING, tenant, now, message, way, job))[0][0])


async def settle(db: Database, tenant: int, now: datetime, message: str, source: str, state: str, reason: str, due: datetime, job: bytes | None, said: str, author: str) -> bool:
    """What became of one that was in the state `source`; False where it is not any more."""
    return bool((await db.call(_SETTLE, tenant, now, message, source, state, reason, due, job, said, author))[0][0])


async def lost(db: Database, tenant: int) -> list[asyncpg.Record]:
    """Those that counted as arrived and did not, each with why, of which nobody was told."""
    return await db.call(_LOST, tenant)


async def lost_told(db: Database, tenant: int, message: str) -> None:
    """What it belongs to was told."""
    await db.call(_LOST_TOLD, tenant, message)


async def states(db: Database, head: Head, messages: Sequence[str]) -> list[asyncpg.Record]:
    """How far some are."""
    return await db.call(_STATES, *head, list(messages))


async def one(db: Database, head: Head, message: str) -> asyncpg.Record | None:
    """One with its contents, sealed."""
    rows = await db.call(_ONE, *head, message)
    return rows[0] if rows else None


async def stopped(db: Database, head: Head, reasons: Sequence[str], most: int) -> list[asyncpg.Record]:
    """Those that did not leave for one of these reasons, the last first."""
    return await db.call(_STOPPED, *head, list(reasons), most)


async def find(db: Database, tenant: int, now: datetime, partner: str, way: str, kind: str, said: str) -> None:
    """Keep what was found of a way: the last of its kind."""
    await db.call(_FIND, tenant, now, partner, way, kind, said)


async def findings(db: Database, tenant: int, partner: str) -> list[asyncpg.Record]:
    """What is known of a partner's ways."""
    return await db.call(_FINDINGS, tenant, partner)


async def troubles(db: Database, head: Head) -> list[asyncpg.Record]:
    """What does not work now: ways of partners, what carries for everybody, our mailbox."""
    return await db.call(_TROUBLES, *head)
