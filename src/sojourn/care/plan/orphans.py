"""Where the thread is broken: a problem without a goal, a note without a link, and the like."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sojourn.care.plan import fhir, findings, reading
from sojourn.care.plan.model import Plan
from sojourn.care.resources import id_of
from sojourn.gate.access import Access
from sojourn.gate.found import Found

PROBLEM, GOAL, OBJECTIVE, INTERVENTION, NOTE, DIAGNOSIS = "problem", "goal", "objective", "intervention", "note", "diagnosis"
TITLES = {
    PROBLEM: "Problem without a goal",
    GOAL: "Goal without an objective",
    OBJECTIVE: "Objective for which nobody does anything",
    INTERVENTION: "Intervention never delivered",
    NOTE: "Note without a link to the plan",
    DIAGNOSIS: "Diagnosis without a problem",
}
GRACE = timedelta(days=14)
"""So long after it came into force an intervention may wait for its first session."""
WINDOW = timedelta(days=30)
"""Notes older than this are not looked at."""
NEWEST = 40
"""So many notes of one client are looked at, and sessions of the plan."""
_NOTES = ("11506-3", "34117-2", "28570-0", "51848-0", "34133-9")

Json = dict[str, Any]


class Orphan(NamedTuple):
    """One loose end. path: where it is mended, below the chart."""

    kind: str
    patient: str
    text: str
    path: str
    on: date | None = None

    @property
    def title(self) -> str:
        """What is missing."""
        return TITLES[self.kind]


class Around(NamedTuple):
    """What is looked at beside the plans."""

    conditions: list[Json]
    notes: list[Json]
    linked: dict[str, Json]
    visits: list[Json]


async def of_patient(access: Access, patient: str) -> list[Orphan]:
    """The loose ends of one client, as far as the caller may see. Four searches within one chart."""
    plans = [p for p in await reading.of_patient(access, patient) if p.open]
    serving = [f"ServiceRequest/{i.id}" for p in plans for i in p.interventions if i.open]
    known, notes, visits = await asyncio.gather(
        findings.conditions(access, patient),
        _search(access, "DocumentReference", [("patient", patient), ("_sort", "-date"), ("_include", "DocumentReference:related:QuestionnaireResponse")]),
        _search(access, "Encounter", [("patient", patient), ("based-on", ",".join(serving) or "ServiceRequest/none")]),
    )
    since = (access.now - WINDOW).date()
    recent = [n for n in notes.resources if (fhir.day(n.get("date")) or date.min) >= since] if notes else []
    linked = {f"{s.type}/{s.id}": s.resource for s in notes.included} if notes else {}
    return loose(access.today, plans, Around(known, recent, linked, visits.resources if visits else []))


async def _search(access: Access, type_: str, params: Sequence[tuple[str, str]]) -> Found | None:
    return await access.search(type_, params, count=NEWEST) if access.may(type_, "search") else None


def loose(today: date, plans: Sequence[Plan], around: Around) -> list[Orphan]:
    """The loose ends, by kind in the order of the thread."""
    by: dict[str, list[Plan]] = {}
    for plan in plans:
        by.setdefault(plan.patient, []).append(plan)
    out = [o for plan in plans if plan.open for o in of_plan(plan)]
    delivered = {i for v in around.visits for b in v.get("basedOn", ()) if (i := id_of(b, "ServiceRequest"))}
    about = {i for n in around.notes for r in n.get("context", {}).get("related", ()) if (i := id_of(r, "Goal") or id_of(r, "ServiceRequest"))}
    for plan in plans:
        goal_of = {o.id: o.goal for o in plan.objectives}
        if plan.status == "active" and plan.signed and plan.signed + GRACE < today:
            out += [
                Orphan(INTERVENTION, plan.patient, i.what, f"/plan/{plan.id}#{i.id}", plan.signed)
                for i in plan.interventions if i.status == "active" and i.id not in delivered and i.id not in about and not {x for o in i.objectives for x in (o, goal_of.get(o, ""))} & about
            ]  # fmt: skip
    out += [o for n in around.notes if (o := _note(n, by, around.linked))]
    out += _diagnoses(around.conditions, by)
    order = list(TITLES)
    return sorted(out, key=lambda o: (order.index(o.kind), o.patient, o.text))


def of_plan(plan: Plan) -> Iterable[Orphan]:
    """Loose ends within one plan."""
    at = f"/plan/{plan.id}"
    for p in plan.problems:
        if p.active and p.own and not any(g.open for g in plan.goals_of(p.id)):
            yield Orphan(PROBLEM, plan.patient, p.name, f"{at}#{p.id}", plan.begun)
    for g in plan.goals:
        if g.open and not plan.objectives_of(g.id):
            yield Orphan(GOAL, plan.patient, g.statement, f"{at}#{g.id}", plan.begun)
    for o in plan.objectives:
        if o.open and not any(i.open for i in plan.interventions_for(o.id)):
            yield Orphan(OBJECTIVE, plan.patient, o.statement, f"{at}#{o.id}", plan.begun)


def _note(document: Json, by: Mapping[str, list[Plan]], linked: Mapping[str, Json]) -> Orphan | None:
    """A progress note that says neither what it is about nor why it is about nothing."""
    patient = id_of(document.get("subject"), "Patient")
    codes = {str(c.get("code")) for c in document.get("type", {}).get("coding", ())}
    on = fhir.day(document.get("date"))
    running = any(p.status == "active" and p.signed and on and p.signed <= on for p in by.get(patient, ()))
    if document.get("status") != "current" or not codes & set(_NOTES) or not running:
        return None
    related = [str(r.get("reference", "")) for r in document.get("context", {}).get("related", ())]
    if any(r.startswith(("Goal/", "ServiceRequest/")) for r in related) or any(explained(linked[r]) for r in related if r in linked):
        return None
    return Orphan(NOTE, patient, fhir.text_of(document.get("type")) or "Note", f"/notes/{document['id']}", on)


def explained(response: Json) -> bool:
    """Whether a note's structure gives a reason for being about no objective."""

    def items(inside: Iterable[Json]) -> Iterable[Json]:
        for item in inside:
            yield item
            yield from items(item.get("item", ()))

    return any(str(i.get("linkId", "")).endswith("objectives") and any(a.get("valueString") for a in i.get("answer", ())) for i in items(response.get("item", ())))


def _diagnoses(conditions: Sequence[Json], by: Mapping[str, list[Plan]]) -> list[Orphan]:
    """Diagnoses that no plan of their client takes up, once for each code; nothing where there is no plan that could."""
    aside: dict[str, set[str]] = {}
    for c in conditions:
        if findings.is_set_aside(c):
            aside.setdefault(id_of(c.get("subject"), "Patient"), set()).update(fhir.problem(c).findings)
    out: dict[tuple[str, str], Orphan] = {}
    for c in conditions:
        patient = id_of(c.get("subject"), "Patient")
        finding = findings.diagnosis(c)
        plans = [p for p in by.get(patient, ()) if p.open]
        if finding is None or not plans or finding.ref in aside.get(patient, ()):
            continue
        taken = {f for p in plans for q in p.problems for f in (*q.findings, f"Condition/{q.id}")}
        coded = {q.code for p in plans for q in p.problems if q.code}
        if finding.ref not in taken and (finding.code is None or finding.code not in coded):
            out.setdefault((patient, finding.key), Orphan(DIAGNOSIS, patient, finding.text, f"/plan/{plans[0].id}", finding.on))
    return list(out.values())
