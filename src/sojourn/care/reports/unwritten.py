"""Visits without a note: what took place in the last thirty days and nobody wrote about."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sojourn.care.notes import text
from sojourn.care.reports import days
from sojourn.care.reports.model import Column, Definition, Figure, Row
from sojourn.care.reports.unsigned import AGES, IN_TIME, LATE, OLDER
from sojourn.care.resources import id_of
from sojourn.gate import elsewhere

if TYPE_CHECKING:
    from sojourn.care.reports.source import Source

SPAN: Final = 30
"""Days."""
_STAYS: Final = ("IMP", "ACUTE", "NONAC")
"""Encounters that are stays in a bed: their notes are those of the visits in them."""


async def rows(source: Source) -> list[Row]:
    """One for each visit that ended and that no document is about; the longest ago first."""
    when, people = source.when, await source.people()
    low = days.since(when, SPAN)
    written = set()
    for document in await source.search("DocumentReference", ("date", f"ge{(low - timedelta(days=1)).isoformat()}")):
        made = days.moment(document.get("date"), when.where)
        if document.get("status") != "entered-in-error" and made is not None and made <= when.at:
            written |= {id_of(e, "Encounter") for e in document.get("context", {}).get("encounter", ())}
    limit = source.rule("signing.late-hours")
    found = []
    for visit in await source.search("Encounter", *source.during(low, when.at), ("status", "finished")):
        ended = days.moment(visit.get("period", {}).get("end"), when.where, end=True)
        if ended is None or not low < ended <= when.at or visit.get("class", {}).get("code") in _STAYS or visit["id"] in written or elsewhere.told(visit):
            continue
        patient, age = id_of(visit.get("subject"), "Patient"), days.between(ended, when.at) or 0
        who = next((name for p in visit.get("participant", ()) if (name := people.get(str(p.get("individual", {}).get("reference", "")), ""))), "")
        found.append(Row(patient, {
            "late": LATE if limit is not None and when.at - ended > timedelta(hours=limit) else IN_TIME, "clinician": who, "kind": text.concept_text(next(iter(visit.get("type", ())), {})) or "Visit",
            "visit": days.day(visit.get("period", {}).get("start"), when.where), "days": age, "age": next((words for most, words in AGES if age <= most), OLDER),
        }, f"/patients/{patient}/notes"))  # fmt: skip
    return sorted(found, key=lambda r: (-r.cells["days"], r.patient, r.cells["visit"]))


_ALL: Final = {"late": (LATE, IN_TIME)}

REPORT: Final = Definition(
    "visits-without-note", "Visits without a note",
    "Visits that took place, ended in the 30 days up to that moment, and that no document is about (context.encounter); a stay in a bed is none. Age: whole days since the end. "
    "Late: more hours than the rule of that day allows (signing.late-hours). A note that the law keeps apart, or that you may not see otherwise, is to you as if it were not written; a draft that was never saved is none.",
    "A past day is counted where it ends, at midnight, by the dates of visits and documents as the record has them now.",
    "Encounters (status, class, period, participant) and the DocumentReferences that name them.",
    (("Encounter", "search"), ("DocumentReference", "search"), ("Patient", "search")),
    (Column("late", "Late", by=True), Column("clinician", "Clinician", by=True), Column("kind", "Visit", by=True), Column("visit", "Day", "day"), Column("days", "Days old", "number"), Column("age", "Age", by=True)),
    (Figure("Without a note", _ALL), Figure("Late", {"late": (LATE,)}), Figure("Days old, median", _ALL, "median", "days", "days")),
    ("clinician", "age", "kind"), rows, _ALL,
)  # fmt: skip
