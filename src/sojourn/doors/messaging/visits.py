"""Encounter and what was found in it: a visit elsewhere, as FHIR messages tell of it. Pure.

https://hl7.org/fhir/R4/encounter.html. A visit that a partner tells of is information, whoever the partner is: our beds are given out here, and a message
gives out none. A resource is a whole statement: of the elements that are read, what it does not say any more is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sojourn.care.exchange.facts import Piece, Place, Resource
from sojourn.care.exchange.naming import dicts
from sojourn.doors.messaging.copying import Copier, key_of, renewed
from sojourn.fhir.messages import Message
from sojourn.gate import elsewhere
from sojourn.gate.exchange.partners import Partner

_TERMS: Final = "http://terminology.hl7.org/CodeSystem/"
_WORDS: Final = {"IMP": "Hospital stay elsewhere", "ACUTE": "Hospital stay elsewhere", "NONAC": "Hospital stay elsewhere", "EMER": "Emergency visit elsewhere", "PRENC": "Planned visit elsewhere"}
_FORCED: Final = {"A11": "cancelled", "A23": "entered-in-error", "A27": "cancelled", "A38": "cancelled"}
"""What an event makes of a visit, whatever its resource says."""
_VISIT: Final = ("class", "serviceType", "priority", "participant", "reasonCode", "hospitalization", "length")
_DIAGNOSIS: Final = ("clinicalStatus", "verificationStatus", "severity", "code", "bodySite", "onset[x]", "abatement[x]", "recordedDate", "asserter", "note")
_ALLERGY: Final = ("clinicalStatus", "type", "category", "criticality", "code", "onset[x]", "recordedDate", "asserter", "lastOccurrence", "note", "reaction")
_VALUE: Final = ("status", "code", "effective[x]", "issued", "value[x]", "dataAbsentReason", "interpretation", "note", "bodySite", "method", "referenceRange", "component")
_COVERAGE: Final = ("type", "subscriberId", "relationship", "period", "payor", "class", "order", "dependent")
_NONE: Final = frozenset({"716186003", "409137002", "428607008", "429625007", "nka", "nkda", "no known allergies"})
"""That there are no allergies, which is a statement of theirs, and becomes nothing."""
_DOUBT: Final = ("entered-in-error", "refuted")


def visits(message: Message, copier: Copier, partner: Partner, patient: Resource, event: str) -> list[tuple[Resource, Piece]]:
    """The Encounters of the person: those of the focus, else the only one."""
    mine = [e for e in message.of("Encounter") if message.target(e.get("subject"), e) is patient]
    focus = [e for e in mine if any(e is f for f in message.focus)]
    return [(e, _visit(message, copier, partner, e, event)) for e in focus or (mine if len(mine) == 1 else [])]


def _visit(message: Message, copier: Copier, partner: Partner, encounter: Resource, event: str) -> Piece:
    body = copier.elements(encounter, _VISIT)
    code = str((body.get("class") or {}).get("code", ""))
    told = [{"coding": [{"system": elsewhere.SYSTEM, "code": elsewhere.CODE}], "text": _WORDS.get(code, "Visit elsewhere")}]
    body |= {"type": [*told, *copier.elements(encounter, ("type",)).get("type", ())], "serviceProvider": _provider(copier, partner, encounter)}
    body |= {"status": _FORCED.get(event) or encounter.get("status", "unknown")}
    if numbers := copier.numbers(encounter, "visit"):
        body["identifier"] = numbers
    if period := copier.elements(encounter, ("period",)).get("period"):
        body["period"] = period
    if event == "A13" and "period" in body:
        body["period"].pop("end", None)
        body["hospitalization"] = {k: v for k, v in (body.get("hospitalization") or {}).items() if k not in ("dischargeDisposition", "destination")}
    places = [{k: v for k, v in made.items() if k in ("location", "status", "physicalType", "period")} for one in dicts(encounter.get("location")) if (made := _placed(copier, encounter, one)).get("location")]
    if places:
        body["location"] = places

    def make(place: Place) -> Resource:
        return {**renewed(place.before, (*_VISIT, "type", "period", "location"), body), "resourceType": "Encounter", "subject": {"reference": f"Patient/{place.patient}"}}

    return Piece("Encounter", ("visit", *key_of(message, encounter)), make)


def _placed(copier: Copier, encounter: Resource, location: Resource) -> Resource:
    """Where they are or were, by name: our places are no others'."""
    named = copier.named(location.get("location"), encounter)
    said = copier.elements({k: v for k, v in location.items() if k != "location"}, ("status", "physicalType", "period"))
    return {**({"location": named} if named else {}), **said}


def _provider(copier: Copier, partner: Partner, encounter: Resource) -> Resource:
    if partner.organization:
        return {"reference": partner.organization, "display": partner.name}
    return copier.named(encounter.get("serviceProvider"), encounter) or {"display": partner.name}


def found(message: Message, copier: Copier, partner: Partner, patient: Resource, stays: Sequence[tuple[Resource, Piece]]) -> list[Piece]:
    """Diagnoses, allergies, examinations and insurance that stand beside a visit or a person."""
    visit_of = {id(e): p.key for e, p in stays}
    out: list[Piece] = []
    for type_, subject, made in (("Condition", "subject", _diagnosis), ("AllergyIntolerance", "patient", _allergy), ("Observation", "subject", _observed), ("Coverage", "beneficiary", _covering)):
        for one in message.of(type_):
            if message.target(one.get(subject), one) is patient:
                encounter = message.target(one.get("encounter"), one)
                out += made(message, copier, partner, one, visit_of.get(id(encounter), ()))
    return list({(p.type, p.key): p for p in out}.values())


def _diagnosis(message: Message, copier: Copier, _partner: Partner, one: Resource, visit: tuple[str, ...]) -> list[Piece]:
    body = copier.elements(one, _DIAGNOSIS)
    if not body.get("code"):
        return []
    body["category"] = [{"coding": [{"system": f"{_TERMS}condition-category", "code": "encounter-diagnosis", "display": "Encounter Diagnosis"}]}]
    return [Piece("Condition", ("diagnosis", *key_of(message, one)), _within("Condition", _DIAGNOSIS, body, visit))]


def _observed(message: Message, copier: Copier, _partner: Partner, one: Resource, visit: tuple[str, ...]) -> list[Piece]:
    body = copier.elements(one, _VALUE)
    if not body.get("code") or not any(k.startswith("value") or k == "component" for k in body):
        return []
    body["category"] = [{"coding": [{"system": f"{_TERMS}observation-category", "code": "exam", "display": "Exam"}]}]
    return [Piece("Observation", ("observation", *key_of(message, one)), _within("Observation", _VALUE, body, visit))]


def _within(type_: str, names: Sequence[str], body: Resource, visit: tuple[str, ...]) -> Callable[[Place], Resource]:
    def make(place: Place) -> Resource:
        at = {"encounter": {"reference": f"Encounter/{place.ids[visit]}"}} if visit in place.ids else {}
        return {**renewed(place.before, names, body), "resourceType": type_, "subject": {"reference": f"Patient/{place.patient}"}, **at}

    return make


def _allergy(_message: Message, copier: Copier, partner: Partner, one: Resource, _visit_of: tuple[str, ...]) -> list[Piece]:
    """Unconfirmed until somebody here looked; one that its sender takes back counts as long as nobody here found out anything about it."""
    body = copier.elements(one, _ALLERGY)
    code = body.get("code") or {}
    codes = [str(c.get("code", "")) for c in dicts(code.get("coding"))]
    if not code or {*codes, str(code.get("text", "")).casefold()} & _NONE:
        return []
    body.setdefault("asserter", {"display": partner.name})
    said = _code(one.get("verificationStatus"))

    def make(place: Place) -> Resource | None:
        was = place.before or {}
        if said in _DOUBT and not was:
            return None
        kept: Any = {k: was[k] for k in ("verificationStatus", "clinicalStatus") if k in was} if was else {"verificationStatus": _concept("allergyintolerance-verification", "unconfirmed"), "clinicalStatus": body.get("clinicalStatus") or _concept("allergyintolerance-clinical", "active")}
        made = {**renewed(was, _ALLERGY, {k: v for k, v in body.items() if k != "clinicalStatus"}), "resourceType": "AllergyIntolerance", **kept, "patient": {"reference": f"Patient/{place.patient}"}}
        if said in _DOUBT and _code(was.get("verificationStatus")) == "unconfirmed":
            made["verificationStatus"] = _concept("allergyintolerance-verification", "entered-in-error")
            made.pop("clinicalStatus", None)  # ait-2 of FHIR: none beside an error
        return made

    return [Piece("AllergyIntolerance", ("allergy", codes[0] if codes else str(code.get("text", "")).casefold()), make)]


def _covering(message: Message, copier: Copier, partner: Partner, one: Resource, _visit_of: tuple[str, ...]) -> list[Piece]:
    """In force where the sender keeps our register, else a draft that somebody has to check."""
    body = copier.elements(one, _COVERAGE)
    if not body.get("payor"):
        return []
    himself = _code(one.get("relationship")) == "self"

    def make(place: Place) -> Resource:
        was, about = place.before or {}, {"reference": f"Patient/{place.patient}"}
        status = was.get("status") or ("active" if partner.registers else "draft")  # whether it counts was decided here
        return {**renewed(was, _COVERAGE, body), "resourceType": "Coverage", "status": status, "beneficiary": about, **({"subscriber": about} if himself else {})}

    return [Piece("Coverage", ("coverage", *key_of(message, one)), make)]


def _code(concept: Any) -> str:
    return next((str(c.get("code", "")) for c in dicts(concept.get("coding"))), "") if isinstance(concept, dict) else ""


def _concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": f"{_TERMS}{system}", "code": code}]}
