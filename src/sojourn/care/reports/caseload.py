"""Caseload: who answers for whom, with level of care, next review and precautions in force."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from sojourn.care.reports import days, plans, stays
from sojourn.care.reports.model import NOTHING, Column, Definition, Figure, Row
from sojourn.care.resources import id_of

if TYPE_CHECKING:
    from sojourn.care.reports.source import Source

_REVIEWS: Final = {plans.OVERDUE: "overdue", plans.SOON: "due within 7 days", plans.LATER: "later", plans.UNKNOWN: "no date"}


async def rows(source: Source) -> list[Row]:
    """One for each stay in care."""
    when = source.when
    lasting, people, flags = await asyncio.gather(stays.in_care(source), source.people(), _precautions(source))
    due = {n.stay.stay.id: n for n in await plans.of_stays(source)}
    found = [
        Row(s.stay.patient, {
            "clinician": people.get(s.stay.clinician, ""), "level": s.stay.level, "program": s.program, "site": s.site, "since": days.day(s.stay.started, when.where), "days": s.days(when.at),
            "review": _REVIEWS[due[s.stay.id].state] if s.stay.id in due else "", "by": due[s.stay.id].by if s.stay.id in due else "", "precautions": flags.get(s.stay.patient, 0) or None,
            "acuity": "precaution in force" if flags.get(s.stay.patient) else "none",
        }, f"/patients/{s.stay.patient}")
        for s in lasting
    ]  # fmt: skip
    return sorted(found, key=lambda r: (r.cells["clinician"] or "￿", r.cells["by"] or "9", r.patient, r.cells["program"]))


async def _precautions(source: Source) -> dict[str, int]:
    """How many safety flags held for each client. One search."""
    when = source.when
    found: dict[str, int] = {}
    for flag in await source.search("Flag", *source.during(when.at, when.at)):
        category = {str(c.get("code")) for k in flag.get("category", ()) for c in k.get("coding", ())}
        ended = flag.get("status") == "inactive" and not flag.get("period", {}).get("end")
        if "safety" in category and flag.get("status") in ("active", "inactive") and not ended and days.covers(flag.get("period"), when.at, when.where):
            patient = id_of(flag.get("subject"), "Patient")
            found[patient] = found.get(patient, 0) + 1
    return found


_ANY: dict[str, Any] = {}

REPORT: Final = Definition(
    "caseload", "Caseload",
    "One line for each stay in care, under the clinician who answers for it (its care manager); a stay without one says so. Review: what is next for its plan, as the report on plans counts it. Acuity: whether a "
    "safety flag held for the client at that moment; how many stands beside it.",
    "A past day is counted where it ends, at midnight. Who answered for a stay is known as it is now.",
    "EpisodeOfCare (care manager), CarePlan, Flag (safety).",
    (("EpisodeOfCare", "search"), ("CarePlan", "search"), ("Flag", "search"), ("Patient", "search")),
    (Column("clinician", "Clinician", by=True), Column("level", "Level", by=True), Column("program", "Program", by=True), Column("site", "Site", by=True), Column("since", "In care since", "day"),
     Column("days", "Days", "number"), Column("review", "Plan or review", by=True), Column("by", "Last day", "day"), Column("acuity", "Acuity", by=True), Column("precautions", "Precautions", "number")),
    (Figure("Stays in care", _ANY), Figure("Plan or review overdue", {"review": ("overdue",)}), Figure("With a precaution", {"acuity": ("precaution in force",)}), Figure("Without a clinician", {"clinician": (NOTHING,)})),
    ("clinician", "level", "acuity"), rows, _ANY,
)  # fmt: skip
