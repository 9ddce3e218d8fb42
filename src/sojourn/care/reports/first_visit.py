"""Access to care: days from the first call to the first visit."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sojourn.care.reports import days, funnel
from sojourn.care.reports.model import Column, Definition, Figure, Row
from sojourn.care.resources import id_of
from sojourn.gate import elsewhere

if TYPE_CHECKING:
    from sojourn.care.reports.source import Source

SEEN, WAITS, NOT = "seen", "waits", "ended without a visit"
_SPEEDS: Final = ((7, "within 7 days"), (14, "8 to 14 days"))
_PLACE: Final = ("arrived", "in-progress", "onleave", "finished")


async def rows(source: Source) -> list[Row]:
    """One for each case of the funnel."""
    when, cases = source.when, await funnel.courses(source)
    visits: dict[str, list[datetime]] = {}
    if cases:
        since = ("date", f"ge{min(c.begun for c in cases).isoformat()}")
        for visit in await source.of("Encounter", "subject", (f"Patient/{c.patient}" for c in cases), since):
            at = days.moment(visit.get("period", {}).get("start"), when.where)
            if at is not None and visit.get("status") in _PLACE and at <= when.at and not elsewhere.told(visit):
                visits.setdefault(id_of(visit.get("subject"), "Patient"), []).append(at)
    sites = await source.sites()
    orgs = {p.number: str(p.organization).partition("/")[2] for p in source.access.rules.programs.values()}
    found = []
    for c in cases:
        first = min((at for at in visits.get(c.patient, ()) if at >= c.begun), default=None)
        took = days.between(c.begun, first)
        state = SEEN if first is not None else NOT if c.state == funnel.LOST else WAITS
        found.append(Row(c.patient, {
            "state": state, "speed": "" if took is None else next((words for most, words in _SPEEDS if took <= most), "more than 14 days"), "program": funnel.program(source, c.program), "level": c.level,
            "site": sites.get(orgs.get(c.program, ""), ""), "begun": days.day(c.begun.isoformat(), when.where), "visit": days.day(first.isoformat(), when.where) if first else "",
            "took": took, "waited": days.between(c.begun, when.at) if state == WAITS else None,
        }, f"/admissions/{c.id}"))  # fmt: skip
    return found


_ALL: dict[str, Any] = {"state": (SEEN, WAITS, NOT)}

REPORT: Final = Definition(
    "first-visit", "From call to first visit",
    "The inquiries of the admissions funnel: those that began in the 90 days up to that moment. First visit: the first one of that client, in whatever program you may see, that took place from the call on. "
    "Days: whole days between the two. Waits: not seen yet, and the case is not lost.",
    "A past day is counted where it ends, at midnight, from cases and visits as the record has them now.",
    "Tasks of admission; Encounters.",
    (("Task", "search"), ("Encounter", "search"), ("Patient", "search")),
    (Column("state", "State", by=True), Column("speed", "How soon", by=True, blank=False), Column("program", "Program", by=True), Column("level", "Level", by=True), Column("site", "Site", by=True), Column("begun", "First call", "day"),
     Column("visit", "First visit", "day"), Column("took", "Days", "number"), Column("waited", "Waits for days", "number")),
    (Figure("Days from call to first visit, median", {"state": (SEEN,)}, "median", "took", "days"), Figure("Seen within 7 days", {"speed": ("within 7 days",)}),
     Figure("Share seen within 7 days", {"speed": ("within 7 days",)}, "share", "", "%", _ALL), Figure("Wait", {"state": (WAITS,)}), Figure("Days waited, median", {"state": (WAITS,)}, "median", "waited", "days")),
    ("state", "speed", "program"), rows, _ALL,
)  # fmt: skip
