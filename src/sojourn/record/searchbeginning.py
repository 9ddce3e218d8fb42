"""Where a search begins: the few rows that can match at all, found in the index tables alone.

A condition of a search holds for a row of an index table that may be seen; so whatever matches has such a row, seen or not. Where several
conditions are each of a kind that few resources meet, what all of them have in common is found first (INTERSECT over index rows, none
of whose tables is opened) and only that is looked at: by which of them to begin, PostgreSQL would have to guess, and a plan that is made
once for all values can only guess. Which conditions take part is said by the question alone, never by what is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sojourn.fhir.query import Condition, Dates, References, Tokens
from sojourn.fhir.searchparams import PARAMS
from sojourn.fhir.searchvalues import approximately

GOES_ON = frozenset({
    "arrived", "booked", "checked-in", "draft", "in-progress", "on-hold", "onhold", "onleave", "pending", "planned", "preparation", "preliminary", "proposed", "ready", "received", "registered",
    "requested", "triaged", "waitlist",
})  # fmt: skip
"""States (`status`) that a resource passes through: however long a record is kept, few are in them at a time."""
ACTIVE = frozenset({"CarePlan", "CareTeam", "EpisodeOfCare", "Flag", "MedicationRequest", "ServiceRequest", "Task"})
"""Types of which the same is true of `active`; a Consent, a Coverage or a Practitioner stays so."""


class Window(NamedTuple):
    """What every index row of a date that meets a condition has in common: it ends after `after`, and begins before `before`."""

    after: datetime | None
    before: datetime | None


def passing(condition: Tokens) -> bool:
    """Whether few resources are in one of the states that are asked for at a time."""
    if condition.negated or condition.names != ("status",) or len(condition.types) != 1:
        return False
    known = GOES_ON | {"active"} if condition.types[0] in ACTIVE else GOES_ON
    return all(value.code in known for value in condition.values)


def few(condition: Condition) -> bool:
    """Whether a condition is of a kind that few resources of a type meet, and that an index table answers without being opened."""
    match condition:
        case Tokens(negated=False, values=values, weight=weight):
            return (None, None) not in values and (weight > 0 or passing(condition))
        case References(targets=targets):
            return bool(targets)
        case Dates():
            return window([condition], None).after is not None
    return False


def alike(condition: Dates, conditions: Iterable[Condition]) -> list[Dates]:
    """All conditions about the same date, where a resource has at most one: they then hold for the same index row."""
    return [c for c in conditions if isinstance(c, Dates) and c.types == condition.types and c.names == condition.names] if _only(condition) else [condition]


def _only(condition: Dates) -> bool:
    """Whether a resource has at most one value there."""
    if len(condition.types) != 1 or len(condition.names) != 1:
        return False
    param = PARAMS[condition.types[0]].get(condition.names[0])
    return param is not None and param.single and len(param.paths) == 1


def window(conditions: Sequence[Dates], now: datetime | None) -> Window:
    """What an index row has in common with every other that meets all of the conditions, each of which stands for low < high. now: what `ap` is measured by; None where only its being asked counts."""
    found = [_of(condition, now) for condition in conditions]
    return Window(
        max((w.after for w in found if w.after is not None), default=None), min((w.before for w in found if w.before is not None), default=None)
    )  # fmt: skip


def _of(condition: Dates, now: datetime | None) -> Window:
    """The window of one condition, whose values are alternatives."""
    afters: list[datetime] = []
    befores: list[datetime] = []
    for value in condition.values:
        start, end = approximately(value, now) if value.prefix == "ap" and now is not None else (value.low, value.high)
        match value.prefix:
            case "ge":
                afters.append(start)
            case "gt" | "sa":
                afters.append(end)
            case "le":
                befores.append(end)
            case "lt" | "eb":
                befores.append(start)
            case "eq" | "ap":
                afters.append(start)
                befores.append(end)
    every = len(condition.values)
    return Window(min(afters) if len(afters) == every else None, max(befores) if len(befores) == every else None)
