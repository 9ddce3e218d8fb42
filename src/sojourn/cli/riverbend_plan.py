"""The plans of the sample: in force, overdue, in review, draft, waiting for signatures, refused."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sojourn.care import levels, policies, signing
from sojourn.care.plan import approving, document, due, fhir, findings, library, observed, reading, reviews, team, writing
from sojourn.care.plan.model import Goal, Intervention, Objective, Plan, Problem
from sojourn.care.resources import CARE, concept, id_of, ref
from sojourn.cli.riverbend_desk import at_browser
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.gate import Gate
from sojourn.sample import staff_accounts

SEED = 1
TENANT = 1
IMPORTER = "system-import"
AT_ONCE = 6
"""Plans in one transaction."""
_IN_FORCE, _OVERDUE, _REVIEWING, _DRAFT, _TO_SIGN = "in-force", "overdue", "reviewing", "draft", "to-sign"
_STAGES = (_OVERDUE, _IN_FORCE, _IN_FORCE, _REVIEWING, _IN_FORCE, _IN_FORCE, _IN_FORCE, _DRAFT, _IN_FORCE, _IN_FORCE, _OVERDUE, _IN_FORCE)
_SAID = {
    "low-mood": ("I can't get myself to do anything.", "Everything takes so much out of me."),
    "worry": ("My head never stops.", "I keep thinking something terrible will happen."),
    "trauma": ("I jump at every noise.", "It comes back at night."),
    "alcohol": ("I say one drink and then it's the bottle.", "My kids are scared of me when I drink."),
    "opioids": ("I don't want to die like my brother.", "I'm tired of waking up sick."),
    "other-substances": ("I use when I'm bored and then I can't stop.", "I lost my job over this."),
    "withdrawal": ("I shake so badly I can't hold a cup.",),
    "sleep": ("I lie awake until it gets light.",),
    "housing": ("I don't know where I'll sleep next month.",),
}
Json = dict[str, Any]


@asynccontextmanager
async def _program(gate: Gate) -> AsyncIterator[Access]:
    """Whoever brought the sample in."""
    secret = await gate.token(gate.house.tenants[TENANT], IMPORTER, door="import", days=1)
    access = await gate.access(secret)
    assert access is not None  # noqa: S101 - it was just issued
    yield access
    await gate.identity.revoke(secret)


async def lay_out(gate: Gate, today: date) -> None:
    """Once: every stay that lasts gets a plan of its own making out of the one that it was imported with."""
    async with _program(gate) as access:
        if (await access.search("Goal", [("category", f"{CARE}|objective")], count=1)).matches:
            return
        rules = await policies.of(access)
        stays = [levels.stay(r) for r in (await access.search("EpisodeOfCare", [("status", "active"), ("_sort", "_id")], count=400)).resources]
        plans = await _imported(access, [s.patient for s in stays])
        scores = await observed.of_patients(access, sorted({s.patient for s in stays}), (today - timedelta(days=60)).isoformat())
        changes: list[list[Change]] = []
        stays.sort(key=lambda s: s.id)
        to_sign = _to_sign(access, stays)
        for n, stay in enumerate(stays):
            found = plans.get((stay.patient, stay.teams[0] if stay.teams else ""))
            if found is not None:
                stage = _TO_SIGN if stay.id in to_sign else _STAGES[n % len(_STAGES)]
                changes.append(list(_plan(access, stay, *found, stage, n, today, rules, scores.get(stay.patient))))
        for start in range(0, len(changes), AT_ONCE):
            await access.write([c for some in changes[start : start + AT_ONCE] for c in some], action="import")
    await _signatures(gate)


def _to_sign(access: Access, stays: Sequence[levels.Stay]) -> set[str]:
    """A few stays whose plans the people with sign-ins will sign: of Dana Whitfield, and of the intensive outpatient program."""
    dana = next(f"Practitioner/{a.practitioner_id}" for a in staff_accounts(SEED) if a.login == "dana")
    iop = next((str(p.organization).removeprefix("Organization/") for p in access.rules.programs.values() if p.key == "iop"), "")
    latest = sorted(stays, key=lambda s: (s.started, s.id), reverse=True)
    mine, theirs = [s.id for s in latest if s.clinician == dana], [s.id for s in latest if s.organization == iop]
    return {*mine[:2], *theirs[:2]}


async def _imported(access: Access, patients: Sequence[str]) -> dict[tuple[str, str], tuple[Json, dict[str, Json]]]:
    """The plans of the import by client and care team, with what they name."""
    out: dict[tuple[str, str], tuple[Json, dict[str, Json]]] = {}
    them = sorted(set(patients))
    for start in range(0, len(them), 60):
        found = await access.search("CarePlan", [("patient", ",".join(them[start : start + 60])), ("status", "active"), *reading.PARTS], count=400)
        around = {f"{s.type}/{s.id}": s.resource for s in found.included}
        for resource in found.resources:
            out[id_of(resource.get("subject"), "Patient"), next((id_of(t) for t in resource.get("careTeam", ())), "")] = (resource, around)
    return out


def _id(*parts: str) -> str:
    """The same at every fill."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:26]


def _plan(access: Access, stay: levels.Stay, care: Json, around: Mapping[str, Json], stage: str, n: int, today: date, rules: policies.Policies, seen: observed.Observed | None) -> Iterator[Change]:
    """What makes the plan of one stay."""
    program = writing.program_of(access, stay.organization)
    diagnosis = next((around[r] for a in care.get("addresses", ()) if (r := str(a.get("reference"))) in around), None)
    finding = findings.diagnosis(diagnosis) if diagnosis else None
    start = fhir.day(stay.started) or today
    days = (today - start).days
    if stage != _TO_SIGN:  # whoever came lately has a draft; nobody has one for months
        stage = _DRAFT if days <= 2 else _IN_FORCE if stage == _DRAFT and days > 35 else stage
    entry = _entry(finding)
    said = _SAID.get(entry.key, ("I want this to change.",))
    problem = replace(finding.problem() if finding else library.problem_from(entry), id=_id("problem", stay.id), dimension=entry.dimension, words=said[n % len(said)])
    yield Change("create", "Condition", problem.id, _dated(writing.resource_of(problem, _bare(care, stay), finding_code=finding.evidence() if finding else None), "recordedDate", start), program=program)
    begun = stage not in (_DRAFT, _TO_SIGN)
    goals, steps, deeds = _parts(stay, care, around, entry, problem, stage, start, seen)
    bare = _bare(care, stay)
    for goal, before in goals:
        yield Change("update", "Goal", goal.id, {**writing.resource_of(goal, bare, before), "id": goal.id})
    for step in steps:
        yield Change("create", "Goal", step.id, writing.resource_of(step, bare), program=program)
    for deed in deeds:
        made = _dated(writing.resource_of(deed, bare), "authoredOn", start)
        yield Change("create", "ServiceRequest", deed.id, {**made, "requester": {"reference": stay.clinician}} if stay.clinician else made, program=program)
    cycle = int(rules.number("plan.review-days", stay.level))
    end = {_OVERDUE: today - timedelta(days=1 + n % 4), _REVIEWING: today + timedelta(days=2)}.get(stage, today + timedelta(days=1 + (n * 5) % cycle))
    signed = max(start, end - timedelta(days=cycle))
    ratings: list[Change] = []
    if begun and signed > start + timedelta(days=2):
        ratings = list(_reviewed(stay, steps, signed, program, n))
        yield from ratings
    yield Change("update", "CarePlan", str(care["id"]), _care(care, stay, problem, [*(g.id for g, _ in goals), *(s.id for s in steps)], deeds, stage, start, signed, end))
    if stage == _REVIEWING:
        yield Change("create", "ClinicalImpression", _id("review", stay.id), _impression(stay, str(care["id"]), today, "in-progress", []), program=program)
    if ratings:
        items = [f"Observation/{c.id}" for c in ratings if c.type == "Observation"]
        yield Change("create", "ClinicalImpression", _id("reviewed", stay.id), _impression(stay, str(care["id"]), signed, "completed", items), program=program)


def _bare(care: Json, stay: levels.Stay) -> Plan:
    return Plan(str(care["id"]), "", "active", stay.patient, str(care.get("title", "")), stay.id)


def _entry(finding: findings.Finding | None) -> library.Entry:
    """The suggestions that fit the diagnosis."""
    entries = library.shipped()
    problem = finding.problem() if finding else None
    return next((e for e in entries if problem and library.suits(e, problem)), entries[0])


def _dated(resource: Json, element: str, day: date) -> Json:
    return {**resource, element: f"{day.isoformat()}T15:00:00Z"}


def _parts(
    stay: levels.Stay, care: Json, around: Mapping[str, Json], entry: library.Entry, problem: Problem, stage: str, start: date, seen: observed.Observed | None
) -> tuple[list[tuple[Goal, Json]], list[Objective], list[Intervention]]:
    """The two imported goals, whose words are the client's, with steps and what helps; of a draft only a beginning."""
    goals: list[tuple[Goal, Json]] = []
    begun, full = stage not in (_DRAFT, _TO_SIGN), stage != _DRAFT
    status = "active" if begun else "proposed"
    for k, reference in enumerate(g for g in care.get("goal", ()) if str(g.get("reference")) in around):
        before = around[str(reference["reference"])]
        was = fhir.goal(before)
        aim = entry.aims[0]
        statement = aim.statement if k == 0 else f"{was.statement}: seen by the client and by staff on most weeks"
        goals.append((replace(was, quote=was.statement, statement=statement, status=status, started=start if begun else None, due=start + timedelta(days=aim.days), problems=(problem.id,)), before))
    if not goals:
        return [], [], []
    steps = []
    for k, step in enumerate(entry.aims[0].steps[: 2 if full else 1]):
        made = Objective(_id("step", stay.id, str(k)), "", step.statement, goals[k % len(goals)][0].id if full else goals[0][0].id, step.measure, step.counted, "", "", None, step.comparator, step.target)
        scores = [s for s in (seen.scores if seen else ()) if s.measure == step.measure]
        if scores:
            made = replace(made, baseline=f"{scores[-1].value:g}", measured_on=fhir.day(scores[-1].on))
        steps.append(replace(made, status=status, started=start if begun else None, due=start + timedelta(days=step.days)))
    deeds = []
    for k, deed in enumerate(entry.deeds[: 3 if full else 1]):
        made_deed = library.intervention_from(deed)
        deeds.append(replace(made_deed, id=_id("deed", stay.id, str(k)), status="active" if begun else "draft", by=stay.clinician, objectives=(steps[k % len(steps)].id,)))
    return goals, steps, deeds


def _care(care: Json, stay: levels.Stay, problem: Problem, goals: Sequence[str], deeds: Sequence[Intervention], stage: str, start: date, signed: date, end: date) -> Json:
    kept = {k: v for k, v in care.items() if k not in ("extension", "text", "activity", "addresses", "goal", "period")}
    extensions: list[Json] = [{"url": fhir.EPISODE, "valueReference": ref("EpisodeOfCare", stay.id)}]
    period = {"start": start.isoformat()}
    if stage not in (_DRAFT, _TO_SIGN):
        extensions.append({"url": fhir.SIGNED, "valueDate": signed.isoformat()})
        period["end"] = end.isoformat()
    bare = fhir.new_plan(stay.patient, stay.id, str(care.get("title", "")), begun=start, now="")
    return {
        "resourceType": "CarePlan", "extension": extensions, "text": bare["text"], **{k: v for k, v in kept.items() if k != "resourceType"}, "status": "draft" if stage in (_DRAFT, _TO_SIGN) else "active",
        "period": period, "addresses": [ref("Condition", problem.id)], "goal": [ref("Goal", g) for g in goals], "activity": [{"reference": ref("ServiceRequest", d.id)} for d in deeds],
    }  # fmt: skip


def _reviewed(stay: levels.Stay, steps: Sequence[Objective], day: date, program: int | None, n: int) -> Iterator[Change]:
    """A rating of each step at the last review."""
    for k, step in enumerate(steps):
        rating = ("improving", "no-change", "improving", "worse")[(n + k) % 4]
        resource = {
            "resourceType": "Observation", "status": "final", "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "therapy"}]}],
            "code": concept(reviews.PROGRESS, "Progress on an objective"), "subject": ref("Patient", stay.patient), "focus": [ref("Goal", step.id)], "effectiveDateTime": f"{day.isoformat()}T16:00:00Z",
            **({"performer": [{"reference": stay.clinician}]} if stay.clinician else {}), "valueCodeableConcept": concept(rating, reviews.RATINGS[rating][0]),
            **({"note": [{"text": "Missed two sessions; the plan for the week is made simpler."}]} if rating in due.NO_PROGRESS else {}),
            "component": [{"code": concept(reviews.DECISION, "What becomes of it"), "valueCodeableConcept": concept("continue", reviews.DECISIONS["continue"])}],
        }  # fmt: skip
        yield Change("create", "Observation", _id("rating", stay.id, str(k)), resource, program=program)


def _impression(stay: levels.Stay, plan: str, day: date, status: str, items: Sequence[str]) -> Json:
    return {
        "resourceType": "ClinicalImpression", "status": status, "code": concept("plan-review", "Review of a treatment plan"), "subject": ref("Patient", stay.patient),
        "effectiveDateTime": f"{day.isoformat()}T16:00:00Z", "date": f"{day.isoformat()}T16:00:00Z", "supportingInfo": [ref("CarePlan", plan)],
        **({"assessor": {"reference": stay.clinician}} if stay.clinician else {}), **({"summary": "Gone through together; the plan goes on."} if items else {}),
        **({"investigation": [{"code": concept(reviews.PROGRESS, "Progress on objectives"), "item": [{"reference": i} for i in items]}]} if items else {}),
    }  # fmt: skip


async def _signatures(gate: Gate) -> None:
    """Two plans that people sign before our eyes: one waits for the supervisor, one came into force though the client did not sign."""
    async with at_browser(gate, "dana") as dana:
        if picked := await _draft(dana, [("care-manager", dana.caller.agent or "")]):
            plan, stay, rules = picked
            await _proposed(dana, plan, stay, rules)
            await _client(dana, plan, stay, rules, signing.Signer(await _name(dana, plan.patient), "self", f"Patient/{plan.patient}", method="typed", identity="known"), refused=False)
    async with at_browser(gate, "okafor") as okafor:
        iop = [p.organization for p in okafor.rules.programs.values() if p.key == "iop"]
        picked = await _draft(okafor, [("organization", iop[0])]) if iop and iop[0] else None
        if picked is None:
            return
        plan, stay, rules = picked
        await _proposed(okafor, plan, stay, rules)
        reason = approving.REASONS["disagrees"] + ": I do not want groups three times a week."
        await _client(okafor, plan, stay, rules, signing.Signer(await _name(okafor, plan.patient), "self", f"Patient/{plan.patient}", method="spoken", reason=reason), refused=True)
    async with at_browser(gate, "sam") as sam:
        plan = await reading.one(sam, plan.patient, plan.id)
        _, body = await approving.document(sam, plan)
        there = approving.standing(approving.asked(rules, stay.level, minor=False), await signing.signatures(sam, plan.document))
        await approving.sign(sam, plan, approving.SUPERVISOR, body, rules, stay, there)


async def _draft(access: Access, where: Sequence[tuple[str, str]]) -> tuple[Plan, levels.Stay, policies.Policies] | None:
    """A plan of a grown-up that is in force on the paper of the import only: its words are signed now, for good."""
    rules = await policies.of(access)
    for resource in (await access.search("EpisodeOfCare", [*where, ("status", "active"), ("_sort", "_id")], count=40)).resources:
        stay = levels.stay(resource)
        plan = next((p for p in await reading.of_patient(access, stay.patient) if p.stay == stay.id and p.status == "draft"), None)
        person = (await access.read("Patient", stay.patient)).resource
        if plan is not None and plan.goals and not approving.is_minor(str(person.get("birthDate", "")), access.now.date()):
            return plan, stay, rules
    return None


async def _proposed(access: Access, plan: Plan, stay: levels.Stay, rules: policies.Policies) -> None:
    text = document.text(plan, await _name(access, plan.patient), stay, await team.of(access, plan.patient))
    await approving.propose(access, plan, text, rules, stay, minor=False)


async def _client(access: Access, plan: Plan, stay: levels.Stay, rules: policies.Policies, signer: signing.Signer, *, refused: bool) -> None:
    plan = await reading.one(access, plan.patient, plan.id)
    _, body = await approving.document(access, plan)
    there = approving.standing(approving.asked(rules, stay.level, minor=False), await signing.signatures(access, plan.document))
    await approving.sign(access, plan, approving.CLIENT, body, rules, stay, there, signer=signer, refused=refused)


async def _name(access: Access, patient: str) -> str:
    name = (await access.read("Patient", patient)).resource["name"][0]
    return " ".join([*name.get("given", ()), str(name.get("family", ""))])
