"""Begin a plan, and add, change and end its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sojourn.base.errors import Conflict, Forbidden, NotFound
from sojourn.care import levels
from sojourn.care.plan import fhir, reading
from sojourn.care.plan.library import modalities
from sojourn.care.plan.model import GOAL, INTERVENTION, OBJECTIVE, PROBLEM, TYPES, Goal, Intervention, Objective, Plan, Problem
from sojourn.care.resources import author, id_of, moment, ref
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

WRITES = (("CarePlan", "create"), ("CarePlan", "update"), ("Goal", "create"), ("Condition", "create"), ("ServiceRequest", "create"))
"""What a role must allow for writing plans."""
READS = (("CarePlan", "search"), ("Goal", "search"))

Part = Problem | Goal | Objective | Intervention
Json = dict[str, Any]


def may_write(access: Access) -> bool:
    """Whether the caller's role includes writing plans at all."""
    return all(access.may(type_, action) for type_, action in WRITES)


def program_of(access: Access, organization: str) -> int | None:
    """The number of the program that an organization id stands for; None if it is none, and the caller's acting one counts."""
    wanted = f"Organization/{organization}"
    return next((p.number for p in access.rules.programs.values() if organization and p.organization == wanted), None)


def writes_in(access: Access, organization: str) -> bool:
    """Whether the caller works in the program of a stay: nobody else writes its plan."""
    number = program_of(access, organization)
    return may_write(access) and (number is None or number in access.caller.programs)


async def stay_of(access: Access, plan: Plan) -> levels.Stay | None:
    """The stay that a plan is for; None if it names none, or none that may be seen."""
    if not plan.stay:
        return None
    found = await access.search("EpisodeOfCare", [("patient", plan.patient), ("_id", plan.stay)], count=1)
    return levels.stay(found.resources[0]) if found.resources else None


def _program(access: Access, organization: str) -> int | None:
    """The program that a change is made by. Raises Forbidden for somebody who does not work there."""
    number = program_of(access, organization)
    if number is not None and number not in access.caller.programs:
        raise Forbidden("A plan is written by somebody who works in its program.")
    return number


async def begin(access: Access, stay: levels.Stay) -> str:
    """A new plan in draft for a stay; the one that there is, if there is one. Returns its id."""
    for known in await reading.of_patient(access, stay.patient):
        if known.open and known.stay == stay.id:
            return known.id
    resource = fhir.new_plan(
        stay.patient, stay.id, f"Treatment plan, {stay.program}" if stay.program else "Treatment plan", by=author(access), teams=stay.teams, begun=access.today, now=moment(access),
    )  # fmt: skip
    change = Change("create", "CarePlan", new_id(), resource, program=_program(access, stay.organization))
    await access.write([change], action="plan")
    return change.id


def plan_change(plan: str, *steps: Callable[[Json], Json]) -> Change:
    """A change of a CarePlan made from whatever is there when it is made: nobody's other change is undone by it."""

    def patched(view: Json) -> Json:
        if view.get("status") in ("completed", "revoked"):
            raise Conflict("This plan has ended. Begin a new one.")
        for step in steps:
            view = step(view)
        return fhir.touched(view)

    return Change("patch", "CarePlan", plan, patch=patched)


def resource_of(part: Part, plan: Plan, before: Json | None = None, finding_code: Json | None = None) -> Json:
    """A part as the resource to store."""
    if isinstance(part, Problem):
        return fhir.of_problem(part, plan.patient, before, finding_code=finding_code)
    if isinstance(part, Goal):
        return fhir.of_goal(part, plan.patient, before)
    if isinstance(part, Objective):
        return fhir.of_objective(part, plan.patient, before)
    return fhir.of_intervention(part, plan.patient, plan.id, modalities().get(part.modality, part.modality), before)


def adding(access: Access, plan: Plan, part: Part, program: int | None, *, finding_code: Json | None = None, id_: str = "") -> tuple[Change, Callable[[Json], Json]]:
    """A new part as a change, and what it does to the plan."""
    resource = resource_of(part, plan, finding_code=finding_code)
    kind = kind_of(part)
    change = Change("create", TYPES[kind], id_ or new_id(), resource, program=program)
    if resource["resourceType"] == "Condition":
        resource |= {"recordedDate": moment(access), **({"recorder": who} if (who := author(access)) and who["reference"].startswith("Practitioner/") else {})}
    if resource["resourceType"] == "ServiceRequest":
        resource |= {"authoredOn": moment(access), **({"requester": who} if (who := author(access)) else {})}
    element = {PROBLEM: "addresses", GOAL: "goal", OBJECTIVE: "goal", INTERVENTION: "activity"}[kind]
    return change, lambda view: fhir.listed(view, element, f"{change.type}/{change.id}")


async def add(access: Access, plan: Plan, part: Part, *, finding_code: Json | None = None) -> str:
    """Put a new part into a plan. Returns its id. Raises Forbidden, Conflict for a plan that has ended."""
    stay = await stay_of(access, plan)
    change, step = adding(access, plan, part, _program(access, stay.organization if stay else ""), finding_code=finding_code)
    await access.write([change, plan_change(plan.id, step)], action="plan")
    return change.id


async def change(access: Access, plan: Plan, part: Part, *, version: str) -> None:
    """Change a part. version: the one that its author saw. Raises VersionConflict if somebody was faster; then nothing is written."""
    kind = kind_of(part)
    if plan.node(kind, part.id) is None:
        raise NotFound
    if isinstance(part, Problem) and not part.own:
        raise Forbidden("This is a diagnosis of the chart, not a problem of this plan. Make a problem from it.")

    def patched(view: Json) -> Json:
        return {**resource_of(part, plan, view), "id": part.id}

    await access.write([Change("patch", TYPES[kind], part.id, patch=patched, if_match=version), plan_change(plan.id)], action="plan")


async def end(access: Access, plan: Plan, part: Part, why: str) -> None:
    """Take a part out of a draft, with what hangs on it; in a plan that was signed it stays, stopped, with the reason."""
    below = [part, *_below(plan, part)]
    if plan.signed is None:
        gone = [f"{TYPES[kind_of(p)]}/{p.id}" for p in below]
        changes = [Change("delete", TYPES[kind_of(p)], p.id) for p in below if not (isinstance(p, Problem) and not p.own)]
        await access.write([*changes, plan_change(plan.id, lambda view: fhir.unlisted(view, gone))], action="plan")
        return
    changes = [ending(access, p, why) for p in below if not (isinstance(p, Problem) and not p.own)]
    await access.write([*changes, plan_change(plan.id)], action="plan")


def ending(access: Access, part: Part, why: str, *, met: bool = False) -> Change:
    """A part that is no longer worked on, as a change: met, or stopped for a reason."""

    def patched(view: Json) -> Json:
        said = {"time": moment(access), "text": why, **({"authorReference": who} if (who := author(access)) else {})}
        if isinstance(part, Problem):
            status = {"coding": [{"system": fhir.CLINICAL, "code": "resolved" if met else "inactive"}]}
            return {**view, "clinicalStatus": status, **({"abatementDateTime": moment(access)} if met else {}), "note": [*view.get("note", ()), said]}
        if isinstance(part, Intervention):
            return {**view, "status": "completed" if met else "revoked", "note": [*view.get("note", ()), said]}
        achieved = {"achievementStatus": {"coding": [{"system": fhir.ACHIEVEMENT, "code": "achieved"}], "text": "Met"}} if met else {}
        return {**view, "lifecycleStatus": "completed" if met else "cancelled", "statusDate": access.today.isoformat(), "statusReason": why or "Met", **achieved}

    return Change("patch", TYPES[kind_of(part)], part.id, patch=patched)


def _below(plan: Plan, part: Part) -> list[Part]:
    """What hangs on a part and on nothing else."""
    if isinstance(part, Problem):
        goals = [g for g in plan.goals_of(part.id) if set(g.problems) <= {part.id}]
        return [*goals, *(x for g in goals for x in _below(plan, g))]
    if isinstance(part, Goal):
        steps = plan.objectives_of(part.id)
        return [*steps, *(x for o in steps for x in _below(plan, o))]
    if isinstance(part, Objective):
        return [i for i in plan.interventions_for(part.id) if set(i.objectives) <= {part.id}]
    return []


def kind_of(part: Part) -> str:
    """What a part is."""
    return {Problem: PROBLEM, Goal: GOAL, Objective: OBJECTIVE, Intervention: INTERVENTION}[type(part)]


def activated(access: Access, plan: Plan) -> list[Change]:
    """What a plan proposed comes into force."""
    today = access.today.isoformat()

    def goal(view: Json) -> Json:
        begun = {} if view.get("startDate") else {"startDate": today}
        return {**view, "lifecycleStatus": "active", **begun, "achievementStatus": {"coding": [{"system": fhir.ACHIEVEMENT, "code": "in-progress"}], "text": "In progress"}}

    proposed: Sequence[Goal | Objective] = [*(g for g in plan.goals if g.status in ("proposed", "planned", "accepted")), *(o for o in plan.objectives if o.status in ("proposed", "planned", "accepted"))]
    changes = [Change("patch", "Goal", p.id, patch=goal) for p in proposed]
    return [*changes, *(Change("patch", "ServiceRequest", i.id, patch=lambda view: {**view, "status": "active"}) for i in plan.interventions if i.status == "draft")]


async def finish(access: Access, plan: Plan, why: str, *, reached: bool) -> None:
    """End a plan with its parts: the stay is over, or another plan takes its place."""
    def patched(view: Json) -> Json:
        period = {**view.get("period", {}), "end": access.today.isoformat()}
        noted = [*view.get("note", ()), {"time": moment(access), "text": why}] if why else view.get("note")
        return {**view, "status": "completed" if reached else "revoked", "period": period, **({"note": noted} if noted else {})}

    parts: list[Part] = [*(g for g in plan.goals if g.open), *(o for o in plan.objectives if o.open), *(i for i in plan.interventions if i.open)]
    await access.write([Change("patch", "CarePlan", plan.id, patch=patched), *(ending(access, p, why or "The plan ended.", met=reached) for p in parts)], action="plan")


def with_parents(part: Part, parent: str) -> Part:
    """A part hung on a parent of the kind above it."""
    if isinstance(part, Goal):
        return replace(part, problems=tuple(dict.fromkeys([*part.problems, parent])))
    if isinstance(part, Objective):
        return replace(part, goal=parent)
    if isinstance(part, Intervention):
        return replace(part, objectives=tuple(dict.fromkeys([*part.objectives, parent])))
    return part


def reference_id(reference: str, type_: str) -> str:
    """The id in a reference of one type, or ''."""
    return id_of({"reference": reference}, type_)


def patient_ref(plan: Plan) -> dict[str, str]:
    """The client of a plan."""
    return ref("Patient", plan.patient)


async def set_aside(access: Access, plan: Plan, problem: Problem, why: str) -> None:
    """Say that a finding is no problem to be treated in this plan, and why. It stays in the chart as a concern that is not active."""
    stay = await stay_of(access, plan)
    change, _ = adding(access, plan, problem, _program(access, stay.organization if stay else ""))
    assert change.resource is not None  # noqa: S101 - it was just made
    said = {"time": moment(access), "text": why, **({"authorReference": who} if (who := author(access)) else {})}
    change.resource |= {"clinicalStatus": {"coding": [{"system": fhir.CLINICAL, "code": "inactive"}]}, "note": [*change.resource.get("note", ()), said]}
    await access.write([change], action="plan")


async def attach(access: Access, plan: Plan, problem: Problem, finding: str, code: Json) -> None:
    """Say that a finding belongs to a problem that is there already. code: what it is, for the evidence."""
    if not problem.own:
        raise Forbidden("This is a diagnosis of the chart, not a problem of this plan. Make a problem from it.")

    def patched(view: Json) -> Json:
        return {**view, "evidence": [*view.get("evidence", ()), {"code": [code], "detail": [{"reference": finding}]}]}

    await access.write([Change("patch", "Condition", problem.id, patch=patched), plan_change(plan.id)], action="plan")
