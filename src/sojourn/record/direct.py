"""Direct secure messaging, beside the record: mailbox, certificates, letters; by function."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from sojourn.base.db import Database


async def mailbox(db: Database, tenant: int) -> asyncpg.Record | None:
    """The mailbox as it is now, or None."""
    rows = await db.call("SELECT * FROM gate.direct_mailbox($1)", tenant)
    return rows[0] if rows else None


async def claim(db: Database, tenant: int, now: datetime, next_: datetime) -> bool:
    """Whether it is our turn to look into the mailbox."""
    return bool((await db.call("SELECT gate.direct_claim($1, $2, $3) AS ours", tenant, now, next_))[0]["ours"])


async def looked(db: Database, tenant: int, due: datetime, good: datetime | None, problem: str) -> None:
    """How it went, and when the next turn is."""
    await db.call("SELECT gate.direct_looked($1, $2, $3, $4)", tenant, due, good, problem)


async def partners(db: Database, tenant: int) -> list[asyncpg.Record]:
    """How each partner writes, as it is now."""
    return await db.call("SELECT * FROM gate.direct_partners($1)", tenant)


async def certificates(db: Database, tenant: int, partner: str) -> list[asyncpg.Record]:
    """Certificates and lists of a partner and of every partner."""
    return await db.call("SELECT * FROM gate.direct_certificates($1, $2)", tenant, partner)


async def leave(db: Database, tenant: int, letter: str, partner: str, now: datetime) -> str:
    """Write down that a letter leaves; the state that it is in."""
    return str((await db.call("SELECT gate.direct_leave($1, $2, $3, $4) AS state", tenant, letter, partner, now))[0]["state"])


async def told(db: Database, tenant: int, *row: Any) -> bool:
    """What became of a letter. row: letter, partner, state, why, now."""
    return bool((await db.call("SELECT gate.direct_told($1, $2, $3, $4, $5, $6) AS there", tenant, *row))[0]["there"])


async def letters(db: Database, tenant: int, partner: str, letter: str, most: int) -> list[asyncpg.Record]:
    """Letters to a partner, the last first."""
    return await db.call("SELECT * FROM gate.direct_letters($1, $2, $3, $4)", tenant, partner, letter, most)


async def refuse(db: Database, tenant: int, *row: Any) -> None:
    """A mail is not taken. row: its keyed digest, sender, reason, now."""
    await db.call("SELECT gate.direct_refuse($1, $2, $3, $4, $5)", tenant, *row)


async def refusals(db: Database, tenant: int, most: int) -> list[asyncpg.Record]:
    """Mail that was not taken, the last first."""
    return await db.call("SELECT * FROM gate.direct_refusals($1, $2)", tenant, most)


async def lists(db: Database, tenant: int) -> list[asyncpg.Record]:
    """Revocation lists that were fetched: url, body, until, asked, good, problem."""
    return await db.call("SELECT * FROM gate.direct_lists($1)", tenant)


async def put_list(db: Database, tenant: int, url: str, body: bytes, until: datetime, problem: str, now: datetime) -> None:
    """What came of asking for one; problem: '' for a good list."""
    await db.call("SELECT gate.direct_put_list($1, $2, $3, $4, $5, $6)", tenant, url, body, until, problem, now)
