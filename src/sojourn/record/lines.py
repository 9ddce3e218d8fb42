"""Lines of the trail as a reader may know them: the gate's SQL functions about them, called by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import LAST, Decided, Head

BEGINNING = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
END = datetime.fromisoformat("9999-12-31T00:00:00+00:00")


class Wish(NamedTuple):
    """Which lines: None means any.

    account: or whom it stands for (Practitioner/id). entity: Type/id that was shown. purpose: of use. outside: by an outside organization.
    since, until: from (inclusive), before. alone: of what a line showed only what is of that patient.
    """

    patient: str | None = None
    account: str | None = None
    actions: Sequence[str] | None = None
    outcome: str | None = None
    type: str | None = None
    purpose: str | None = None
    entity: str | None = None
    request: str | None = None
    outside: bool | None = None
    since: datetime = BEGINNING
    until: datetime = END
    alone: bool = False


class Place(NamedTuple):
    """Where a page ended."""

    recorded: datetime
    stamp: int
    n: int


NEWEST = Place(END, LAST, LAST)

_TRAIL = f"SELECT * FROM gate.trail({', '.join(f'${n}' for n in range(1, 28))})"


async def trail(db: Database, head: Head, decided: Decided, reader: str, wish: Wish, *, after: Place = NEWEST, limit: int = 100) -> list[asyncpg.Record]:
    """The next lines after a place, newest first. reader: whole, self or part (11_trail.sql says what each sees)."""
    args: list[Any] = [reader, *wish._replace(actions=None if wish.actions is None else list(wish.actions)), *after, limit]
    return await db.call(_TRAIL, *head, *decided, *args)

_OPENINGS = f"SELECT * FROM gate.openings({', '.join(f'${n}' for n in range(1, 17))})"


async def openings(db: Database, head: Head, decided: Decided, since: datetime, until: datetime, zone: str, night: tuple[int, int], limit: int) -> list[asyncpg.Record]:
    """Who opened whose chart, and what connects them. night: from and to hour in the zone."""
    return await db.call(_OPENINGS, *head, *decided, since, until, zone, *night, limit)


async def people(db: Database, head: Head, limit: int) -> list[asyncpg.Record]:
    """Accounts by name."""
    return await db.call("SELECT * FROM gate.people($1, $2, $3, $4, $5)", *head, limit)
