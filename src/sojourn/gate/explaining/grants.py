"""Which consent or denial fits a resource, and where one does not: in which of its limits.

The outcome is the predicate's; this only names the rows behind it (a test holds the two together).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sojourn.fhir.dates import FUTURE, PAST
from sojourn.gate import bases
from sojourn.gate.decide import Decision
from sojourn.gate.explaining import words

Row = Mapping[str, Any]

_FOR = "it is for "
_MAIN = ("(TREAT)", "(HPAYMT)", "(HOPERAT)")


def misses(grant: Row, row: Row, decision: Decision, at: datetime) -> list[str]:
    """In which of its limits a permit or denial does not fit, in words; empty when it holds for this row and decision."""
    deny = grant["effect"] == "deny"
    anything = ("*",) if deny else ()
    found = []
    if grant["purpose"] not in (decision.purpose, *anything):
        found.append(f"it is for {words.purpose(grant['purpose'])}")
    if grant["action"] not in (decision.action, *anything):
        found.append(f"it is for {words.action(grant['action'])}")
    if at < grant["valid_from"]:
        found.append(f"it begins on {words.day(grant['valid_from'])}")
    if at >= grant["valid_to"]:
        found.append(f"it ended on {words.day(grant['valid_to'])}")
    if grant["programs"] is not None and not _of_programs(grant["programs"], row, deny=deny):
        found.append("it is about records of other programs")
    if grant["types"] is not None and row["type"] not in grant["types"]:
        found.append(f"it is about {words.joined(grant['types'])} only")
    if grant["codes"] is not None and not set(grant["codes"]) & set(row["tokens"]):
        found.append("it is about other contents")
    if not _of_its_time(grant, row, deny=deny):
        found.append("it is about records of another time")
    if grant["resources"] is not None and f"{row['type']}/{row['id']}" not in grant["resources"]:
        found.append("it names other records")
    if deny and grant["basis"] and not grant["basis"] & row["own"]:
        found.append(f"it is about {words.listed(grant['basis'])}")
    return found


def _of_its_time(grant: Row, row: Row, *, deny: bool) -> bool:
    """Whether a period of data holds for a record: what has no date is in none that is permitted and in each that is forbidden; the patient is of no time."""
    begin, end = grant["data_from"] or PAST, grant["data_to"] or FUTURE
    if begin == PAST and end == FUTURE:
        return True
    if row["type"] == "Patient" or row["at"] == PAST:
        return deny is not (row["type"] == "Patient")
    return bool(begin <= row["at"] < end)


def _of_programs(programs: list[int], row: Row, *, deny: bool) -> bool:
    origin, named = set(row["origin"]), set(programs)
    if deny:
        return bool(origin & named)
    return bool(origin) and (origin <= named or (row["type"] in bases.LONGITUDINAL and bool(origin & named)))


def at_home(decision: Decision, row: Row) -> bool:
    """Whether the caller works in the programs that made it (42 CFR 2.12(c)(3))."""
    return _of_programs(decision.programs, row, deny=False)


def nearest(permits: list[tuple[Row, list[str]]]) -> str:
    """A sentence about the consent that lacks least; empty where there is none. A consent is a row for each purpose that it names."""
    if not permits:
        return ""
    least = min(len(missed) for _, missed in permits)
    consent = next(g["consent"] for g, missed in permits if len(missed) == least)
    found = dict.fromkeys(m for g, missed in permits if g["consent"] == consent and len(missed) == least for m in missed)
    purposes = sorted((m for m in found if m.startswith(_FOR)), key=lambda m: (not m.endswith(_MAIN), m))
    said = [_FOR + words.joined([m.removeprefix(_FOR) for m in purposes[:3]], "or") + (" and the like" if purposes[3:] else "")] if purposes else []
    return f" The nearest: {words.consent(consent)}, but {words.joined([*said, *(m for m in found if m not in purposes)])}."


def told(grant: Row, *, holds: bool, why_not: list[str]) -> dict[str, Any]:
    """A grant as an explanation shows it."""
    return {
        "consent": grant["consent"], "version": grant["version"], "effect": grant["effect"], "basis": words.listed(grant["basis"]) if grant["basis"] else "everything",
        "recipient": grant["recipient"], "purpose": grant["purpose"], "action": grant["action"], "valid_from": grant["valid_from"], "valid_to": grant["valid_to"],
        "known_from": grant["known_from"], "known_to": grant["known_to"], "holds": holds, "why_not": why_not,
    }  # fmt: skip
