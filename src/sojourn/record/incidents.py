"""Incident reports: rows beside the record, by function."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg

from sojourn.base.db import Database
from sojourn.record.beside import Call
from sojourn.record.store import Head


class Reach(NamedTuple):
    """Which reports somebody may open. me: their digest, by which a report bars them; everything: of all programs; private: those about privacy."""

    me: str
    programs: list[int]
    everything: bool
    private: bool


def _marks(n: int) -> str:
    return ", ".join(f"${i}" for i in range(1, n + 1))


async def send(db: Database, head: Head, *row: Any) -> bool:
    """Whether it is new. row: incident, program, privacy, author, barred, body, stamp, reported."""
    return bool((await db.call(f"SELECT gate.incident_send({_marks(12)}) AS new", *head, *row))[0]["new"])


def every(reach: Reach, since: datetime | None) -> Call:
    """Reports from a moment on; without one those that are open."""
    columns = ("incident", "program", "privacy", "state", "author", "barred", "body", "stamp", "n", "reported", "changed")
    return Call("incidents", columns, ((reach.me, "text"), (reach.programs, "int[]"), (reach.everything, "boolean"), (reach.private, "boolean"), (since, "timestamptz")))


async def one(db: Database, head: Head, incident: str, reach: Reach) -> asyncpg.Record | None:
    """One report, or None."""
    rows = await db.call(f"SELECT * FROM gate.incident({_marks(9)})", *head, incident, *reach)
    return rows[0] if rows else None


async def versions(db: Database, head: Head, incident: str, reach: Reach) -> list[asyncpg.Record]:
    """Every version of a report, the first one first."""
    return await db.call(f"SELECT * FROM gate.incident_versions({_marks(9)})", *head, incident, *reach)


async def change(db: Database, head: Head, incident: str, reach: Reach, *row: Any) -> str | None:
    """The stamp that is there. row: program, privacy, state, barred, body, seen, stamp, account, act."""
    kept = (await db.call(f"SELECT gate.incident_change({_marks(18)}) AS kept", *head, incident, *reach, *row))[0]["kept"]
    return None if kept is None else str(kept)


async def sent(db: Database, head: Head, author: str) -> list[asyncpg.Record]:
    """What somebody sent: number, state and when."""
    return await db.call(f"SELECT * FROM gate.incidents_sent({_marks(5)})", *head, author)


async def actions(db: Database, head: Head, incident: str | None, reach: Reach) -> list[asyncpg.Record]:
    """Corrective actions of a report; without one all that are open."""
    return await db.call(f"SELECT * FROM gate.incident_actions({_marks(9)})", *head, incident, *reach)


async def add_action(db: Database, head: Head, incident: str, reach: Reach, action: str, owner: str, due: date, body: str, stamp: str) -> bool:
    """Whether it was added."""
    return bool((await db.call(f"SELECT gate.incident_action_add({_marks(14)}) AS new", *head, incident, *reach, action, owner, due, body, stamp))[0]["new"])


def actions_of(owner: str, action: str | None = None) -> Call:
    """Open actions of an owner, or one of them."""
    return Call("incident_actions_of", ("incident", "action", "owner", "due", "state", "body", "stamp"), ((owner, "text"), (action, "text")))


async def do_action(db: Database, head: Head, owner: str, *row: Any) -> str | None:
    """The stamp that is there. row: action, state, body, seen, stamp."""
    kept = (await db.call(f"SELECT gate.incident_action_do({_marks(10)}) AS kept", *head, owner, *row))[0]["kept"]
    return None if kept is None else str(kept)
