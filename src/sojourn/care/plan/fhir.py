"""A plan's parts as FHIR and back: Condition, Goal, Goal of a Goal, ServiceRequest, CarePlan.

https://hl7.org/fhir/R4/careplan.html, https://hl7.org/fhir/R4/goal.html, and the US Core profiles of both. Every reading is forgiving:
what is missing in a plan from elsewhere is empty here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from sojourn.care.measures.forms import LOINC, MEASURE
from sojourn.care.measures.model import instruments
from sojourn.care.plan.model import Goal, Intervention, Objective, Plan, Problem, Review
from sojourn.care.resources import CARE, code_of, concept, id_of, ref

HL7 = "http://hl7.org/fhir/StructureDefinition/"
OURS = "https://sojourn.example/fhir/StructureDefinition/"
EPISODE = HL7 + "workflow-episodeOfCare"
PERTAINS = HL7 + "resource-pertainsToGoal"
RELATION = HL7 + "goal-relationship"
BASELINE = OURS + "goal-baseline"
SIGNED = OURS + "plan-signed-on"
CHANGED = OURS + "plan-changed-since-signed"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
UCUM = "http://unitsofmeasure.org"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFIED = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
ACHIEVEMENT = "http://terminology.hl7.org/CodeSystem/goal-achievement"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
PLAN_PROBLEM = "plan-problem"
_CONCERN = {"coding": [{"system": "http://hl7.org/fhir/us/core/CodeSystem/condition-category", "code": "health-concern"}]}
_ASSESS = {"coding": [{"system": "http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "code": "assess-plan"}]}
_MILESTONE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/goal-relationship-type", "code": "milestone"}]}

Json = dict[str, Any]


# --- small readings -------------------------------------------------------------------------------------------------------------


def text_of(part: Any) -> str:
    """What a CodeableConcept says: its text, else a display, else a code."""
    if not isinstance(part, Mapping):
        return ""
    codings = part.get("coding") or ()
    said = [part.get("text"), *(c.get("display") for c in codings), *(c.get("code") for c in codings)]
    return next((str(s) for s in said if s), "")


def day(value: Any) -> date | None:
    """The day of a FHIR date or dateTime; None for one that names no day."""
    try:
        return date.fromisoformat(str(value or "")[:10])
    except ValueError:
        return None


def extension(resource: Json, url: str) -> Json:
    """The first extension of that address, or an empty one."""
    return next((e for e in resource.get("extension", ()) if e.get("url") == url), {})


def extended(resource: Json, url: str, value: Json | None) -> Json:
    """The resource with that one extension, or without it."""
    kept = [e for e in resource.get("extension", ()) if e.get("url") != url]
    kept += [{"url": url, **value}] if value else []
    out = {k: v for k, v in resource.items() if k != "extension"}
    return {"resourceType": out.pop("resourceType"), **({"extension": kept} if kept else {}), **out}


def _client_said(resource: Json) -> str:
    return next((str(n.get("text", "")) for n in resource.get("note", ()) if id_of(n.get("authorReference"), "Patient")), "")


def _reason(resource: Json) -> str:
    return next((str(n.get("text", "")) for n in reversed(resource.get("note", ())) if not id_of(n.get("authorReference"), "Patient")), "")


def _notes(resource: Json, patient: str, words: str) -> list[Json]:
    """The notes of a resource with what the client said first, in place of what they said before."""
    others = [n for n in resource.get("note", ()) if not id_of(n.get("authorReference"), "Patient")]
    return [*([{"authorReference": ref("Patient", patient), "text": words}] if words else []), *others]


def _with(resource: Json, **elements: Any) -> Json:
    """The resource with these elements; those that are empty go."""
    out = {k: v for k, v in resource.items() if k not in elements}
    return out | {k: v for k, v in elements.items() if v not in (None, "", [], {})}


# --- measures of objectives -----------------------------------------------------------------------------------------------------


def measures() -> dict[str, str]:
    """What an objective can be measured by: `phq-9.total` -> `PHQ-9 total`."""
    return {f"{i.id}.{rule.id}": rule.title if i.short in rule.title else f"{i.short} {rule.title}" for i in instruments().values() for rule in i.scores}


def measure_codes(measure: str) -> list[Json]:
    """The codings under which the scores of a measure are kept."""
    instrument, _, score = measure.partition(".")
    found = instruments().get(instrument)
    rule = next((r for r in found.scores if r.id == score), None) if found else None
    codes = [{"system": MEASURE, "code": measure}]
    if rule is not None and rule.code and "code" not in rule.unverified:
        codes.insert(0, {"system": LOINC, "code": rule.code})
    return codes


def measure_of(part: Any) -> str:
    """The key of the measure that a CodeableConcept names; '' for one in words."""
    codings = {(c.get("system"), c.get("code")) for c in (part or {}).get("coding", ())} if isinstance(part, Mapping) else set()
    for key in measures() if codings else ():
        if codings & {(c["system"], c["code"]) for c in measure_codes(key)}:
            return key
    return ""


def number(text: str) -> Decimal | None:
    """A number as typed; None for words."""
    try:
        value = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _quantity(text: str, unit: str, comparator: str = "") -> Json | None:
    value = number(text)
    if value is None:
        return None
    return {"value": value, **({"comparator": comparator} if comparator in ("<", ">", "<=", ">=") else {}), **({"unit": unit} if unit else {})}


def _said(part: Json, name: str) -> tuple[str, str, str]:
    """The value, comparator and unit of `nameQuantity`, or the words of `nameString`."""
    quantity = part.get(f"{name}Quantity")
    if isinstance(quantity, Mapping):
        return str(quantity.get("value", "")), str(quantity.get("comparator", "")), str(quantity.get("unit", ""))
    return str(part.get(f"{name}String") or text_of(part.get(f"{name}CodeableConcept")) or ""), "", ""


# --- problems -------------------------------------------------------------------------------------------------------------------


def problem(resource: Json, version: str = "") -> Problem:
    """A Condition as a problem of a plan."""
    coding = next(((str(c.get("system")), str(c.get("code"))) for c in resource.get("code", {}).get("coding", ()) if c.get("code")), None)
    codes = [code_of(c) for c in resource.get("category", ())]
    evidence = resource.get("evidence", ())
    findings = tuple(str(d["reference"]) for e in evidence for d in e.get("detail", ()) if d.get("reference"))
    found = tuple(measure_of(c) or text_of(c) for e in evidence for c in e.get("code", ()))
    dimension = next((c.removeprefix("asam-") for c in codes if c.startswith("asam-")), "")
    status = next((c.get("code") for c in resource.get("clinicalStatus", {}).get("coding", ())), "active")
    return Problem(str(resource["id"]), version, text_of(resource.get("code")) or "Problem", _client_said(resource), coding, dimension, findings, found,
                   status in ("active", "recurrence", "relapse"), PLAN_PROBLEM in codes, _reason(resource))  # fmt: skip


def of_problem(p: Problem, patient: str, before: Json | None = None, *, finding_code: Json | None = None) -> Json:
    """A problem as a Condition, over the one that it was made from."""
    base: Json = before or {"resourceType": "Condition", "meta": {"profile": [US_CORE + "us-core-condition-problems-health-concerns"]}, "subject": ref("Patient", patient)}
    code: Json = {"text": p.name}
    known = [c for c in base.get("code", {}).get("coding", ()) if p.code and (c.get("system"), c.get("code")) == p.code]
    if p.code:
        code["coding"] = known or [{"system": p.code[0], "code": p.code[1]}]
    categories = [_CONCERN, concept(PLAN_PROBLEM, "Problem of a treatment plan"), *([concept(f"asam-{p.dimension}", f"ASAM dimension {p.dimension}")] if p.dimension else [])]
    evidence = base.get("evidence") or [{**({"code": [finding_code]} if finding_code else {}), "detail": [{"reference": f}]} for f in p.findings]
    verified = "confirmed" if any(f.startswith("Condition/") for f in p.findings) else "provisional"
    return _with(
        base, category=categories, code=code, note=_notes(base, patient, p.words), evidence=evidence,
        clinicalStatus=base.get("clinicalStatus") or {"coding": [{"system": CLINICAL, "code": "active"}]},
        verificationStatus=base.get("verificationStatus") or {"coding": [{"system": VERIFIED, "code": verified}]},
    )  # fmt: skip


# --- goals and objectives -------------------------------------------------------------------------------------------------------


def is_objective(resource: Json) -> bool:
    """Whether a Goal is a step towards another Goal."""
    return bool(extension(resource, RELATION)) or any(code_of(c) == "objective" for c in resource.get("category", ()))


def goal(resource: Json, version: str = "") -> Goal:
    """A Goal."""
    addressed = tuple(i for a in resource.get("addresses", ()) if (i := id_of(a, "Condition")))
    due = next((d for t in resource.get("target", ()) if (d := day(t.get("dueDate")))), None)
    return Goal(str(resource["id"]), version, text_of(resource.get("description")), _client_said(resource), due, day(resource.get("startDate")),
                str(resource.get("lifecycleStatus", "")), text_of(resource.get("achievementStatus")), addressed, str(resource.get("statusReason") or ""))  # fmt: skip


def of_goal(g: Goal, patient: str, before: Json | None = None) -> Json:
    """A goal as a Goal, over the one that it was made from."""
    base: Json = before or {"resourceType": "Goal", "meta": {"profile": [US_CORE + "us-core-goal"]}, "subject": ref("Patient", patient)}
    said = text_of(base.get("description"))
    return _with(
        base, lifecycleStatus=g.status, category=base.get("category") or [concept("goal", "Goal of a treatment plan")],
        description=base["description"] if said == g.statement else {"text": g.statement}, startDate=g.started.isoformat() if g.started else None,
        target=[{"dueDate": g.due.isoformat()}] if g.due else [], addresses=[ref("Condition", p) for p in g.problems], note=_notes(base, patient, g.quote),
        expressedBy=base.get("expressedBy") or (ref("Patient", patient) if g.quote else None),
    )  # fmt: skip


def objective(resource: Json, version: str = "") -> Objective:
    """A Goal that is a step towards another."""
    parent = next((id_of(e.get("valueReference"), "Goal") for e in extension(resource, RELATION).get("extension", ()) if e.get("url") == "target"), "")
    target: Json = next(iter(resource.get("target", ())), {})
    named = target.get("measure")
    measure = measure_of(named)
    wanted, comparator, unit = _said(target, "detail")
    begin = {str(e.get("url")): e for e in extension(resource, BASELINE).get("extension", ())}
    baseline, _, unit_then = _said(begin.get("value", {}), "value")
    return Objective(
        str(resource["id"]), version, text_of(resource.get("description")), parent, measure, "" if measure else text_of(named), unit or unit_then, baseline,
        day(begin.get("on", {}).get("valueDate")), comparator, wanted, day(target.get("dueDate")), day(resource.get("startDate")), str(resource.get("lifecycleStatus", "")),
        text_of(resource.get("achievementStatus")), str(resource.get("statusReason") or ""),
    )  # fmt: skip


def of_objective(o: Objective, patient: str, before: Json | None = None) -> Json:
    """An objective as a Goal, over the one that it was made from."""
    base: Json = before or {"resourceType": "Goal", "meta": {"profile": [US_CORE + "us-core-goal"]}, "subject": ref("Patient", patient)}
    said = text_of(base.get("description"))
    measure: Json | None = {"coding": measure_codes(o.measure), "text": measures().get(o.measure, o.measure)} if o.measure else {"text": o.counted} if o.counted else None
    target: Json = {}
    if measure:
        target["measure"] = measure
    if o.target and measure:  # gol-1: no detail without a measure
        quantity = _quantity(o.target, o.unit, o.comparator)
        target |= {"detailQuantity": quantity} if quantity else {"detailString": o.target}
    if o.due:
        target["dueDate"] = o.due.isoformat()
    out = _with(
        base, lifecycleStatus=o.status, category=base.get("category") or [concept("objective", "Objective of a treatment plan")],
        description=base["description"] if said == o.statement else {"text": o.statement}, startDate=o.started.isoformat() if o.started else None, target=[target] if target else [],
    )  # fmt: skip
    begin: list[Json] = []
    if o.baseline:
        quantity = _quantity(o.baseline, o.unit)
        begin.append({"url": "value", **({"valueQuantity": quantity} if quantity else {"valueString": o.baseline})})
        begin += [{"url": "on", "valueDate": o.measured_on.isoformat()}] if o.measured_on else []
    out = extended(out, BASELINE, {"extension": begin} if begin else None)
    related = {"extension": [{"url": "type", "valueCodeableConcept": _MILESTONE}, {"url": "target", "valueReference": ref("Goal", o.goal)}]} if o.goal else None
    return extended(out, RELATION, related)


# --- interventions --------------------------------------------------------------------------------------------------------------


def intervention(resource: Json, version: str = "") -> Intervention:
    """A ServiceRequest of a plan."""
    repeat = resource.get("occurrenceTiming", {}).get("repeat", {})
    modality = next((c for part in resource.get("category", ()) if (c := code_of(part))), "")
    period = str(repeat.get("periodUnit", "")) if repeat.get("period") in (1, Decimal(1)) else ""
    minutes = repeat.get("duration") if repeat.get("durationUnit") == "min" else None
    serves = tuple(id_of(e.get("valueReference"), "Goal") for e in resource.get("extension", ()) if e.get("url") == PERTAINS)
    by = next((str(p["reference"]) for p in resource.get("performer", ()) if p.get("reference")), "")
    return Intervention(
        str(resource["id"]), version, text_of(resource.get("code")), modality, repeat.get("frequency"), period, Decimal(str(minutes)) if minutes is not None else None,
        day(repeat.get("boundsPeriod", {}).get("end")), by, text_of(resource.get("performerType")), tuple(filter(None, serves)), str(resource.get("status", "")), _reason(resource),
    )  # fmt: skip


def of_intervention(i: Intervention, patient: str, plan: str, modality: str, before: Json | None = None) -> Json:
    """An intervention as a ServiceRequest, over the one that it was made from. modality: its words."""
    base: Json = before or {
        "resourceType": "ServiceRequest", "meta": {"profile": [US_CORE + "us-core-servicerequest"]}, "intent": "plan", "subject": ref("Patient", patient), "basedOn": [ref("CarePlan", plan)],
    }  # fmt: skip
    repeat: Json = {"boundsPeriod": {"end": i.until.isoformat()}} if i.until else {}
    if i.minutes is not None:
        repeat |= {"duration": i.minutes, "durationUnit": "min"}
    if i.times and i.period:
        repeat |= {"frequency": i.times, "period": 1, "periodUnit": i.period}
    said = text_of(base.get("code"))
    out = _with(
        base, status=i.status, category=[concept(i.modality, modality)] if i.modality else [], code=base["code"] if said == i.what else {"text": i.what},
        occurrenceTiming={"repeat": repeat} if repeat else None, performerType={"text": i.credential} if i.credential else None, performer=[{"reference": i.by}] if i.by else [],
    )  # fmt: skip
    others = [e for e in out.pop("extension", ()) if e.get("url") != PERTAINS]
    serves = [{"url": PERTAINS, "valueReference": ref("Goal", o)} for o in i.objectives]
    return {"resourceType": out.pop("resourceType"), **({"extension": [*others, *serves]} if others or serves else {}), **out}


# --- the plan -------------------------------------------------------------------------------------------------------------------


def new_plan(patient: str, stay: str, title: str, *, organization: str = "", by: Json | None = None, teams: Iterable[str] = (), begun: date, now: str) -> Json:
    """An empty CarePlan in draft for one stay. Its narrative says what it is and nothing more: redaction takes narratives from some callers."""
    return _with(
        {
            "resourceType": "CarePlan", "meta": {"profile": [US_CORE + "us-core-careplan"]}, "extension": [{"url": EPISODE, "valueReference": ref("EpisodeOfCare", stay)}],
            "text": {"status": "additional", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>A treatment plan.</p></div>'},
            "status": "draft", "intent": "plan", "category": [_ASSESS], "title": title, "subject": ref("Patient", patient), "period": {"start": begun.isoformat()}, "created": now,
        },
        author=by, careTeam=[ref("CareTeam", t) for t in teams if t],
    )  # fmt: skip


def review(resource: Json, version: str = "") -> Review:
    """A ClinicalImpression as a review."""
    ratings = tuple(str(i["reference"]) for part in resource.get("investigation", ()) for i in part.get("item", ()) if i.get("reference"))
    on = day(resource.get("effectiveDateTime") or resource.get("date"))
    return Review(str(resource["id"]), version, str(resource.get("status", "")), on, str(resource.get("assessor", {}).get("reference", "")), str(resource.get("summary", "")),
                  str(resource.get("description", "")), ratings, next((i for s in resource.get("supportingInfo", ()) if (i := id_of(s, "DocumentReference"))), ""))  # fmt: skip


def plan(resource: Json, version: str, around: Mapping[str, tuple[Json, str]], reviews: Iterable[Review] = ()) -> Plan:
    """A CarePlan with its parts. around: what it refers to, by reference, with versions, as far as it was found; the rest is not there."""

    def parts(*references: Any) -> list[tuple[Json, str]]:
        names = dict.fromkeys(str(r.get("reference", "")) for r in references if isinstance(r, Mapping))
        return [around[n] for n in names if n in around]

    goals = parts(*resource.get("goal", ()))
    activities = [a for a in resource.get("activity", ()) if isinstance(a, Mapping)]
    infos = [str(i.get("reference", "")) for i in resource.get("supportingInfo", ())]
    said = [text_of(a.get("detail", {}).get("code")) or str(a.get("detail", {}).get("description", "")) for a in activities if a.get("detail")]
    period = resource.get("period", {})
    past = tuple(sorted(reviews, key=lambda r: (r.on or date.min, r.id), reverse=True))
    return Plan(
        str(resource["id"]), version, str(resource.get("status", "")), id_of(resource.get("subject"), "Patient"), str(resource.get("title") or "Treatment plan"),
        id_of(extension(resource, EPISODE).get("valueReference"), "EpisodeOfCare"), str(resource.get("author", {}).get("reference", "")),
        day(period.get("start") or resource.get("created")), day(extension(resource, SIGNED).get("valueDate")), day(period.get("end")),
        next((i for i in infos if i.startswith("DocumentReference/")), ""), next((r.id for r in past if r.status == "in-progress"), ""),
        extension(resource, CHANGED).get("valueBoolean") is True,
        tuple(problem(r, v) for r, v in parts(*resource.get("addresses", ())) if r["resourceType"] == "Condition"),
        tuple(goal(r, v) for r, v in goals if not is_objective(r)), tuple(objective(r, v) for r, v in goals if is_objective(r)),
        tuple(intervention(r, v) for r, v in parts(*(a.get("reference") for a in activities)) if r["resourceType"] == "ServiceRequest"),
        tuple(filter(None, said)), past,
    )  # fmt: skip


def listed(resource: Json, element: str, reference: str) -> Json:
    """A CarePlan with one more reference among its addresses, goals or activities; the same if it is there."""
    entry = {"reference": {"reference": reference}} if element == "activity" else {"reference": reference}
    return resource if entry in resource.get(element, ()) else {**resource, element: [*resource.get(element, ()), entry]}


def unlisted(resource: Json, references: Iterable[str]) -> Json:
    """A CarePlan without these references."""
    gone = set(references)

    def there(entry: Any) -> bool:
        named = entry.get("reference")
        return (named.get("reference") if isinstance(named, Mapping) else named) not in gone

    out = dict(resource)
    for element in ("addresses", "goal", "activity", "supportingInfo"):
        kept = [e for e in resource.get(element, ()) if there(e)]
        if element in out:
            out = _with(out, **{element: kept})
    return out


def touched(resource: Json) -> Json:
    """A CarePlan of which a part was changed: what was being signed no longer is it; what is in force says that it was changed."""
    out = resource
    if infos := [i for i in resource.get("supportingInfo", ()) if not str(i.get("reference", "")).startswith("DocumentReference/")]:
        out = _with(out, supportingInfo=infos)
    else:
        out = {k: v for k, v in out.items() if k != "supportingInfo"}
    return extended(out, CHANGED, {"valueBoolean": True}) if resource.get("status") == "active" else out


def ours(reference: str) -> str:
    """A search value of our own code system."""
    return f"{CARE}|{reference}"
