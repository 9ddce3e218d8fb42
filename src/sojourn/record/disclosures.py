"""Emergencies and disclosures in the record: the gate's SQL functions about them, called by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import asyncpg

from sojourn.base.db import Database
from sojourn.record.store import Decided, Head


def _call(name: str, count: int) -> str:
    return f"SELECT * FROM gate.{name}({', '.join(f'${n}' for n in range(1, count + 1))})"  # noqa: S608 - our own names


_FIND = _call("emergency_find", 14)
_DECLARE = _call("emergency_declare", 16)
_END = _call("emergency_end", 7)
_REVIEW = _call("emergency_review", 9)
_DOCUMENTED = _call("emergency_documented", 7)
_STANDING = _call("standing", 12)
_EMERGENCIES = _call("emergencies", 14)
_LEFT = _call("emergencies_left", 5)
_CONSENTS = _call("consents_for", 8)
_DISCLOSED = _call("disclosed", 20)
_DISCLOSURES = _call("disclosures", 22)
_COUNT = _call("disclosure_count", 13)
_ORIGIN = _call("origin_of", 6)


async def emergency_find(db: Database, head: Head, *terms: Any) -> list[asyncpg.Record]:
    """At most two patients with an identity, and their Part 2 programs. terms: keys and folded texts of family and given name, key and bounds of the birth date, a number or None, an id or None, the bases that may be opened."""
    return await db.call(_FIND, *head, *terms)


async def emergency_declare(db: Database, head: Head, *row: Any) -> None:
    """The row of an emergency with its relation and grants, in the order of gate.emergency_declare."""
    await db.call(_DECLARE, *head, *row)


async def emergency_end(db: Database, head: Head, emergency: str, account: str, *, anybody: bool) -> bool:
    """Whether there was one in force to end."""
    return bool((await db.call(_END, *head, emergency, account, anybody))[0][0])


async def emergency_review(db: Database, head: Head, emergency: str, account: str, decision: str, note: str, programs: Sequence[int] | None) -> bool:
    """Whether there was one to review. programs: for which the reviewer speaks; None: for all."""
    return bool((await db.call(_REVIEW, *head, emergency, account, decision, note, None if programs is None else list(programs)))[0][0])


async def emergency_documented(db: Database, head: Head, emergency: str, account: str, *, done: bool) -> None:
    """Say that the documentation of an emergency could not be written, or has been since."""
    await db.call(_DOCUMENTED, *head, emergency, account, done)


async def standing(db: Database, head: Head, decided: Decided, reader: str, account: str) -> list[asyncpg.Record]:
    """Emergencies in force, and one row with the number of reviews that wait for this reader (whole or part; any other oversees none)."""
    return await db.call(_STANDING, *head, *decided, reader, account)


async def emergencies(db: Database, head: Head, decided: Decided, reader: str, one: str | None, limit: int) -> list[asyncpg.Record]:
    """Those that wait for a review by this reader first, then the newest (12_disclosure.sql says whose review it is)."""
    return await db.call(_EMERGENCIES, *head, *decided, reader, one, False, limit)


async def emergencies_left(db: Database, head: Head, before: datetime) -> asyncpg.Record:
    """number of emergencies declared before a moment that nobody has reviewed, and the oldest of these (or None)."""
    return (await db.call(_LEFT, *head, before))[0]


async def consents_for(db: Database, head: Head, keys: Sequence[str], purpose: str, action: str, what: Sequence[str]) -> list[asyncpg.Record]:
    """Whose these versions are, and the consents in force for these recipients and this purpose: patient, consent, version, body (or null)."""
    return await db.call(_CONSENTS, *head, list(keys), purpose, action, list(what))


async def disclosed(db: Database, head: Head, *row: Any) -> None:
    """Write a disclosure down, in the order of gate.disclosed."""
    await db.call(_DISCLOSED, *head, *row)


async def names_apart(db: Database, tenant: int, what: Sequence[str]) -> bool:
    """Whether a note kept apart is among these versions, or something that is not there."""
    return bool((await db.call("SELECT gate.names_apart($1, $2)", tenant, list(what)))[0][0])


class Wish(NamedTuple):
    """What of the log is wanted; None: whatever it is. recipients: `Organization/id` ..; until: before that moment."""

    patient: str | None = None
    recipients: Sequence[str] | None = None
    purpose: str | None = None
    channels: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING: Final = Wish()
Place = tuple[datetime, str]
"""Where a page ended: when the last of it was made, and which it is."""


async def disclosures(
    db: Database, head: Head, decided: Decided, reader: str, account: str = "", *, one: str | None = None, wish: Wish = EVERYTHING, after: Place | None = None, limit: int = 100,
) -> list[asyncpg.Record]:  # fmt: skip
    """The log, newest first. reader: whole, part or own (12_disclosure.sql says what each sees). entire: nothing of an entry is cut; opens (of `one`): all that left may be read."""
    return await db.call(_DISCLOSURES, *head, *decided, reader, account, one, *wish, *(after or (None, None)), limit)


async def disclosure_count(db: Database, head: Head, decided: Decided, reader: str, account: str, since: datetime) -> int:
    """How many of these left since a moment."""
    return int((await db.call(_COUNT, *head, *decided, reader, account, since))[0][0])


async def origin_of(db: Database, head: Head, type_: str, id_: str) -> list[int]:
    """The programs that made a resource; none if there is no such."""
    return list((await db.call(_ORIGIN, *head, type_, id_))[0][0] or ())
