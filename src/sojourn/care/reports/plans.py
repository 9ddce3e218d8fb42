"""Plans and reviews: what was due or overdue for each stay in care, by the rules of that day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.care.plan import due as dues
from sojourn.care.plan import fhir, reading
from sojourn.care.plan.model import ENDED, Plan, Review
from sojourn.care.reports import days, stays
from sojourn.care.reports.model import Column, Definition, Figure, Row
from sojourn.care.reports.stays import Lasting
from sojourn.care.resources import id_of

if TYPE_CHECKING:
    from sojourn.care.reports.source import Source

OVERDUE, SOON, LATER, UNKNOWN = "overdue", "due within 7 days", "later", "no date"
WHAT: Final = {dues.INITIAL: "first plan", dues.SIGNATURES: "first plan, waits for signatures", dues.REVIEW: "review"}


class Next(NamedTuple):
    """What is due next for a stay. days: until its last moment, negative where it is over; None where no date can be said."""

    stay: Lasting
    what: str
    by: str
    days: int | None
    state: str


async def of_stays(source: Source) -> list[Next]:
    """What was due next for everybody in care. Two searches for now, three or more for a past day."""
    lasting = await stays.in_care(source)
    if not source.access.may("CarePlan", "search"):
        return []
    plans = await _plans(source)
    return [_next(source, s, plans.get(s.stay.id, ())) for s in lasting]


async def _plans(source: Source) -> dict[str, list[Plan]]:
    """The plans of each stay that may have been in use; those that end later, too, where a past day is asked for."""
    when = source.when
    status = ("status", "draft,active") if when.now else ("status", "draft,active,on-hold,completed,revoked")
    found = [c for c in await source.search("CarePlan", ("category", "assess-plan"), status) if any(reading.coded(k, "assess-plan") for k in c.get("category", ()))]
    reviews: dict[str, list[Review]] = {}
    if not when.now:
        of_a_stay = [f"CarePlan/{c['id']}" for c in found if fhir.extension(c, fhir.EPISODE)]
        for impression in await source.of("ClinicalImpression", "supporting-info", of_a_stay):
            for about in impression.get("supportingInfo", ()):
                reviews.setdefault(id_of(about, "CarePlan"), []).append(fhir.review(impression))
    by: dict[str, list[Plan]] = {}
    for resource in found:
        plan = fhir.plan(resource, "", {}, reviews.get(str(resource["id"]), ()))
        if plan.stay and (plan.begun is None or plan.begun <= when.day) and not (when.now and plan.stage == ENDED):
            by.setdefault(plan.stay, []).append(plan)
    return by


def _next(source: Source, lasting: Lasting, plans: Sequence[Plan]) -> Next:
    when, stay = source.when, lasting.stay
    signed = [p for p in plans if p.signed is not None and p.signed <= when.day]
    newest = max(signed or plans, key=lambda p: (p.begun or date.min, p.id), default=None)
    if newest is None or newest not in signed:
        hours = source.rule("plan.initial-hours", stay.level)
        what = WHAT[dues.SIGNATURES if newest is not None and newest.document else dues.INITIAL]
        if hours is None:
            return Next(lasting, what, "", None, UNKNOWN)
        by = lasting.start + timedelta(hours=hours)
        return _dated(source, lasting, what, by.astimezone(when.where).date())
    return _dated(source, lasting, WHAT[dues.REVIEW], _review(source, newest, stay.level))


def _review(source: Source, plan: Plan, level: str) -> date | None:
    """The day by which a plan in force had to be reviewed: what it says itself, unless it was reviewed later than the day that is asked for."""
    day = source.when.day
    done = [r.on for r in plan.past if r.on is not None and r.status == "completed"]
    if not any(on > day for on in done):
        return plan.due
    last = max([on for on in done if on <= day] + ([plan.signed] if plan.signed else []))
    gap = source.rule("plan.review-days", level)
    return None if gap is None else last + timedelta(days=int(gap))


def _dated(source: Source, lasting: Lasting, what: str, by: date | None) -> Next:
    """Overdue from the day after the last one."""
    if by is None:
        return Next(lasting, what, "", None, UNKNOWN)
    left = (by - source.when.day).days
    return Next(lasting, what, by.isoformat(), left, OVERDUE if left < 0 else SOON if left <= dues.SOON.days else LATER)


async def rows(source: Source) -> list[Row]:
    """One for each stay in care, the most overdue first."""
    people = await source.people()
    found = [
        Row(n.stay.stay.patient, {
            "state": n.state, "what": n.what, "by": n.by, "late": -n.days if n.days is not None and n.days < 0 else None, "clinician": people.get(n.stay.stay.clinician, ""), "level": n.stay.stay.level,
            "program": n.stay.program, "site": n.stay.site, "since": days.day(n.stay.stay.started, source.when.where),
        }, f"/patients/{n.stay.stay.patient}/plan")
        for n in await of_stays(source)
    ]  # fmt: skip
    return sorted(found, key=lambda r: (r.cells["by"] or "9", r.patient, r.cells["program"]))


def _of(*states: str) -> Mapping[str, tuple[str, ...]]:
    return {"state": states}


_ANY: dict[str, Any] = {"state": (OVERDUE, SOON, LATER, UNKNOWN)}

REPORT: Final = Definition(
    "plans", "Plans and reviews due",
    "One line for each stay in care: the first plan, until a plan of that stay was signed; then the next review, by the day that stands in the plan. The first plan is due so many hours after the stay "
    "began as the rule of that day says for its level of care (plan.initial-hours). Overdue: the last day was before the day that is asked for. Due: within 7 days.",
    "A past day is counted by what was signed and reviewed by then; a plan that was reviewed later was due as the rule of that day says after the review before (plan.review-days). A plan that ended since counts "
    "until its stay ended, because the day on which a plan ends is not kept.",
    "EpisodeOfCare, CarePlan (its signature and its period), ClinicalImpression (reviews).",
    (("EpisodeOfCare", "search"), ("CarePlan", "search"), ("Patient", "search")),
    (Column("state", "State", by=True), Column("what", "What", by=True), Column("by", "Last day", "day"), Column("late", "Days late", "number"), Column("clinician", "Clinician", by=True),
     Column("level", "Level", by=True), Column("program", "Program", by=True), Column("site", "Site", by=True), Column("since", "In care since", "day")),
    (Figure("Overdue", _of(OVERDUE)), Figure("Due within 7 days", _of(SOON)), Figure("Share overdue", _of(OVERDUE), "share", "", "%", _ANY), Figure("Days late, median", _of(OVERDUE), "median", "late", "days")),
    ("state", "clinician", "level"), rows, _ANY,
)  # fmt: skip
