"""Attendance: appointments kept and missed in a week, and hours delivered against what is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.care.reports import stays
from sojourn.care.reports.model import Column, Definition, Figure, Row
from sojourn.care.scheduling import appointments, hours, zones
from sojourn.gate import elsewhere

if TYPE_CHECKING:
    from sojourn.care.reports.source import Source

BEHIND, MET, COURSE, NONE = "behind", "met", "on course", "no minimum"
_KEPT, _MISSED, _CANCELLED = ("fulfilled", "arrived", "checked-in"), ("noshow",), ("cancelled",)


async def rows(source: Source) -> list[Row]:
    """One for each client who had an appointment in the week, or is in a level of care that asks for hours; those furthest behind first."""
    when = source.when
    monday = when.day - timedelta(days=when.day.weekday())
    low = zones.day_bounds(monday, when.where)[0]
    lasting = await stays.in_care(source)
    minima = {s.stay.id: source.rule("hours.week-minimum", s.stay.level) or 0 for s in lasting}
    by_client: dict[str, stays.Lasting] = {}
    for s in sorted(lasting, key=lambda s: (minima[s.stay.id], s.stay.id)):
        by_client[s.stay.patient] = s
    dated = source.during(low, when.at)
    counts: dict[str, list[int]] = {}
    for resource in await source.search("Appointment", *dated):
        booked = appointments.read(resource)
        if booked.kind != elsewhere.CODE and booked.patient and booked.start is not None and low <= booked.start <= when.at and (kind := _kind(booked.status)) is not None:
            counts.setdefault(booked.patient, [0, 0, 0, 0])[kind] += 1
    spans = [v for e in await source.search("Encounter", *dated, ("status", "finished,in-progress,onleave")) if (v := hours.span(e)) is not None and low <= v.start and v.end <= when.at]
    minutes = hours.minutes(spans, when.where)
    asked = {patient for patient, s in by_client.items() if minima[s.stay.id] > 0}
    today = when.day if when.now else when.day + timedelta(days=1)
    found = []
    if source.rule("hours.week-minimum") is None or source.rule("hours.day-minimum") is None:
        return []  # a day before there were such rules
    for patient in asked | counts.keys():
        stay = by_client.get(patient)
        level = stay.stay.level if stay else ""
        week = hours.row(patient, level, "", monday, minutes, source.rules, today)
        kept, missed, cancelled, unknown = counts.get(patient, (0, 0, 0, 0))
        found.append(Row(patient, {
            "state": NONE if not week.minimum else BEHIND if week.short else MET if week.minutes >= week.minimum else COURSE, "level": level, "program": stay.program if stay else "", "site": stay.site if stay else "",
            "hours": round(week.minutes / 60, 1), "minimum": round(week.minimum / 60, 1) or None, "short": round(week.short / 60, 1) or None,
            "kept": kept, "missed": missed, "cancelled": cancelled, "unknown": unknown, "no-show": "yes" if missed else "no",
        }, f"/patients/{patient}/appointments"))  # fmt: skip
    return sorted(found, key=lambda r: (-(r.cells["short"] or 0), r.cells["hours"], r.patient))


def _kind(status: str) -> int | None:
    """Which count an appointment is in: kept, missed, cancelled, or past without a word; None for what was never booked."""
    return 0 if status in _KEPT else 1 if status in _MISSED else 2 if status in _CANCELLED else 3 if status in ("booked", "pending") else None


_ANY: dict[str, Any] = {}
_ASKED: Final = {"state": (BEHIND, MET, COURSE)}

REPORT: Final = Definition(
    "attendance", "Attendance and hours",
    "The week, from Monday, that the day belongs to, up to the moment. One line for each client with an appointment that began in it, or in a level of care that asks for hours a week (hours.week-minimum). "
    "Hours: visits that took place and ended by then, time that two of them share once; one of more than 14 hours is a slip of the pen and counts for nothing. Behind: fewer than the part of the week's minimum that the working days which are over make up. Kept: arrived or fulfilled; "
    "missed: marked as a no-show; not recorded: its time has come and nothing was said. A client in several levels is measured by the one that asks for most.",
    "A past day is counted where it ends, at midnight, from the week's appointments and visits as the record has them now.",
    "Appointments, Encounters, EpisodeOfCare; the rules of that day for hours.",
    (("Appointment", "search"), ("Encounter", "search"), ("EpisodeOfCare", "search"), ("Patient", "search")),
    (Column("state", "Hours of the week", by=True), Column("level", "Level", by=True), Column("program", "Program", by=True), Column("site", "Site", by=True), Column("hours", "Hours", "number"),
     Column("minimum", "Asks for", "number"), Column("short", "Behind by", "number"), Column("kept", "Kept", "number"), Column("missed", "Missed", "number"), Column("cancelled", "Cancelled", "number"),
     Column("unknown", "Not recorded", "number"), Column("no-show", "Missed one", by=True)),
    (Figure("Behind the minimum", {"state": (BEHIND,)}), Figure("Hours delivered", _ANY, "sum", "hours", "hours"), Figure("Appointments kept", _ANY, "sum", "kept"), Figure("Missed", {"no-show": ("yes",)}, "sum", "missed"),
     Figure("Cancelled", _ANY, "sum", "cancelled"), Figure("Not recorded", _ANY, "sum", "unknown")),
    ("state", "program", "level"), rows, _ANY,
)  # fmt: skip
