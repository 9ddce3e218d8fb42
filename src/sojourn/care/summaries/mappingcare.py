"""Visits, plans, goals, teams, relatives, devices, insurance of a document as FHIR resources: pure.

All of it is information about care elsewhere (docs/decisions/0097): a visit says so in its type and is counted nowhere, a plan is no order of the
laboratory, a team names nobody of ours, insurance is a draft that somebody checks. https://hl7.org/fhir/us/ccda/
"""

from __future__ import annotations

from typing import Any, Final

from sojourn.care.summaries.elements import concept, concepts, name, notes, period, quantity, said, simple, stated, texts, when, words
from sojourn.gate import elsewhere
from sojourn.wire.ccda.facts import Fact
from sojourn.wire.ccda.oids import ALERT
from sojourn.wire.ccda.values import Coded, Quantity

MEDICINES: Final = "Planned medicines and vaccines stay in the document."
_ACT: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_NULL: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": "UNK"}
_ROOT: Final = "2.16.840.1.113883.10.20.22.4."
_VISITS: Final = {"completed": "finished", "active": "in-progress", "suspended": "onleave", "aborted": "cancelled", "cancelled": "cancelled", "new": "planned"}
_PLANS: Final = {"active": "active", "completed": "completed", "suspended": "on-hold", "held": "on-hold", "aborted": "revoked", "cancelled": "revoked"}
_SAID: Final = {
    **dict.fromkeys(("active", "booked", "pending", "waitlist", "proposed", "scheduled", "not-started", "in-progress"), "active"), **dict.fromkeys(("completed", "fulfilled", "arrived", "checked-in"), "completed"),
    **dict.fromkeys(("revoked", "cancelled", "stopped", "noshow"), "revoked"), "draft": "draft", "on-hold": "on-hold", "unknown": "unknown",
}  # fmt: skip
"""States of orders, appointments and activities in FHIR's words, as one of a ServiceRequest."""
_GOALS: Final = ("proposed", "planned", "accepted", "active", "on-hold", "completed", "cancelled", "rejected")
_INTENTS: Final = {"RQO": "order", "ARQ": "order", "PRP": "proposal"}
_CARE_PLAN: Final = "734163000"
"""SNOMED CT: care plan."""
_AGES: Final = ("a", "mo", "wk", "d", "h", "min")


def _without(found: Coded, system: str) -> dict[str, Any] | None:
    """A code as a concept without the codings of a system."""
    made = concept(found)
    if made is None:
        return None
    left = [c for c in made.get("coding", ()) if c.get("system") != system]
    return {**({"coding": left} if left else {}), "text": made["text"]}


def visit(fact: Fact) -> dict[str, Any]:
    """An Encounter that took place elsewhere."""
    kind = next(({"system": _ACT, "code": c.code, **({"display": words(c.display)} if c.display else {})} for c in (fact.what, *fact.what.others) if c.system == _ACT and c.code), _NULL)
    typed = _without(fact.what, _ACT)
    told = period(fact.time)
    to = concepts(fact, "disposition")
    return {
        "resourceType": "Encounter", "status": _VISITS.get(fact.status) or ("finished" if fact.time.end else "unknown"), "class": kind,
        "type": [{"coding": [{"system": elsewhere.SYSTEM, "code": elsewhere.CODE}], "text": "Visit elsewhere"}, *([typed] if typed else [])],
        **({"participant": people} if (people := _took_part(fact)) else {}), **({"period": told} if told else {}),
        **({"reasonCode": why} if (why := concepts(fact, "indication", "reason", "diagnosis")) else {}), **({"hospitalization": {"dischargeDisposition": to[0]}} if to else {}),
        **({"location": [{"location": {"display": w}} for w in places]} if (places := texts(fact, "location")) else {}),
    }  # fmt: skip


def _took_part(fact: Fact) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for key, value in fact.details:
        if key == "performer" and isinstance(value, str):
            out.append({"individual": {"display": words(value)}} if words(value) else {})
        elif key == "as" and out and isinstance(value, Coded) and (as_ := concept(value)):
            out[-1] = {"type": [as_], **out[-1]}
    return [one for one in out if one]


def planned(fact: Fact) -> dict[str, Any] | str:
    """What is planned: a CarePlan for a plan as a whole, a ServiceRequest for what is to be done; why not, in words."""
    numbers = {t.removeprefix(_ROOT) for t in fact.templates}
    if numbers & {"42", "43", "120"}:
        return MEDICINES
    by = {"display": words(fact.author)} if words(fact.author) else {}
    written = texts(fact, "authored")
    if any(c.code == _CARE_PLAN for c in (fact.what, *fact.what.others)):
        state = stated(fact, ("draft", "active", "on-hold", "revoked", "completed")) or "active"
        return {
            "resourceType": "CarePlan", "status": state, "intent": "plan", "title": name(fact.what), **({"period": told} if (told := period(fact.time)) else {}),
            **({"created": written[0]} if written else {}), **({"author": by} if by else {}), **notes(fact, state),
        }  # fmt: skip
    word = stated(fact, _SAID)
    return {
        "resourceType": "ServiceRequest", "status": _SAID.get(word) or _PLANS.get(fact.status, "unknown"), "intent": _INTENTS.get(fact.mood, "plan"), "code": concept(fact.what) or {},
        **when("occurrence", fact.time), **({"authoredOn": written[0]} if written else {}), **({"requester": by} if by else {}),
        **({"performer": [{"display": w} for w in people]} if (people := texts(fact, "performer")) else {}), **({"reasonCode": why} if (why := concepts(fact, "indication", "reason")) else {}), **notes(fact, _SAID.get(word, "")),
    }  # fmt: skip


def goal(fact: Fact) -> dict[str, Any]:
    """A Goal, with what it is measured by."""
    due = fact.time.end[:10] if fact.time.end != fact.time.start else ""
    targets: list[dict[str, Any]] = []
    for key, value in fact.details:
        if key == "measure" and isinstance(value, Coded) and (by := concept(value)):
            targets.append({"measure": by})
        elif key == "target" and targets:
            targets[-1] |= _detail(value)
    if fact.value is not None and not targets and (wanted := _detail(fact.value)):
        targets = [{"measure": concept(fact.what) or {"text": name(fact.what)}, **wanted}]
    if due:
        targets = [{**(targets[0] if targets else {}), "dueDate": due}, *targets[1:]]
    state = stated(fact, _GOALS) or {"completed": "completed", "cancelled": "cancelled", "aborted": "cancelled"}.get(fact.status, "active")
    return {
        "resourceType": "Goal", "lifecycleStatus": state, "description": concept(fact.what) or {}, **({"achievementStatus": met[0]} if (met := concepts(fact, "achieved")) else {}),
        **({"startDate": fact.time.start[:10]} if fact.time.start else {}), **({"target": targets} if targets else {}), **({"expressedBy": {"display": who}} if (who := words(fact.author)) else {}), **notes(fact, state),
    }  # fmt: skip


def _detail(value: Coded | Quantity | str) -> dict[str, Any]:
    if isinstance(value, Quantity):
        return {f"detail{k}": v for k, v in quantity(value).items()}
    if isinstance(value, Coded):
        return {"detailCodeableConcept": c} if (c := concept(value)) else {}
    return {"detailString": words(value)} if words(value) else {}


def team(fact: Fact) -> dict[str, Any]:
    """A CareTeam of people elsewhere, by name."""
    members: list[dict[str, Any]] = []
    for key, value in fact.details:
        if key == "member":
            members.append({"member": {"display": w}} if isinstance(value, str) and (w := words(value)) else {})
        elif key == "role" and members and (c := concept(value) if not isinstance(value, Quantity) else None):
            members[-1]["role"] = [*members[-1].get("role", ()), c]
        elif key in ("since", "until") and members:
            members[-1].setdefault("period", {})["start" if key == "since" else "end"] = value
    return {
        "resourceType": "CareTeam", "status": "inactive" if fact.status in ("completed", "aborted", "cancelled") else "active", "name": name(fact.what), **({"period": told} if (told := period(fact.time)) else {}),
        **({"participant": found} if (found := [m for m in members if m]) else {}),
    }  # fmt: skip


def relative(fact: Fact) -> dict[str, Any] | str:
    """A FamilyMemberHistory with one problem, or what else is told of them."""
    of = concepts(fact, "relationship")
    if not of:
        return "It does not say of whom it is."
    what, age = concept(fact.what), fact.detail("age")
    old = simple(age) if isinstance(age, Quantity) and age.unit in _AGES else {}
    extra = {"note": [{"text": words(fact.text)}]} if what is None and words(fact.text) else {}
    return {"resourceType": "FamilyMemberHistory", "status": "completed", "relationship": of[0], **({"condition": [{"code": what, **({"onsetAge": old} if old else {}), **notes(fact)}]} if what else extra)}


def device(fact: Fact) -> dict[str, Any]:
    """A Device that somebody has."""
    return {"resourceType": "Device", "status": "active", "type": concept(fact.what) or {}, **({"udiCarrier": [{"carrierHRF": w} for w in numbers]} if (numbers := texts(fact, "udi")) else {}), **notes(fact)}


def coverage(fact: Fact) -> dict[str, Any]:
    """Insurance as a draft: whether it counts, somebody here says."""
    payer, number = texts(fact, "payer"), texts(fact, "subscriber")
    return {
        "resourceType": "Coverage", "status": "draft", **({"type": c} if (c := concept(fact.what)) else {}), **({"subscriberId": number[0]} if number else {}),
        **({"relationship": of[0]} if (of := concepts(fact, "relation")) else {}), **({"period": told} if (told := period(fact.time)) else {}), "payor": [{"display": payer[0] if payer else "not said"}],
    }  # fmt: skip


def dispense(fact: Fact) -> dict[str, Any]:
    """A MedicationDispense: what was handed out elsewhere."""
    return {
        "resourceType": "MedicationDispense", "status": {"completed": "completed", "active": "in-progress", "aborted": "stopped", "cancelled": "cancelled"}.get(fact.status, "unknown"), "medicationCodeableConcept": concept(fact.what) or {},
        **({"performer": [{"actor": {"display": w}} for w in people]} if (people := texts(fact, "performer")) else {}), **({"quantity": q} if (q := simple(fact.detail("quantity"))) else {}),
        **({"whenHandedOver": fact.time.start} if fact.time.start else {}), **notes(fact),
    }  # fmt: skip


def risk(fact: Fact) -> dict[str, Any]:
    """A Flag that somebody elsewhere put up: it is shown as theirs, and is no precaution of ours."""
    held, what = period(fact.time), concept(fact.what) or {}
    kinds = [c for key, value in fact.details if key == "concern as" and isinstance(value, Coded) for c in (value, *value.others)]
    if all(c.code != ALERT for c in kinds):
        what = {**what, "text": f"At risk for {what.get('text', '')}"}  # what is a risk is not there
    return {
        "resourceType": "Flag", "status": "inactive" if fact.status in ("completed", "aborted", "cancelled") else "active", "category": [{"coding": [{"system": elsewhere.SYSTEM, "code": elsewhere.CODE}], "text": "Put up elsewhere"}],
        "code": what, **({"period": held} if held else {}), **({"author": {"display": who}} if (who := words(fact.author)) else {}),
    }  # fmt: skip


_REPORTS: Final = ("registered", "partial", "preliminary", "final", "amended", "corrected", "appended", "cancelled", "unknown")
_LAB: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "LAB"}]}


def report(fact: Fact) -> dict[str, Any]:
    """A DiagnosticReport: the panel under which results stand, without them."""
    state = stated(fact, _REPORTS) or {"completed": "final", "active": "preliminary", "aborted": "cancelled", "cancelled": "cancelled"}.get(fact.status, "unknown")
    issued = next((t for t in texts(fact, "authored") if "T" in t), "")
    told = words(fact.value) if isinstance(fact.value, str) else ""
    return {
        "resourceType": "DiagnosticReport", "status": state, "category": [_LAB], "code": concept(fact.what) or {}, **when("effective", fact.time), **({"issued": issued} if issued else {}),
        **({"performer": [{"display": w}]} if (w := words(fact.author)) else {}), **({"conclusion": told} if told else {}), **_noted(fact, state),
    }  # fmt: skip


def _noted(fact: Fact, state: str) -> dict[str, Any]:
    """Comments of a report, which has no notes: as an extension of FHIR for them."""
    found = notes(fact, state).get("note", ())
    return {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/note", "valueAnnotation": n} for n in found]} if found else {}


def says(fact: Fact) -> str:
    """Of a team its members, of a relative whose, of insurance who pays, in words."""
    found = texts(fact, "member", "payer") + [said(v) for k, v in fact.details if k in ("relationship", "quantity", "achieved")]
    return ", ".join(filter(None, found))
