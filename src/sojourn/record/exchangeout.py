"""What goes out to partners: what may have to be told, what leaves, what was held back; by function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Head


def _call(name: str, count: int) -> str:
    return f"SELECT * FROM gate.{name}({', '.join(f'${n}' for n in range(1, count + 1))})"  # noqa: S608 - our own names


_INTEND, _INTENTS, _UNTOLD, _MADE = _call("exchange_intend", 7), _call("exchange_intents", 5), _call("exchange_untold", 5), _call("exchange_made", 16)
_LEAVE, _LEAVING, _SENT, _TELL, _TOLD = _call("exchange_leave", 4), _call("exchange_leaving", 7), _call("exchange_sent", 8), _call("exchange_tell", 6), _call("exchange_told", 2)
_WITHHELD, _ANEW, _UNANSWERED, _ANSWERED = _call("exchange_withheld", 7), _call("exchange_anew", 5), _call("exchange_unanswered", 4), _call("exchange_answered", 3)


async def intend(db: Database, tenant: int, now: datetime, rows: Sequence[Sequence[Any]]) -> None:
    """Remember what may have to be told. row: intent, partner, lane, about, subject."""
    await db.call(_INTEND, tenant, now, *(list(column) for column in zip(*rows, strict=True)))


async def intents(db: Database, tenant: int, partner: str, now: datetime, lease: datetime, most: int) -> list[asyncpg.Record]:
    """The next that a partner may have to be told, nobody else's until `lease`."""
    return await db.call(_INTENTS, tenant, partner, now, lease, most)


async def untold(db: Database, tenant: int, now: datetime, intent: str, state: str, due: datetime) -> None:
    """Nothing is told: '' for good, 'withheld', or 'waiting' until `due`."""
    await db.call(_UNTOLD, tenant, now, intent, state, due)


async def made(db: Database, tenant: int, now: datetime, *row: Any) -> bool:
    """Keep a message that is to leave, in the order of gate.exchange_made."""
    return bool((await db.call(_MADE, tenant, now, *row))[0][0])


async def leave(db: Database, tenant: int, partner: str, now: datetime, lease: datetime) -> asyncpg.Record | None:
    """The next message that leaves, or None."""
    rows = await db.call(_LEAVE, tenant, partner, now, lease)
    return rows[0] if rows else None


async def leaving(db: Database, tenant: int, now: datetime, message: str, body: bytes, size: int, digest: bytes, job: bytes) -> bool:
    """It leaves with these bytes. False where it may not any more."""
    return bool((await db.call(_LEAVING, tenant, now, message, body, size, digest, job))[0][0])


async def sent(db: Database, tenant: int, now: datetime, message: str, state: str, reason: str, due: datetime, facts: bytes | None, result: bytes | None) -> None:
    """What became of it."""
    await db.call(_SENT, tenant, now, message, state, reason, due, facts, result)


async def tell(db: Database, tenant: int, now: datetime, partner: str, about: bytes, facts: bytes) -> None:
    """What a partner counts as knowing, without a message."""
    await db.call(_TELL, tenant, now, partner, about, facts, "")


async def told(db: Database, tenant: int, about: bytes) -> asyncpg.Record | None:
    """What a partner was last told: facts, and the message that told it."""
    rows = await db.call(_TOLD, tenant, about)
    return rows[0] if rows else None


async def withheld(db: Database, head: Head, one: str, before: int, most: int) -> list[asyncpg.Record]:
    """What was held back, the last first."""
    return await db.call(_WITHHELD, *head, one, before, most)


async def anew(db: Database, head: Head, intent: str) -> bool:
    """Have it decided anew; False where it is not there."""
    return bool((await db.call(_ANEW, *head, intent))[0][0])


async def unanswered(db: Database, tenant: int, partner: str, since: datetime, most: int) -> list[asyncpg.Record]:
    """Messages that were looked at and have no application acknowledgement yet."""
    return await db.call(_UNANSWERED, tenant, partner, since, most)


async def answered(db: Database, tenant: int, now: datetime, message: str) -> bool:
    """It has one now, or needs none; False where it had."""
    return bool((await db.call(_ANSWERED, tenant, now, message))[0][0])
