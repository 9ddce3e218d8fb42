"""Reviews: each objective rated, its measure compared, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sojourn.base.errors import Conflict, Invalid
from sojourn.care import levels
from sojourn.care.plan import due, fhir, findings, work, writing
from sojourn.care.plan.model import Objective, Plan, Review
from sojourn.care.policies import Policies
from sojourn.care.resources import CARE, author, code_of, concept, id_of, moment, ref
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

NEEDS = (("ClinicalImpression", "create"), ("ClinicalImpression", "update"), ("Observation", "create"), ("Goal", "update"), ("CarePlan", "update"))
PROGRESS = "objective-progress"
OWN_MEASURE = "objective-measure"
DECISION = "objective-decision"
RATINGS = {
    "achieved": ("Reached", "achieved"),
    "improving": ("Better", "improving"),
    "no-change": ("No change", "no-change"),
    "worse": ("Worse", "worsening"),
    "not-started": ("Not begun", "not-achieved"),
}
"""Progress on an objective: our code -> (words, code of goal-achievement)."""
DECISIONS = {"continue": "Continue", "modify": "Change it", "met": "Met", "discontinue": "Stop"}
_THERAPY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "therapy"}]}

Json = dict[str, Any]


class Progress(NamedTuple):
    """One objective at one review, as it was written down."""

    id: str
    objective: str
    rating: str
    decision: str
    reason: str
    on: str
    value: str
    by: str


class Rated(NamedTuple):
    """One objective at a review that is being finished. value: what it was measured at now, where no instrument does that."""

    objective: str
    rating: str
    decision: str
    reason: str = ""
    value: str = ""


class Value(NamedTuple):
    """One measurement of an objective."""

    ref: str
    value: Decimal
    on: str


def progress(observation: Json) -> Progress | None:
    """A progress rating; None for any other Observation."""
    if code_of(observation.get("code")) != PROGRESS or observation.get("status") == "entered-in-error":
        return None
    parts = {code_of(c.get("code")): c for c in observation.get("component", ())}
    value = parts.get(OWN_MEASURE, {}).get("valueQuantity", {}).get("value")
    return Progress(
        str(observation["id"]), next((i for f in observation.get("focus", ()) if (i := id_of(f, "Goal"))), ""), code_of(observation.get("valueCodeableConcept")),
        code_of(parts.get(DECISION, {}).get("valueCodeableConcept")), next((str(n.get("text", "")) for n in observation.get("note", ())), ""), str(observation.get("effectiveDateTime", "")),
        "" if value is None else str(value), next((str(p["reference"]) for p in observation.get("performer", ()) if p.get("reference")), ""),
    )  # fmt: skip


def series(o: Objective, scored: Sequence[findings.Score], own: Mapping[str, Sequence[Value]]) -> list[Value]:
    """What an objective was measured at, the oldest first: since a little before it began."""
    found = [Value(s.ref, s.value, s.on) for s in scored if s.measure == o.measure] if o.measure else list(own.get(o.id, ()))
    return sorted(found, key=lambda v: v.on)


def change_since(values: Sequence[Value], last: date | None, baseline: str) -> tuple[str, Decimal | None]:
    """In words how the newest value differs from the one at the last review, else from the baseline; and by how much."""
    if not values:
        return "", None
    now = values[-1]
    before = [v for v in values[:-1] if last is None or (fhir.day(v.on) or date.min) <= last]
    start = before[-1].value if before and last is not None else fhir.number(baseline)
    if start is None:
        return f"{now.value:g}, nothing to compare with", None
    moved = now.value - start
    since = "since the last review" if before and last is not None else "since the baseline"
    return (f"{now.value:g}, {'down' if moved < 0 else 'up'} {abs(moved):g} {since}" if moved else f"{now.value:g}, as {'at the last review' if before and last is not None else 'at the baseline'}"), moved


def reached(o: Objective, value: Decimal) -> bool | None:
    """Whether a value meets the target; None where the target is no number."""
    target = fhir.number(o.target)
    if target is None:
        return None
    return {"<": value < target, "<=": value <= target, ">": value > target, ">=": value >= target}.get(o.comparator, value == target)


async def begin(access: Access, plan: Plan, stay: levels.Stay | None, why: str) -> str:
    """Begin a review; the one that is under way, if there is one. Returns its id."""
    if plan.review:
        return plan.review
    if plan.status != "active":
        raise Conflict("Only a plan in force is reviewed.")
    id_ = new_id()
    resource: Json = {
        "resourceType": "ClinicalImpression", "id": id_, "status": "in-progress", "code": concept("plan-review", "Review of a treatment plan"), **({"description": why} if why else {}),
        "subject": ref("Patient", plan.patient), "effectiveDateTime": moment(access), "date": moment(access), "supportingInfo": [ref("CarePlan", plan.id)],
        **({"assessor": who} if (who := author(access)) and who["reference"].startswith("Practitioner/") else {}),
    }  # fmt: skip
    await access.write([Change("create", "ClinicalImpression", id_, resource, program=writing.program_of(access, stay.organization if stay else ""))], action="plan-review")
    return id_


def check(plan: Plan, rated: Sequence[Rated]) -> dict[str, str]:
    """What is still wrong, by objective."""
    wrong: dict[str, str] = {}
    by = {r.objective: r for r in rated}
    for o in (o for o in plan.objectives if o.open):
        r = by.get(o.id)
        if r is None or r.rating not in RATINGS:
            wrong[o.id] = "Say how it is going."
        elif r.decision not in DECISIONS:
            wrong[o.id] = "Say what becomes of it."
        elif not r.reason.strip() and (r.decision in ("modify", "discontinue") or r.rating in due.NO_PROGRESS):
            wrong[o.id] = "Give the reason."
        elif r.value.strip() and fhir.number(r.value) is None:
            wrong[o.id] = "Write a number for what was measured."
    return wrong


async def finish(access: Access, plan: Plan, review: Review, rated: Sequence[Rated], summary: str, rules: Policies, stay: levels.Stay | None, newest: Mapping[str, Value]) -> None:
    """Write a review down: ratings, what becomes of the objectives, and the day of the next one; all or nothing.

    newest: the last measurement of each objective that an instrument measures. Raises Invalid, VersionConflict if somebody finished it.
    """
    if check(plan, rated):
        raise Invalid("A review says of each objective how it is going and what becomes of it.")
    program = writing.program_of(access, stay.organization if stay else "")
    known = {o.id: o for o in plan.objectives}
    changes: list[Change] = []
    items: list[str] = []
    changed = False
    for r in rated:
        o = known.get(r.objective)
        if o is None or not o.open:
            continue
        made, refs = _written(access, plan, o, r, newest.get(o.id), program)
        changes += made
        items += refs
        changed = changed or r.decision in ("modify", "discontinue", "met")
    view = {
        "status": "completed", "summary": summary, "effectiveDateTime": moment(access), "date": moment(access),
        "investigation": [{"code": concept(PROGRESS, "Progress on objectives"), "item": [{"reference": i} for i in items]}] if items else [],
        **({"assessor": who} if (who := author(access)) and who["reference"].startswith("Practitioner/") else {}),
    }  # fmt: skip
    changes.append(Change("patch", "ClinicalImpression", review.id, patch=lambda before: {k: v for k, v in {**before, **view}.items() if v not in ([], "")}, if_match=review.version))
    until = due.next_review(access.today, stay.level if stay else "", rules)

    def planned(before: Json) -> Json:
        after = {**before, "period": {**before.get("period", {}), "end": until.isoformat()}}
        return fhir.touched(after) if changed else after

    changes.append(Change("patch", "CarePlan", plan.id, patch=planned))
    changes += await work.finished(access, plan, (due.REVIEW, due.EVENT), note="Reviewed.")
    await access.write(changes, action="plan-review")


def _written(access: Access, plan: Plan, o: Objective, r: Rated, score: Value | None, program: int | None) -> tuple[list[Change], list[str]]:
    """The rating of one objective with its measurement, and what becomes of the objective."""
    common: Json = {
        "resourceType": "Observation", "status": "final", "category": [_THERAPY], "subject": ref("Patient", plan.patient), "focus": [ref("Goal", o.id)],
        "effectiveDateTime": moment(access), **({"performer": [who]} if (who := author(access)) else {}),
    }  # fmt: skip
    changes: list[Change] = []
    value = fhir.number(r.value)
    measured = score.ref if score else ""
    if value is not None and not o.measure:
        id_ = new_id()
        code = {"coding": [{"system": CARE, "code": OWN_MEASURE}], "text": o.counted or o.statement}
        changes.append(Change("create", "Observation", id_, {**common, "code": code, "valueQuantity": {"value": value, **({"unit": o.unit} if o.unit else {})}}, program=program))
        measured = f"Observation/{id_}"
    words, achieved = RATINGS[r.rating]
    rating: Json = {
        **common, "code": concept(PROGRESS, "Progress on an objective"), "valueCodeableConcept": concept(r.rating, words),
        **({"note": [{"text": r.reason.strip()}]} if r.reason.strip() else {}), **({"derivedFrom": [{"reference": measured}]} if measured else {}),
        "component": [{"code": concept(DECISION, "What becomes of it"), "valueCodeableConcept": concept(r.decision, DECISIONS[r.decision])}],
    }  # fmt: skip
    if value is not None:
        rating["component"].append({"code": concept(OWN_MEASURE, o.counted or "Measured"), "valueQuantity": {"value": value}})
    id_ = new_id()
    changes.append(Change("create", "Observation", id_, rating, program=program))
    outcome = {"reference": f"Observation/{id_}"}
    met, stopped = r.decision == "met", r.decision == "discontinue"

    def goal(view: Json) -> Json:
        view = {**view, "outcomeReference": [*view.get("outcomeReference", ()), outcome], "statusDate": access.today.isoformat(),
                "achievementStatus": {"coding": [{"system": fhir.ACHIEVEMENT, "code": "achieved" if met else achieved}], "text": "Met" if met else words}}  # fmt: skip
        if met or stopped:
            view |= {"lifecycleStatus": "completed" if met else "cancelled", "statusReason": r.reason.strip() or "Met"}
        return view

    changes.append(Change("patch", "Goal", o.id, patch=goal))
    if met or stopped:
        changes += [writing.ending(access, i, r.reason.strip() or "The objective is met.", met=met) for i in plan.interventions_for(o.id) if i.open and set(i.objectives) <= {o.id}]
    return changes, [f"Observation/{id_}"]
