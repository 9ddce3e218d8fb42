"""By the clock: what is due, and what the chart asks for, become tasks."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

from sojourn.base import errors, wall
from sojourn.care import levels, policies, tasks
from sojourn.care.measures.forms import MEASURE
from sojourn.care.plan import due, findings, observed, reading, reviews, work, writing
from sojourn.care.resources import CARE, id_of
from sojourn.gate import origin
from sojourn.gate.access import Access

PAGE = 100
RECENT = timedelta(days=7)
"""What was written longer ago was looked at by an earlier round."""


async def run(access: Access) -> None:
    """Look at every stay that lasts. A task is written once for one cause: its id follows from it, and what is open is not written again."""
    rules = await policies.of(access)
    kinds = ",".join(f"{CARE}|{k}" for k in (due.INITIAL, due.REVIEW, due.EVENT))
    open_ = (await access.search("Task", [("code", kinds), ("status", ",".join(tasks.OPEN))], count=1000)).resources
    known = {(w.kind, w.focus) for t in open_ if (w := tasks.read(t))}
    news = await _news(access)
    cursor: str | None = None
    while True:
        found = await access.search("EpisodeOfCare", [("status", "active"), ("_sort", "_id")], count=PAGE, cursor=cursor)
        await _page(access, [levels.stay(r) for r in found.resources], rules, known, news)
        cursor = found.next
        if cursor is None:
            return


async def _news(access: Access) -> set[str]:
    """The clients of whom something was written lately that may ask for a review."""
    since = ("_lastUpdated", f"ge{(access.now - RECENT).date().isoformat()}")
    scores = await access.search("Observation", [("code", f"{MEASURE}|c-ssrs-screener.triage,{CARE}|{reviews.PROGRESS}"), since], count=1000)
    conditions = await access.search("Condition", [since], count=1000)
    return {id_of(r.get("subject"), "Patient") for r in (*scores.resources, *conditions.resources)}


async def _page(access: Access, stays: list[levels.Stay], rules: policies.Policies, known: set[tuple[str, str]], news: set[str]) -> None:
    """The stays of one page."""
    _, plans = await reading.of_patients(access, [s.patient for s in stays if s.patient])
    by = {p.stay: p for p in plans if p.stay}
    for stay in stays:
        plan = by.get(stay.id)
        wanted = due.of_stay(stay, plan, rules)
        focus = f"CarePlan/{plan.id}" if plan else f"EpisodeOfCare/{stay.id}"
        if wanted and wanted.kind in (due.INITIAL, due.REVIEW) and wanted.at - access.now <= timedelta(days=1) and (wanted.kind, focus) not in known:
            await write(access, stay, wanted, focus)
        if plan and plan.status == "active" and stay.patient in news and (due.EVENT, focus) not in known:
            for event in (await _events(access, plan.id, stay))[:1]:
                days = rules.number("plan.event-review-days", stay.level)
                await write(access, stay, due.Due(due.EVENT, stay.patient, stay.id, plan.id, access.now + timedelta(days=days), event), focus)


async def _events(access: Access, plan: str, stay: levels.Stay) -> list[str]:
    """What in the chart asks for a review now; nothing while one is under way. Only what those who see the plan may know: the task tells of it."""
    whole = await reading.one(access, stay.patient, plan)
    if whole.review:
        return []
    found = [*await observed.resources(access, stay.patient), *await findings.conditions(access, stay.patient)]
    told = await origin.telling(access, f"CarePlan/{plan}", found)
    around = observed.read([r for r in told if r["resourceType"] == "Observation"])
    return due.events(whole, stay, around.scores, [r for r in told if r["resourceType"] == "Condition"], around.rated)


def _day(access: Access, wanted: due.Due) -> date:
    """The day that the id of its task stands for; of a review that of its plan, whatever the clock."""
    if wanted.kind == due.EVENT:
        return access.today
    return wall.day(wanted.at) if wanted.kind == due.REVIEW else wanted.at.date()


async def write(access: Access, stay: levels.Stay, wanted: due.Due, focus: str) -> None:
    """Write it, unless another process was faster: the id is the same for the same cause on the same day.

    It belongs to the program that the stay names, or, where it names none that is here, as one that was imported may, to the one that made the stay.
    """
    program = writing.program_of(access, stay.organization)
    if program is None:
        program = await origin.made_by(access, "EpisodeOfCare", stay.id)
    if program is None:
        return  # it ended meanwhile
    cause = "\0".join((wanted.kind, focus, wanted.why, _day(access, wanted).isoformat()))
    id_ = hashlib.sha256(cause.encode()).hexdigest()[:32]
    try:
        await access.write([work.task(access, stay, wanted, focus, program, id_=id_)], action="plan-due")
    except errors.Conflict:
        return
