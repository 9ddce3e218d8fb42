"""Admissions funnel: how far the inquiries of ninety days have come, how soon, and why some were lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.care.admissions import case as cases
from sojourn.care.reports import days
from sojourn.care.reports.model import Column, Definition, Figure, Row
from sojourn.care.resources import CARE, code_of, id_of

if TYPE_CHECKING:
    from sojourn.care.reports.source import Source

SPAN: Final = 90
OPEN, ADMITTED, LOST = "open", "admitted", "lost"


class Course(NamedTuple):
    """A case as it stood at a moment. steps: (when, stage) in order, the first where it began. why: what was said when it ended."""

    id: str
    patient: str
    episode: str
    level: str
    program: int
    begun: datetime
    steps: tuple[tuple[datetime, str], ...]
    why: str

    @property
    def stage(self) -> str:
        """Where it stood."""
        return self.steps[-1][1]

    @property
    def state(self) -> str:
        """open, admitted or lost."""
        return ADMITTED if self.stage == "admitted" else LOST if cases.stages()[self.stage].ended else OPEN


def course(source: Source, task: dict[str, Any]) -> Course | None:
    """The course of a case up to the moment that is asked for; None for one that had not begun."""
    when, stages = source.when, cases.stages()
    begun = days.moment(task.get("authoredOn"), when.where)
    if begun is None or begun > when.at:
        return None
    case = cases.of_task(task)
    now = case.stage.code
    steps, why, last = [(begun, case.first)], "", None
    for said in task.get("note", ()):
        at, text = days.moment(said.get("time"), when.where), str(said.get("text", ""))
        stage = next((s for s in stages.values() if text == s.title or text.startswith(f"{s.title}. ")), None)
        if at is None or stage is None:
            continue
        last = stage.code
        if at <= when.at:
            steps.append((at, stage.code))
            why = text.removeprefix(stage.title).removeprefix(". ") if stage.ended else ""
    if last is None and case.first != now:  # from elsewhere: no step of it is told, only where it stands
        at = days.moment(task.get("lastModified"), when.where) or begun
        steps += [(at, now)] if at <= when.at else []
    return Course(case.id, case.patient, case.episode, case.level, case.program, begun, tuple(steps), why)


async def courses(source: Source) -> list[Course]:
    """The cases that began within the span, the newest first. One search."""
    low = days.since(source.when, SPAN)
    slack = timedelta(days=1)
    found = await source.search("Task", ("code", f"{CARE}|{cases.KIND}"), ("authored-on", f"ge{(low - slack).isoformat()}"), ("authored-on", f"le{(source.when.at + slack).isoformat()}"))
    made = (course(source, task) for task in found if task.get("status") != "entered-in-error" and code_of(task.get("code")) == cases.KIND and id_of(task.get("for"), "Patient"))
    return sorted((c for c in made if c is not None and c.begun >= low), key=lambda c: (c.begun, c.id), reverse=True)


def program(source: Source, number: int) -> str:
    """What a program is called."""
    found = source.access.rules.programs.get(number)
    return found.name if found else ""


async def rows(source: Source) -> list[Row]:
    """One for each case."""
    when, stages = source.when, cases.stages()
    sites = await source.sites()
    orgs = {p.number: str(p.organization).partition("/")[2] for p in source.access.rules.programs.values()}
    found = []
    for c in await courses(source):
        ended = c.steps[-1][0] if c.state != OPEN else None
        found.append(Row(c.patient, {
            "state": c.state, "stage": stages[c.stage].title, "program": program(source, c.program), "level": c.level, "site": sites.get(orgs.get(c.program, ""), ""),
            "begun": days.day(c.begun.isoformat(), when.where), "moved": days.day(c.steps[-1][0].isoformat(), when.where), "days": days.between(c.begun, ended or when.at),
            "in-stage": days.between(c.steps[-1][0], when.at) if c.state == OPEN else None, "steps": len(c.steps), "lost": stages[c.stage].title if c.state == LOST else "", "why": c.why,
        }, f"/admissions/{c.id}"))  # fmt: skip
    return found


_ALL: Final = {"state": (OPEN, ADMITTED, LOST)}

REPORT: Final = Definition(
    "admissions", "Admissions funnel",
    "Inquiries that began in the 90 days up to that moment, one for each person however often they call. Stage: the last one that was written down by then. Admitted: the stay had begun. Lost: it ended "
    "otherwise, and the stage says how. Days: whole days from the first call to the admission or the other end, or to that moment while it is open; days in stage: since it was last moved.",
    "A past day is counted where it ends, at midnight, by the dated steps of each case. A case from another system tells one step only, when it was last changed.",
    "Tasks of admission with their dated notes.",
    (*cases.NEEDS, ("Patient", "search")),
    (Column("state", "State", by=True), Column("stage", "Stage", by=True), Column("program", "Program", by=True), Column("level", "Level", by=True), Column("site", "Site", by=True),
     Column("begun", "First call", "day"), Column("moved", "Last moved", "day"), Column("days", "Days", "number"), Column("in-stage", "Days in stage", "number"), Column("lost", "How it was lost", by=True, blank=False), Column("why", "What was said")),
    (Figure("Inquiries", _ALL), Figure("Admitted", {"state": (ADMITTED,)}), Figure("Open", {"state": (OPEN,)}), Figure("Lost", {"state": (LOST,)}),
     Figure("Days from call to admission, median", {"state": (ADMITTED,)}, "median", "days", "days")),
    ("stage", "lost", "program"), rows, _ALL,
)  # fmt: skip
