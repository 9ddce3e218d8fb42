"""A plan in words: the text that is signed and printed, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sojourn.care import levels
from sojourn.care.plan import fhir
from sojourn.care.plan.library import dimensions, modalities
from sojourn.care.plan.model import Goal, Intervention, Objective, Plan, Problem
from sojourn.care.plan.team import Member

COMPARED = {"<": "below", "<=": "at most", ">": "above", ">=": "at least", "": ""}


def day(value: date | None) -> str:
    """`4 March 2026`; '' for none."""
    return f"{value.day} {value:%B %Y}" if value else ""


def measured_by(o: Objective) -> str:
    """What an objective is measured by, in words."""
    return fhir.measures().get(o.measure, o.measure) if o.measure else o.counted


def aim(o: Objective) -> str:
    """`PHQ-9 total: from 17 (1 March 2026) to below 10`."""
    what = measured_by(o)
    start = f"from {o.baseline}{f' ({day(o.measured_on)})' if o.measured_on else ''}" if o.baseline else ""
    end = f"to {COMPARED.get(o.comparator, '')} {o.target}".replace("  ", " ") if o.target else ""
    unit = f" {o.unit}" if o.unit and (start or end) else ""
    said = " ".join(filter(None, (start, end)))
    return f"{what}: {said}{unit}" if what and said else what or said


def by(i: Intervention, team: Mapping[str, Member]) -> str:
    """Who is responsible, with the credential that is asked for."""
    who = team[i.by].name if i.by in team else ""
    return ", ".join(filter(None, (who, i.credential)))


def text(plan: Plan, client: str, stay: levels.Stay | None, team: Mapping[str, Member]) -> str:
    """The whole plan. What has ended is not in it."""
    where = ", ".join(filter(None, (stay.program, f"level {stay.level}" if stay.level else ""))) if stay else ""
    head = [plan.title.upper(), f"Client: {client}", *([f"Where: {where}"] if where else []), *([f"Admitted: {day(fhir.day(stay.started))}"] if stay and stay.started else [])]
    parts = ["\n".join(head)]
    for n, p in enumerate([p for p in plan.problems if p.active], 1):
        parts.append(_problem(plan, p, f"{n}", team))
    loose = [_goal(plan, g, f"{n}", team) for n, g in enumerate([g for g in plan.loose_goals() if g.open], 1)]
    parts += ["FURTHER GOALS", *loose] if loose else []
    rest = [i for i in plan.loose_interventions() if i.open]
    parts += ["ALSO PLANNED\n" + "\n".join(_deed(i, "", team) for i in rest)] if rest else []
    parts += ["ALSO PLANNED\n" + "\n".join(f"- {words}" for words in plan.other)] if plan.other else []
    return "\n\n".join(parts) + "\n"


def _problem(plan: Plan, p: Problem, number: str, team: Mapping[str, Member]) -> str:
    code = f" [{p.code[1]}]" if p.code else ""
    lines = [f"PROBLEM {number}: {p.name}{code}"]
    lines += [f"In the client's words: \u201c{p.words}\u201d"] if p.words else []
    lines += [f"Dimension: {dimensions()[p.dimension]}"] if p.dimension in dimensions() else []
    goals = [_goal(plan, g, f"{number}.{n}", team) for n, g in enumerate([g for g in plan.goals_of(p.id) if g.open], 1)]
    return "\n\n".join(["\n".join(lines), *goals])


def _goal(plan: Plan, g: Goal, number: str, team: Mapping[str, Member]) -> str:
    lines = [f"Goal {number}: {g.statement}"]
    lines += [f"In the client's words: \u201c{g.quote}\u201d"] if g.quote else []
    lines += [f"By: {day(g.due)}"] if g.due else []
    for n, o in enumerate([o for o in plan.objectives_of(g.id) if o.open], 1):
        lines += ["", f"  Objective {number}.{n}: {o.statement}", *([f"    Measured by {aim(o)}"] if aim(o) else []), *([f"    By: {day(o.due)}"] if o.due else [])]
        lines += [_deed(i, "    ", team) for i in plan.interventions_for(o.id) if i.open]
    return "\n".join(lines)


def _deed(i: Intervention, indent: str, team: Mapping[str, Member]) -> str:
    said = ", ".join(filter(None, (modalities().get(i.modality, "").lower(), i.often, f"until {day(i.until)}" if i.until else "")))
    who = by(i, team)
    return f"{indent}- {i.what}{f' ({said})' if said else ''}{f'. Responsible: {who}' if who else ''}"


def missing(plan: Plan) -> list[tuple[str, str, str]]:
    """What a plan lacks before it can be signed: (kind, id, in words)."""
    out: list[tuple[str, str, str]] = []
    problems = [p for p in plan.problems if p.active]
    if not problems:
        out.append(("plan", plan.id, "There is no problem yet."))
    out += [("problem", p.id, f"“{p.name}” has no goal.") for p in problems if not any(g.open for g in plan.goals_of(p.id))]
    for g in (g for g in plan.goals if g.open):
        if not any(o.open for o in plan.objectives_of(g.id)):
            out.append(("goal", g.id, f"“{g.statement}” has no objective."))
        if not g.due:
            out.append(("goal", g.id, f"“{g.statement}” has no day by which it should be reached."))
    for o in (o for o in plan.objectives if o.open):
        lacks = [words for there, words in ((measured_by(o), "a measure"), (o.target, "a target"), (o.due, "a day")) if not there]
        if lacks:
            out.append(("objective", o.id, f"“{o.statement}” lacks {' and '.join(lacks)}."))
        if not any(i.open for i in plan.interventions_for(o.id)):
            out.append(("objective", o.id, f"Nobody does anything for “{o.statement}” yet."))
    return out
