"""Ask the gate's functions why: sentence by sentence, as it is now or as it stood."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import asyncpg

from sojourn.base.db import Database
from sojourn.record import sql
from sojourn.record.store import Decided, Head

MANY = 20_000
"""Rows of one patient that are looked at."""


class Moment(NamedTuple):
    """Of which the question is: what was in force at `at`, with what was known at `known`. now: both are this moment."""

    at: datetime
    known: datetime
    now: bool = False


def _call(name: str, count: int) -> str:
    return f"SELECT * FROM gate.{name}({', '.join(f'${n}' for n in range(1, count + 1))})"  # noqa: S608 - our own names


def _aware(row: asyncpg.Record) -> dict[str, Any]:
    """Infinity comes without a time zone."""
    return {key: value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value for key, value in row.items()}


async def _ask(db: Database, name: str, *args: Any) -> list[dict[str, Any]]:
    return [_aware(row) for row in await db.call(_call(name, len(args)), *args)]


async def rows(
    db: Database, head: Head, moment: Moment, decided: Decided, *, names: list[str] | None = None, patient: str | None = None, types: list[str] | None = None
) -> list[dict[str, Any]]:
    """What the predicate says (`may`: by sentence) of each named resource (Type/id), or of each of a patient's, under this decision."""
    asked = (names or [], patient, types, MANY)
    if moment.now:
        found = await _ask(db, "explain", *head, *decided, *asked)
    else:
        found = await _ask(db, "explain_past", *head, moment.known, moment.at, *decided, *asked)
    return [{**row, "may": {name: may[name] for name in sql.SENTENCES}} for row in found for may in [json.loads(row["may"])]]


async def grants(db: Database, head: Head, moment: Moment, patient: str, keys: list[str] | None) -> list[dict[str, Any]]:
    """What the patient permitted and forbade these recipients (None: all), as known then, whether or not it is in force."""
    return await _ask(db, "explain_grants", *head, moment.known, patient, keys)


async def relations(db: Database, head: Head, moment: Moment, patient: str, keys: list[str] | None) -> list[dict[str, Any]]:
    """Who has to do with the patient, as known then, whether or not it is in force."""
    return await _ask(db, "explain_relations", *head, moment.known, patient, keys)


async def accounts(db: Database, head: Head, moment: Moment, account: str | None) -> list[dict[str, Any]]:
    """The accounts (or one, by its name or login) with what they acted as."""
    return await _ask(db, "explain_accounts", *head, moment.known, moment.at, account)


async def role(db: Database, head: Head, moment: Moment, name: str) -> list[dict[str, Any]]:
    """The rules of a role."""
    return await _ask(db, "explain_role", *head, moment.known, moment.at, name)


async def rules(db: Database, tenant: int, moment: Moment) -> dict[str, list[dict[str, Any]]]:
    """What the rules are made of, as it stood: by the name of the function that says it now."""
    return {name: await _ask(db, f"{name}_past", moment.known, tenant, moment.at) for name in sql.past.ASKED}
