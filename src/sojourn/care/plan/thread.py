"""One objective through time: its notes, measure, medications, reviews and danger, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sojourn.care.medications import lines as lists
from sojourn.care.plan import fhir, observed, reviews
from sojourn.care.plan.model import Objective, Plan
from sojourn.care.resources import id_of
from sojourn.gate.access import Access
from sojourn.gate.found import Found

NOTE, MEASURE, MEDICATION, REVIEW, RISK, VISIT, CHANGE = "note", "measure", "medication", "review", "risk", "visit", "change"
TITLES = {NOTE: "Note", MEASURE: "Measure", MEDICATION: "Medication", REVIEW: "Progress", RISK: "Danger", VISIT: "Session", CHANGE: "Plan"}


class Event(NamedTuple):
    """Something that happened. at: a FHIR date or dateTime. path: where it can be read, below the chart, or ''. by: a reference, or ''."""

    kind: str
    at: str
    text: str
    detail: str = ""
    by: str = ""
    path: str = ""

    @property
    def day(self) -> date | None:
        """Its day."""
        return fhir.day(self.at)


class Thread(NamedTuple):
    """The events, the newest first, and the values of the measure, the oldest first."""

    events: list[Event]
    values: list[reviews.Value]
    people: list[str]


async def of(access: Access, plan: Plan, o: Objective) -> Thread:
    """Seven searches at once, fewer for a role that may not search everything."""
    patient = plan.patient
    serving = [i.id for i in plan.interventions_for(o.id)]
    found = asyncio.gather(
        _search(access, "DocumentReference", [("patient", patient), ("related", ",".join(f"Goal/{i}" for i in (o.id, o.goal) if i)), ("_sort", "-date")]),
        _search(access, "Encounter", [("patient", patient), ("based-on", ",".join(f"ServiceRequest/{i}" for i in serving) or f"ServiceRequest/{o.id}"), ("_sort", "-date")]),
        lists.of(access, patient),
        _search(access, "Flag", [("patient", patient)]),
        _search(access, "RiskAssessment", [("patient", patient), ("_sort", "-date")]),
    )
    (notes, visits, listed, flags, risks), (scored, ratings, own) = await asyncio.gather(found, observed.of(access, patient))
    values = reviews.series(o, scored, own)
    begun = o.started or plan.begun or date.min
    events = [
        *(note(r) for r in notes), *(visit(r) for r in visits), *(e for line in listed.lines for e in medication(line)), *(flag(r) for r in flags), *(risk(r) for r in risks),
        *(Event(RISK, s.on, f"C-SSRS: {s.band}", path="/measures") for s in scored if s.measure == "c-ssrs-screener.triage" and s.positive),
        *(Event(MEASURE, v.on, f"{fhir.measures().get(o.measure) or o.counted}: {v.value:g}", path="/measures" if o.measure else "") for v in values),
        *(rated(p) for p in ratings if p.objective == o.id),
    ]  # fmt: skip
    first = begun if begun == date.min else date.fromordinal(begun.toordinal() - 31)
    kept = sorted((e for e in events if e.day and e.day >= first), key=lambda e: (str(e.at), e.kind), reverse=True)
    return Thread(kept, values, sorted({e.by for e in kept if e.by}))


async def _search(access: Access, type_: str, params: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    if not access.may(type_, "search"):
        return []
    found: Found = await access.search(type_, params, count=200)
    return found.resources


def note(document: dict[str, Any]) -> Event:
    """A note about the objective: that there is one, of what kind and by whom; its words are in the chart."""
    by = next((str(a["reference"]) for a in document.get("author", ()) if a.get("reference")), "")
    return Event(NOTE, str(document.get("date", "")), fhir.text_of(document.get("type")) or "Note", str(document.get("description", "")), by, f"/notes/{document['id']}")


def visit(encounter: dict[str, Any]) -> Event:
    """A session of one of its interventions."""
    what = next((t for part in encounter.get("type", ()) if (t := fhir.text_of(part))), "") or "Session"
    by = next((str(p.get("individual", {}).get("reference", "")) for p in encounter.get("participant", ())), "")
    return Event(VISIT, str(encounter.get("period", {}).get("start", "")), what, by=by, path="/encounters")


def medication(line: lists.Line) -> list[Event]:
    """A line of the medication list: ordered or told, and whatever was said when it was changed or stopped."""
    if line.status == "entered-in-error":
        return []
    by = line.by if "/" in line.by else ""
    out = [Event(MEDICATION, line.when, f"{line.name} {'ordered' if line.type == lists.ORDER else 'told'}", line.dose, by, "/medications")]
    out += [Event(MEDICATION, n.at, f"{line.name}: {n.text}", "", n.by if "/" in n.by else "", "/medications") for n in line.notes[1:]]
    end = line.stored.resource.get("dispenseRequest", {}).get("validityPeriod", {}).get("end")
    if line.status in ("stopped", "cancelled") and end and len(line.notes) < 2:
        out.append(Event(MEDICATION, str(end), f"{line.name} stopped", "", by, "/medications"))
    return out


def flag(resource: dict[str, Any]) -> Event:
    """A warning that everybody who treats the client sees."""
    return Event(RISK, str(resource.get("period", {}).get("start", "")), fhir.text_of(resource.get("code")) or "Safety flag", by=str(resource.get("author", {}).get("reference", "")))


def risk(resource: dict[str, Any]) -> Event:
    """A formulation of risk, or whatever else was assessed."""
    what = fhir.text_of(resource.get("code")) or "Risk assessment"
    return Event(RISK, str(resource.get("occurrenceDateTime", "")), what, by=str(resource.get("performer", {}).get("reference", "")))


def rated(p: reviews.Progress) -> Event:
    """What a review said of the objective."""
    words = ". ".join(filter(None, (reviews.DECISIONS.get(p.decision, ""), p.reason)))
    return Event(REVIEW, p.on, reviews.RATINGS.get(p.rating, ("", ""))[0] or "Rated", words, p.by)


def goal_of(plan: Plan, o: Objective) -> tuple[str, str]:
    """The goal and the problem that an objective belongs to, in words; '' for what is not there."""
    goal = next((g for g in plan.goals if g.id == o.goal), None)
    problem = next((p for p in plan.problems if goal and p.id in goal.problems), None)
    return (goal.statement if goal else "", problem.name if problem else "")


def objective_id(reference: Any) -> str:
    """The id of the Goal that a reference names."""
    return id_of(reference, "Goal")
