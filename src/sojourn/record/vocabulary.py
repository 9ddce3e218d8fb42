"""Code systems and maps between them, beside the record; by function."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Head


async def begin(db: Database, head: Head, account: str, system: str, version: str, published: date | None, source: str) -> int:
    """Begin to load a release: its number."""
    rows = await db.call("SELECT gate.vocabulary_begin($1, $2, $3, $4, $5, $6, $7, $8, $9) AS n", *head, account, system, version, published, source)
    return int(rows[0]["n"])


async def concepts(db: Database, head: Head, release: int, rows: str) -> None:
    """Add concepts (JSON). Raises Changed where somebody else began to load the system meanwhile."""
    await db.call("SELECT gate.vocabulary_concepts($1, $2, $3, $4, $5, $6::jsonb)", *head, release, rows)


async def edges(db: Database, head: Head, release: int, parents: Sequence[str], children: Sequence[str]) -> None:
    """Add what lies under what."""
    await db.call("SELECT gate.vocabulary_edges($1, $2, $3, $4, $5, $6, $7)", *head, release, list(parents), list(children))


async def maps(db: Database, head: Head, release: int, rows: str) -> None:
    """Add maps to other systems (JSON)."""
    await db.call("SELECT gate.vocabulary_maps($1, $2, $3, $4, $5, $6::jsonb)", *head, release, rows)


async def finish(db: Database, head: Head, release: int, digest: bytes) -> int | None:
    """Put it in force. Returns how many concepts it has: 0, and then it is not in force; None where the very same was, and it is taken away."""
    rows = await db.call("SELECT gate.vocabulary_finish($1, $2, $3, $4, $5, $6) AS n", *head, release, digest)
    return None if rows[0]["n"] is None else int(rows[0]["n"])


async def abandon(db: Database, tenant: int, release: int) -> None:
    """Take away what was begun."""
    await db.call("SELECT gate.vocabulary_abandon($1, $2)", tenant, release)


async def releases(db: Database, tenant: int) -> list[asyncpg.Record]:
    """Every release that is or was in force."""
    return await db.call("SELECT * FROM gate.vocabulary_releases($1)", tenant)


async def codes(db: Database, tenant: int, release: int, wanted: Sequence[str]) -> list[asyncpg.Record]:
    """Some codes of a release."""
    return await db.call("SELECT * FROM gate.vocabulary_codes($1, $2, $3)", tenant, release, list(wanted))


async def under(db: Database, tenant: int, release: int, wanted: Sequence[str], tops: Sequence[str]) -> set[str]:
    """Which of the codes are, or are under, one of `tops`."""
    rows = await db.call("SELECT gate.vocabulary_under($1, $2, $3, $4) AS code", tenant, release, list(wanted), list(tops))
    return {str(r["code"]) for r in rows}


async def listed(
    db: Database, tenant: int, release: int, tops: Sequence[str] | None, words: str, inactive: bool, day: date, offset: int, most: int  # noqa: FBT001 - as the function takes them
) -> list[asyncpg.Record]:
    """Codes of a release in their order."""
    return await db.call(
        "SELECT * FROM gate.vocabulary_listed($1, $2, $3, $4, $5, $6, $7, $8)", tenant, release, None if tops is None else list(tops), words, inactive, day, offset, most
    )


async def translated(db: Database, tenant: int, now: datetime, system: str, wanted: Sequence[str], target: str, *, back: bool) -> list[asyncpg.Record]:
    """What codes are in another system."""
    return await db.call("SELECT * FROM gate.vocabulary_translated($1, $2, $3, $4, $5, $6)", tenant, now, system, list(wanted), target, back)


async def set_own(db: Database, head: Head, account: str, row: Sequence[str], reason: str, *, ends: bool) -> bool:
    """Say what a code is in another system, or that no longer. row: system, code, display, target system, target, its display, equivalence."""
    rows = await db.call("SELECT gate.vocabulary_set_own($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS done", *head, account, *row, reason, ends)
    return bool(rows[0]["done"])


async def owned(db: Database, tenant: int, now: datetime, *, everything: bool, words: str, offset: int, most: int) -> list[asyncpg.Record]:
    """The organization's own maps."""
    return await db.call("SELECT * FROM gate.vocabulary_owned($1, $2, $3, $4, $5, $6)", tenant, now, everything, words, offset, most)


async def missed(db: Database, head: Head, partner: str, systems: Sequence[str], codes_: Sequence[str], displays: Sequence[str], target: str) -> None:
    """Remember that no map knows these codes."""
    await db.call("SELECT gate.vocabulary_missed($1, $2, $3, $4, $5, $6, $7, $8, $9)", *head, partner, list(systems), list(codes_), list(displays), target)


async def work(db: Database, tenant: int, state: str, offset: int, most: int) -> list[asyncpg.Record]:
    """Codes that nobody has mapped (`open`) or that were set `aside`."""
    return await db.call("SELECT * FROM gate.vocabulary_work($1, $2, $3, $4)", tenant, state, offset, most)


async def aside(db: Database, head: Head, account: str, line: Sequence[str], state: str, reason: str) -> bool:
    """Set a line aside or take it up again. line: partner, system, code, target system."""
    rows = await db.call("SELECT gate.vocabulary_aside($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS done", *head, account, *line, state, reason)
    return bool(rows[0]["done"])
