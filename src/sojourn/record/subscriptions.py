"""Subscriptions beside the record, by function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Head


async def begin(db: Database, head: Head, id_: str, work: bytes, facts: str, types: Sequence[str], expires: datetime, most: int) -> bool:
    """Begin one; False where the account has as many as it may."""
    rows = await db.call("SELECT gate.subscription_begin($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS done", *head, id_, work, facts, list(types), expires, most)
    return bool(rows[0]["done"])


async def some(db: Database, tenant: int, ids: Sequence[str]) -> list[asyncpg.Record]:
    """How they stand."""
    return await db.call("SELECT * FROM gate.subscriptions($1, $2)", tenant, list(ids))


async def offer(db: Database, tenant: int, changes: Sequence[tuple[int, str, str, str]]) -> None:
    """What changed: (n, kind, type, id)."""
    await db.call("SELECT gate.subscription_offer($1, $2, $3, $4, $5)", tenant, *(list(column) for column in zip(*changes, strict=True)))


async def claim(db: Database, now: datetime, runner: str, lease: datetime, most: int) -> asyncpg.Record | None:
    """One that has something to tell; none of an account of which so many are being told."""
    rows = await db.call("SELECT * FROM gate.subscription_claim($1, $2, $3, $4)", now, runner, lease, most)
    return rows[0] if rows else None


async def take(db: Database, tenant: int, id_: str, most: int) -> list[asyncpg.Record]:
    """The next changes that wait."""
    return await db.call("SELECT * FROM gate.subscription_take($1, $2, $3)", tenant, id_, most)


async def decided(db: Database, tenant: int, id_: str, runner: str, now: datetime, ns: Sequence[int], told: Sequence[tuple[str, str, str, str]]) -> int | None:
    """Changes were decided; `told` (kind, type, id, version) get the numbers after the one returned. None where it is no longer this runner's."""
    kinds, types, ids, versions = ([t[n] for t in told] for n in range(4))
    rows = await db.call("SELECT gate.subscription_decided($1, $2, $3, $4, $5, $6, $7, $8, $9) AS last", tenant, id_, runner, now, list(ns), kinds, types, ids, versions)
    return None if rows[0]["last"] is None else int(rows[0]["last"])


async def events(db: Database, tenant: int, id_: str, first: int, last: int, *, sent: bool, most: int) -> list[asyncpg.Record]:
    """What was told, or is being told."""
    return await db.call("SELECT * FROM gate.subscription_events($1, $2, $3, $4, $5, $6)", tenant, id_, first, last, sent, most)


async def told(db: Database, tenant: int, id_: str, of: Sequence[tuple[str, str]]) -> set[tuple[str, str, str]]:
    """Which (type, id, version) were told."""
    rows = await db.call("SELECT * FROM gate.subscription_told($1, $2, $3, $4)", tenant, id_, [t for t, _ in of], [i for _, i in of])
    return {(r["type"], r["id"], r["version"]) for r in rows}


async def withdraw(db: Database, tenant: int, id_: str, runner: str, numbers: Sequence[int]) -> None:
    """These may no longer be told; the numbers close up."""
    await db.call("SELECT gate.subscription_withdraw($1, $2, $3, $4)", tenant, id_, runner, list(numbers))


async def sending(db: Database, tenant: int, id_: str, runner: str, lease: datetime, leaving: str) -> bool:
    """From here on the receiver may have it. leaving: a digest of what it says, and its disclosure; '' where it is none."""
    rows = await db.call("SELECT gate.subscription_sending($1, $2, $3, $4, $5) AS mine", tenant, id_, runner, lease, leaving)
    return bool(rows[0]["mine"])


async def settle(db: Database, tenant: int, id_: str, runner: str, *, told_: bool, refused: bool, state: str, reason: str, tries: int, due: datetime, heartbeat: datetime | None) -> None:
    """What came of it."""
    await db.call(
        "SELECT gate.subscription_settle($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce($10, 'infinity'::timestamptz))", tenant, id_, runner, told_, refused, state, reason, tries, due, heartbeat
    )


async def end(db: Database, tenant: int, id_: str, reason: str) -> None:
    """Nothing more is told."""
    await db.call("SELECT gate.subscription_end($1, $2, $3)", tenant, id_, reason)


async def sweep(db: Database, before: datetime, error: datetime) -> None:
    """Forget what was told before a moment; end those in error since before another."""
    await db.call("SELECT gate.subscription_sweep($1, $2)", before, error)


async def told_all(db: Database, tenant: int, id_: str, runner: str) -> None:
    """What was being told counts as told."""
    await db.call("SELECT gate.subscription_told_all($1, $2, $3)", tenant, id_, runner)


async def every(db: Database, head: Head, most: int) -> list[asyncpg.Record]:
    """All that have not ended, those that do not work first."""
    return await db.call("SELECT * FROM gate.subscriptions_listed($1, $2, $3, $4, $5)", *head, most)


async def again(db: Database, head: Head, id_: str) -> bool:
    """Try one at once; False where it works or has ended."""
    return bool((await db.call("SELECT gate.subscription_again($1, $2, $3, $4, $5) AS done", *head, id_))[0]["done"])
