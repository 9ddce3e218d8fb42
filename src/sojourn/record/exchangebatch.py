"""HL7 v2 messages that leave in files, beside the record; by function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from sojourn.base.db import Database
from sojourn.record.sftp import Who


async def waiting(db: Database, tenant: int, partner: str, now: datetime, most: int) -> list[asyncpg.Record]:
    """Of each person the first message that waits for a partner and is in no file."""
    return await db.call("SELECT * FROM gate.exchange_batch_waiting($1, $2, $3, $4)", tenant, partner, now, most)


async def begin(db: Database, tenant: int, partner: str, batch: str, begins: datetime, now: datetime, messages: Sequence[str]) -> bool:
    """A file of these; False where there is one of that time."""
    return bool((await db.call("SELECT gate.exchange_batch_begin($1, $2, $3, $4, $5, $6) AS done", tenant, partner, batch, begins, now, list(messages)))[0]["done"])


async def there(db: Database, tenant: int, partner: str, begins: datetime) -> bool:
    """Whether there is or was a file of that time."""
    return bool((await db.call("SELECT gate.exchange_batch_there($1, $2, $3) AS there", tenant, partner, begins))[0]["there"])


async def out(db: Database, tenant: int, partner: str, now: datetime) -> list[tuple[str, datetime]]:
    """(file, its time) of what a partner has not taken."""
    return [(r["batch"], r["begins"]) for r in await db.call("SELECT * FROM gate.exchange_batches($1, $2, $3)", tenant, partner, now)]


async def messages(db: Database, tenant: int, batch: str) -> list[asyncpg.Record]:
    """The messages of a file that still wait."""
    return await db.call("SELECT * FROM gate.exchange_batch_messages($1, $2)", tenant, batch)


async def over(db: Database, who: Who, batch: str, taken: Sequence[str]) -> bool:
    """They took a file with these messages to its end, or removed it (none); False where that was said before."""
    return bool((await db.call("SELECT gate.exchange_batch_over($1, $2, $3, $4, $5, $6) AS done", *who, batch, list(taken)))[0]["done"])


async def sweep(db: Database, tenant: int, partner: str, now: datetime) -> None:
    """Files of which nothing is left are over."""
    await db.call("SELECT gate.exchange_batch_sweep($1, $2, $3)", tenant, partner, now)


async def acknowledged(db: Database, tenant: int, partner: str, control: str, now: datetime, reason: str) -> bool:
    """A partner said what became of a message of ours; False where no message of that number went to them. reason: '' where they took it."""
    return bool((await db.call("SELECT gate.exchange_acknowledged($1, $2, $3, $4, $5) AS known", tenant, partner, control, now, reason))[0]["known"])
