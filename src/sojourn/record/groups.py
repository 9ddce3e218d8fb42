"""Group sessions before they are signed, and findings of the clock: rows beside the record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from sojourn.base.db import Database
from sojourn.record.beside import Call
from sojourn.record.store import Head


def _marks(n: int) -> str:
    return ", ".join(f"${i}" for i in range(1, n + 1))


async def begin(db: Database, head: Head, *row: Any) -> str:
    """Begin a session, or find the one of that time; its id. row: session, program, schedule, starts, ends, leaders, body, stamp."""
    return str((await db.call(f"SELECT gate.group_begin({_marks(12)}) AS id", *head, *row))[0]["id"])


def sessions(agent: str, programs: list[int], low: datetime | None, high: datetime | None) -> Call:
    """Sessions that begin in a span; without one those that are not finished."""
    columns = ("session", "program", "schedule", "starts", "ends", "leaders", "closed", "parts", "states", "documents", "bodies")
    return Call("group_sessions", columns, ((agent, "text"), (programs, "int[]"), (low, "timestamptz"), (high, "timestamptz")))


async def session(db: Database, head: Head, id_: str, agent: str, programs: list[int]) -> asyncpg.Record | None:
    """One session, or None."""
    rows = await db.call(f"SELECT * FROM gate.group_session({_marks(7)})", *head, id_, agent, programs)
    return rows[0] if rows else None


async def parts(db: Database, head: Head, id_: str, agent: str, programs: list[int]) -> list[asyncpg.Record]:
    """The parts of a session."""
    return await db.call(f"SELECT * FROM gate.group_parts({_marks(7)})", *head, id_, agent, programs)


async def keep(db: Database, head: Head, *row: Any) -> str | None:
    """Keep a session's shared part; the stamp that is there. row: session, agent, programs, leaders or None, body, seen, stamp, closed."""
    kept = (await db.call(f"SELECT gate.group_keep({_marks(12)}) AS kept", *head, *row))[0]["kept"]
    return None if kept is None else str(kept)


async def keep_part(db: Database, head: Head, *row: Any) -> str | None:
    """Keep one part; the stamp that is there. row: session, agent, programs, part, state, document, body, seen, stamp."""
    kept = (await db.call(f"SELECT gate.group_keep_part({_marks(13)}) AS kept", *head, *row))[0]["kept"]
    return None if kept is None else str(kept)


async def add_finding(db: Database, head: Head, finding: str, kind: str, subjects: list[str]) -> bool:
    """Whether it is new."""
    return bool((await db.call(f"SELECT gate.finding_add({_marks(7)}) AS new", *head, finding, kind, subjects))[0]["new"])


def findings(prefix: str) -> Call:
    """What is open, of kinds that begin so."""
    return Call("findings", ("finding", "kind", "subjects", "found"), ((prefix, "text"),))


async def close_finding(db: Database, head: Head, finding: str, account: str, note: str) -> bool:
    """Whether it was open."""
    return bool((await db.call(f"SELECT gate.finding_close({_marks(7)}) AS done", *head, finding, account, note))[0]["done"])
