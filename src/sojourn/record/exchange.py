"""Exchange with others, beside the record: partners, messages, who of theirs is ours; by function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Head


async def partners(db: Database, tenant: int) -> list[asyncpg.Record]:
    """Every partner as it is now."""
    return await db.call("SELECT * FROM gate.exchange_partners($1)", tenant)


async def partner_history(db: Database, tenant: int, partner: str) -> list[asyncpg.Record]:
    """Every state that one had, the newest first."""
    return await db.call("SELECT * FROM gate.exchange_partner_history($1, $2)", tenant, partner)


async def account(db: Database, tenant: int, partner: str, name: str, programs: list[int], credential: bytes, now: datetime, expires: datetime) -> bool:
    """A credential of a partner's account; False for a partner who is not active."""
    rows = await db.call("SELECT gate.exchange_account($1, $2, $3, $4, $5, $6, $7) AS made", tenant, partner, name, programs, credential, now, expires)
    return bool(rows[0]["made"])


async def keep(db: Database, tenant: int, now: datetime, rows: Sequence[Sequence[Any]]) -> list[tuple[str, bool]]:
    """Keep messages: for each (its id, whether it is new). row: message, partner, door, direction, control, digest, kind, version, lane, size, body, test."""
    found = await db.call("SELECT * FROM gate.exchange_keep($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)", tenant, now, *(list(column) for column in zip(*rows, strict=True)))
    return [(str(r["message"]), bool(r["fresh"])) for r in found]


async def take(db: Database, tenant: int, door: str, now: datetime, most: int, most_bytes: int, partners_: list[str], without: list[str]) -> list[asyncpg.Record]:
    """The next messages to be done but those of `without`, held until the transaction ends."""
    return await db.call("SELECT * FROM gate.exchange_take($1, $2, $3, $4, $5, $6, $7)", tenant, door, now, most, most_bytes, partners_, without)


async def documents(db: Database, tenant: int, partner: str, now: datetime, what: str) -> str:
    """Why documents do not go to a partner (out), or they are not asked (ask): no, agreement, basis; '' where they do."""
    rows = await db.call("SELECT gate.exchange_documents($1, $2, $3, $4) AS why", tenant, partner, now, what)
    return str(rows[0]["why"])


async def settle(db: Database, tenant: int, now: datetime, rows: Sequence[Sequence[Any]]) -> None:
    """What became of messages. row: message, state, reason, result, programs as a text, due, kind."""
    await db.call("SELECT gate.exchange_settle($1, $2, $3, $4, $5, $6, $7, $8, $9)", tenant, now, *(list(column) for column in zip(*rows, strict=True)))


async def messages(db: Database, head: Head, states: list[str], partner: str, kind: str, before: int, most: int) -> list[asyncpg.Record]:
    """Messages for a list, the last to come first."""
    return await db.call("SELECT * FROM gate.exchange_messages($1, $2, $3, $4, $5, $6, $7, $8, $9)", *head, states, partner, kind, before, most)


async def counts(db: Database, head: Head) -> list[asyncpg.Record]:
    """How many of each partner wait in which state, and since when."""
    return await db.call("SELECT * FROM gate.exchange_counts($1, $2, $3, $4)", *head)


async def heard(db: Database, head: Head) -> list[asyncpg.Record]:
    """When each partner was last heard from."""
    return await db.call("SELECT * FROM gate.exchange_heard($1, $2, $3, $4)", *head)


async def message(db: Database, head: Head, id_: str) -> asyncpg.Record | None:
    """One message with its sealed body, or None."""
    rows = await db.call("SELECT * FROM gate.exchange_message($1, $2, $3, $4, $5)", *head, id_)
    return rows[0] if rows else None


async def results(db: Database, head: Head, ids: list[str]) -> list[asyncpg.Record]:
    """What became of several messages, sealed."""
    return await db.call("SELECT * FROM gate.exchange_results($1, $2, $3, $4, $5)", *head, ids)


async def events(db: Database, head: Head, id_: str) -> list[asyncpg.Record]:
    """What happened to a message, the newest first."""
    return await db.call("SELECT * FROM gate.exchange_events($1, $2, $3, $4, $5)", *head, id_)


async def people(db: Database, head: Head, partners_: list[str], theirs: list[bytes]) -> list[asyncpg.Record]:
    """Who of theirs is who of ours."""
    return await db.call("SELECT * FROM gate.exchange_people($1, $2, $3, $4, $5, $6)", *head, partners_, theirs)


async def know(db: Database, head: Head, partner: str, theirs: bytes, patient: str, author: str) -> None:
    """Remember who of theirs is who of ours."""
    await db.call("SELECT gate.exchange_know($1, $2, $3, $4, $5, $6, $7, $8)", *head, partner, theirs, patient, author)
