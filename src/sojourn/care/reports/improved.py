"""Measures improved: the first and the newest score of everybody in care, and whether it counts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.care.measures.forms import MEASURE
from sojourn.care.measures.model import Instrument, Rule, instruments
from sojourn.care.plan import fhir
from sojourn.care.reports import days, stays
from sojourn.care.reports.model import Column, Definition, Figure, Row
from sojourn.care.resources import id_of

if TYPE_CHECKING:
    from sojourn.care.reports.source import Source

SPAN: Final = 180
BETTER, WORSE, SAME, UNCHECKED, ONE = "improved", "worse", "no change that counts", "no line that was checked", "one score only"


class Scored(NamedTuple):
    """One score of a client. version: of the instrument, '' where it is not told."""

    patient: str
    instrument: str
    version: str
    value: Decimal
    at: datetime
    ref: str


def mains() -> dict[str, tuple[Instrument, Rule]]:
    """The score that stands for each instrument, by the key of its code. Triages, which are no number, are left out."""
    return {f"{i.id}.{i.main.id}": (i, i.main) for i in instruments().values() if i.main is not None and not i.main.levels}


def read(source: Source, observation: dict[str, Any], codes: dict[tuple[str, str], str]) -> Scored | None:
    """An Observation as a score of one of these; None for any other."""
    key, version = "", ""
    for coding in observation.get("code", {}).get("coding", ()):
        found = codes.get((str(coding.get("system")), str(coding.get("code"))), "")
        key = key or found
        if found and coding.get("system") == MEASURE:
            version = str(coding.get("version", ""))
    number = observation.get("valueQuantity", {}).get("value", observation.get("valueInteger"))
    at = days.moment(observation.get("effectiveDateTime") or observation.get("effectivePeriod", {}).get("start"), source.when.where)
    patient = id_of(observation.get("subject"), "Patient")
    if not key or number is None or at is None or not patient or observation.get("status") in ("entered-in-error", "cancelled"):
        return None
    instrument = key.partition(".")[0]
    return Scored(patient, instrument, "" if version == instruments()[instrument].version else version, Decimal(str(number)), at, str(observation["id"]))


def verdict(rule: Rule, first: Decimal, last: Decimal) -> tuple[str, str]:
    """What a change comes to, and by which line."""
    line = None if "change" in rule.unverified else rule.reliable or rule.meaningful
    if line is None:
        return UNCHECKED, "none"
    by = (last - first) * (-1 if rule.higher_is_worse else 1)
    kind = f"{'reliable' if rule.reliable else 'meaningful'}, {line} points"
    return (BETTER if by >= line else WORSE if -by >= line else SAME), kind


async def rows(source: Source) -> list[Row]:
    """One for each client in care and measure that was answered in their stay."""
    when, main = source.when, mains()
    lasting = await stays.in_care(source)
    begun: dict[str, stays.Lasting] = {}
    for s in sorted(lasting, key=lambda s: (s.start, s.stay.id), reverse=True):
        begun[s.stay.patient] = s  # the earliest of those that last
    if not begun:
        return []
    codes = {(c["system"], c["code"]): key for key in main for c in fhir.measure_codes(key)}
    low = days.since(when, SPAN)
    asked = ("code", ",".join(f"{system}|{code}" for system, code in codes))
    observations = await source.search("Observation", asked, *source.during(low, when.at))
    by: dict[tuple[str, str, str], list[Scored]] = {}
    for o in observations:
        score = read(source, o, codes)
        stay = begun.get(score.patient) if score else None
        if score is not None and stay is not None and max(low, stay.start) <= score.at <= when.at:
            by.setdefault((score.patient, score.instrument, score.version), []).append(score)
    people, found = await source.people(), []
    for (patient, instrument, version), scores in sorted(by.items()):
        scores.sort(key=lambda s: (s.at, s.ref))
        first, last = scores[0], scores[-1]
        rule = next(r for i, r in main.values() if i.id == instrument)
        came_to, line = verdict(rule, first.value, last.value) if len(scores) > 1 else (ONE, verdict(rule, first.value, first.value)[1])
        stay = begun[patient]
        found.append(Row(patient, {
            "state": came_to, "measure": instruments()[instrument].short + (f", version {version}" if version else ""), "line": line, "first": float(first.value), "first-day": days.day(first.at.isoformat(), when.where),
            "last": float(last.value), "last-day": days.day(last.at.isoformat(), when.where), "by": float(last.value - first.value), "scores": len(scores), "level": stay.stay.level, "program": stay.program,
            "clinician": people.get(stay.stay.clinician, ""), "site": stay.site,
        }, f"/patients/{patient}/measures"))  # fmt: skip
    return found


_TWO: dict[str, Any] = {"state": (BETTER, WORSE, SAME)}

REPORT: Final = Definition(
    "measures", "Measures improved",
    "For everybody in care: the first and the newest total of each measure since the earliest of their stays began, within 180 days, with the same version of the measure. Improved or worse: by at least the "
    "reliable change of that measure, or where none was checked the meaningful change. Where neither was checked against a source the report says so and draws no conclusion; those are in no share. "
    "One score says nothing yet.",
    "A past day is counted where it ends, at midnight, by the day of each answer.",
    "Observations of scores; EpisodeOfCare; the instruments' own rules for change.",
    (("Observation", "search"), ("EpisodeOfCare", "search"), ("Patient", "search")),
    (Column("state", "Change", by=True), Column("measure", "Measure", by=True), Column("line", "Line for a change", by=True), Column("first", "First", "number"), Column("first-day", "on", "day"),
     Column("last", "Newest", "number"), Column("last-day", "on", "day"), Column("by", "Moved by", "number"), Column("scores", "Scores", "number"), Column("level", "Level", by=True),
     Column("program", "Program", by=True), Column("clinician", "Clinician", by=True), Column("site", "Site", by=True)),
    (Figure("Improved", {"state": (BETTER,)}), Figure("Share improved", {"state": (BETTER,)}, "share", "", "%", _TWO), Figure("Worse", {"state": (WORSE,)}), Figure("No change that counts", {"state": (SAME,)}),
     Figure("No line that was checked", {"state": (UNCHECKED,)}), Figure("One score only", {"state": (ONE,)})),
    ("state", "measure", "program"), rows, {"state": (BETTER, WORSE, SAME, UNCHECKED)},
)  # fmt: skip
