"""What a document says as FHIR resources: pure; what does not map is named with its reason.

Results, vital signs and social history become Observations, immunizations Immunizations, procedures Procedures; allergies, problems and medications
the lines that are taken over one by one. Visits and plans of others stay in the document: here they would count as visits and orders of ours
(docs/decisions/0065). https://hl7.org/fhir/us/ccda/
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sojourn.care.listing import OUTSIDE, source, teller
from sojourn.care.resources import ref
from sojourn.care.summaries import elements, opening
from sojourn.care.summaries.elements import concept, name, said, when
from sojourn.fhir.validate import validate
from sojourn.gate import documentmarks
from sojourn.wire.ccda.facts import Document, Fact
from sojourn.wire.ccda.values import Coded, Quantity, Span

LINES: Final = {"allergy": "Allergies", "problem": "Problems", "medication": "Medications"}
"""What is reconciled one by one."""
BESIDE: Final = {"result": "Results", "vital": "Vital signs", "social": "Social history", "immunization": "Immunizations", "procedure": "Procedures"}
"""What is taken over together."""
STAYS: Final = {"encounter": "Visits", "plan": "Plans and orders", "other": "Other statements"}
TYPES: Final = {"allergy": "AllergyIntolerance", "problem": "Condition", "medication": "MedicationStatement", "immunization": "Immunization", "procedure": "Procedure"}
STATEMENT: Final = "https://sojourn.example/fhir/NamingSystem/outside-statement"
"""Under it stands what a statement is, the same whenever the same is said of the same person again."""
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_CATEGORIES: Final = {"result": ("laboratory", "Laboratory"), "vital": ("vital-signs", "Vital Signs"), "social": ("social-history", "Social History")}
_TERMS: Final = "http://terminology.hl7.org/CodeSystem/"
_NONE: Final = frozenset({"716186003", "409137002", "160244002", "160245001", "428607008"})
"""SNOMED CT: no known allergy, no known drug allergy, no known drug allergies, no current problems, no known environmental allergy."""
_ANY: Final = frozenset({"55607006", "75310-3", "404684003", "410942007"})
"""A problem, a health concern, a finding, a drug: negated, they say that there is none."""


class Mapped(NamedTuple):
    """A statement with the resource that it becomes, and what it says in words; or why it becomes none. section: the title of where it stands."""

    fact: Fact
    section: str
    key: str
    resource: dict[str, Any] | None
    name: str
    says: str
    why: str = ""


def of(document: Document, patient: str) -> list[Mapped]:
    """Every statement of a document about a patient (logical id), each once."""
    out: list[Mapped] = []
    seen: set[str] = set()
    for section in document.sections:
        for fact in section.facts:
            one = _mapped(document, section.title or name(section.code) or "A section without a title", fact, patient)
            if one.key not in seen:
                seen.add(one.key)
                out.append(one)
    return out


def key_of(fact: Fact) -> str:
    """What tells a statement from others: its ids, what it is about and when; not what it says of it, which may be put right later."""
    about = [f"{c.get('system', '')}|{c['code']}" for c in elements.codings(fact.what)] or [name(fact.what).casefold()]
    parts = (fact.kind, *sorted(fact.identifiers), *sorted(about), fact.time.start, "" if fact.identifiers else f"{said_of(fact)}{fact.text[:200]}")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def said_of(fact: Fact) -> str:
    """Its value in words."""
    return said(fact.value)


def none_known(fact: Fact) -> bool:
    """Whether it says that there is none, instead of one."""
    codes = {fact.what.code, *(o.code for o in fact.what.others)}
    return bool(codes & _NONE) or name(fact.what).casefold().startswith(("no known", "none known")) or fact.negated and (fact.kind == "allergy" or bool(codes & _ANY) or bool(fact.what.null))


def _mapped(document: Document, section: str, fact: Fact, patient: str) -> Mapped:
    key, called = key_of(fact), name(fact.what) or elements.words(fact.text)
    says, why, resource = words_of(fact), "", None
    if fact.kind in STAYS:
        why = {"encounter": "Visits elsewhere stay in the document.", "plan": "Plans and orders of others stay in the document."}.get(fact.kind, "There is no place for it in the chart.")
    elif not called:
        why = "It does not say what it is about."
    elif fact.kind in LINES and none_known(fact):
        why = "It says that there is none: ask the client, and write that down."
    elif fact.negated and fact.kind not in ("immunization", "procedure"):
        why = "It says that this is not so."
    else:
        made = _MAKES[fact.kind](fact)
        if made is None:
            why = "It has no value."
        else:
            resource = _whole(document, fact, patient, key, made)
            if wrong := [i for i in validate(resource) if i.severity in ("error", "fatal")]:
                resource, why = None, f"It is not valid FHIR at {wrong[0].expression or 'its root'}."
    return Mapped(fact, section, key, resource, called or "A statement without a name", says, why)


def _whole(document: Document, fact: Fact, patient: str, key: str, made: dict[str, Any]) -> dict[str, Any]:
    """With whose it is, where it comes from, its ids and labels."""
    subject = "patient" if made["resourceType"] in ("AllergyIntolerance", "Immunization") else "subject"
    labels = documentmarks.of(document, fact.marks)
    ids = [i for text in fact.identifiers[:5] if (i := elements.identifier(text))]
    return {
        "resourceType": made["resourceType"], **({"meta": {"security": labels}} if labels else {}), "extension": [source(OUTSIDE), *teller(opening.about(document))],
        "identifier": [{"system": STATEMENT, "value": key}, *ids], **{k: v for k, v in made.items() if k != "resourceType"}, subject: ref("Patient", patient),
    }  # fmt: skip


def _concepts(fact: Fact, *names: str) -> list[dict[str, Any]]:
    return [c for key, value in fact.details if key in names and not isinstance(value, Quantity) and (c := concept(value))]


def _status(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": _TERMS + system, "code": code}]}


def ended(fact: Fact) -> bool:
    """Whether a line of a list is said to be over."""
    told = fact.detail("status")
    if isinstance(told, Coded) and (told.code or told.display):
        return told.code in ("73425007", "413322009") or name(told).casefold() in ("inactive", "resolved")
    if fact.kind == "medication":
        return fact.status in ("completed", "aborted", "cancelled", "stopped", "nullified")
    return bool(fact.time.end and fact.time.end != fact.time.start) or fact.detail("concern") == "completed"


def _allergy(fact: Fact) -> dict[str, Any]:
    kind = next((v for k, v in fact.details if k == "type" and isinstance(v, Coded)), None)
    told = " ".join((name(kind) if kind else "", name(fact.what))).casefold()
    category = "food" if "food" in told else "medication" if "drug" in told or "medic" in told else ""
    criticality = fact.detail("criticality")
    code = {"CRITH": "high", "CRITL": "low", "CRITU": "unable-to-assess"}.get(criticality.code, "") if isinstance(criticality, Coded) else ""
    reactions = _concepts(fact, "reaction")
    severity = next((w for w in ("severe", "moderate", "mild") for c in _concepts(fact, "severity") if w in str(c.get("text", "")).casefold()), "")
    onset = fact.time.start
    return {
        "resourceType": "AllergyIntolerance", "clinicalStatus": _status("allergyintolerance-clinical", "resolved" if ended(fact) else "active"), "verificationStatus": _status("allergyintolerance-verification", "unconfirmed"),
        **({"category": [category]} if category else {}), **({"criticality": code} if code else {}), "code": concept(fact.what) or {}, **({"onsetDateTime": onset} if onset else {}),
        **({"reaction": [{"manifestation": reactions, **({"severity": severity} if severity else {})}]} if reactions else {}),
    }  # fmt: skip


def _problem(fact: Fact) -> dict[str, Any]:
    over, severity = ended(fact), next(iter(_concepts(fact, "severity")), None)
    end = fact.time.end if over and fact.time.end != fact.time.start else ""
    return {
        "resourceType": "Condition", "clinicalStatus": _status("condition-clinical", "resolved" if over else "active"), "verificationStatus": _status("condition-ver-status", "unconfirmed"),
        "category": [_status("condition-category", "problem-list-item")], **({"severity": severity} if severity else {}), "code": concept(fact.what) or {},
        **({"onsetDateTime": fact.time.start} if fact.time.start else {}), **({"abatementDateTime": end} if end else {}),
    }  # fmt: skip


def dosage(fact: Fact) -> str:
    """Directions in words: dose, route, how often; what an author wrote about them."""
    every = fact.detail("frequency")
    parts = [said(fact.detail("dose")), said(fact.detail("route")).casefold(), f"every {said(every)}" if every else ""]
    notes = [value for key, value in fact.details if key == "about" and isinstance(value, str) and len(value) < 300]
    return elements.words(", ".join(filter(None, (*parts, *notes))))[:300]


def _medication(fact: Fact) -> dict[str, Any]:
    over = ended(fact)
    status = {"suspended": "on-hold", "held": "on-hold"}.get(fact.status, ("completed" if fact.status == "completed" else "stopped") if over else "active")
    directions = dosage(fact)
    time = Span(fact.time.start, fact.time.end if fact.time.end != fact.time.start else "")
    return {
        "resourceType": "MedicationStatement", "status": status, "medicationCodeableConcept": concept(fact.what) or {}, **({"effectivePeriod": p} if (p := elements.period(time)) else {}),
        **({"reasonCode": reasons} if (reasons := _concepts(fact, "indication", "reason")) else {}), **({"dosage": [{"text": directions}]} if directions else {}),
    }  # fmt: skip


def _observation(fact: Fact) -> dict[str, Any] | None:
    value: dict[str, Any] = {}
    if isinstance(fact.value, Quantity):
        value = {f"value{k}": v for k, v in elements.quantity(fact.value).items()}
    elif isinstance(fact.value, Coded):
        value = {"valueCodeableConcept": c} if (c := concept(fact.value)) else {}
    elif words := elements.words(fact.value or ""):
        value = {"valueString": words}
    if not value and not elements.words(fact.text):
        return None
    code, display = _CATEGORIES[fact.kind]
    status = {"completed": "final", "active": "preliminary", "aborted": "cancelled", "cancelled": "cancelled"}.get(fact.status, "unknown")
    ranges = [_range(v) for k, v in fact.details if k == "range"]
    return {
        "resourceType": "Observation", "status": status, "category": [{"coding": [{"system": _CATEGORY, "code": code, "display": display}]}], "code": concept(fact.what) or {"text": elements.words(fact.text)}, **when("effective", fact.time),
        **value, **({"interpretation": found} if (found := _concepts(fact, "interpretation")) else {}), **({"bodySite": site[0]} if (site := _concepts(fact, "site")) else {}),
        **({"method": method[0]} if (method := _concepts(fact, "method")) else {}), **({"note": [{"text": elements.words(fact.text)}]} if not value else {}), **({"referenceRange": r} if (r := [x for x in ranges if x]) else {}),
    }  # fmt: skip


def _range(value: Coded | Quantity | str) -> dict[str, Any]:
    """A reference range with its bounds, where it has two; as it is said in any case."""
    text = said(value)
    found = elements.quantity(value) if isinstance(value, Quantity) else {}
    return {**found.get("Range", {}), "text": text} if text else {}


def _immunization(fact: Fact) -> dict[str, Any]:
    status = "not-done" if fact.negated or fact.status in ("aborted", "cancelled") else "completed"
    dose = fact.detail("dose")
    amount = elements.quantity(dose).get("Quantity") if isinstance(dose, Quantity) else None
    return {
        "resourceType": "Immunization", "status": status, "vaccineCode": concept(fact.what) or {}, **({"occurrenceDateTime": fact.time.start} if fact.time.start else {"occurrenceString": "not said"}), "primarySource": False,
        **({"lotNumber": lot} if (lot := said(fact.detail("lot"))) else {}), **({"site": site[0]} if (site := _concepts(fact, "site")) else {}), **({"route": route[0]} if (route := _concepts(fact, "route")) else {}),
        **({"doseQuantity": amount} if amount else {}), **({"statusReason": why[0]} if status == "not-done" and (why := _concepts(fact, "reason")) else {}),
    }  # fmt: skip


def _procedure(fact: Fact) -> dict[str, Any]:
    status = "not-done" if fact.negated else {"completed": "completed", "active": "in-progress", "aborted": "stopped", "cancelled": "not-done"}.get(fact.status, "unknown")
    return {"resourceType": "Procedure", "status": status, "code": concept(fact.what) or {}, **when("performed", fact.time), **({"bodySite": site} if (site := _concepts(fact, "site")) else {}),
            **({"reasonCode": why} if (why := _concepts(fact, "indication", "reason")) else {})}  # fmt: skip


_MAKES: Final[Mapping[str, Any]] = {
    "allergy": _allergy, "problem": _problem, "medication": _medication, "result": _observation, "vital": _observation, "social": _observation, "immunization": _immunization, "procedure": _procedure,
}  # fmt: skip


def words_of(fact: Fact) -> str:
    """What it says beside its name, in one line."""
    if fact.kind == "medication":
        parts = [dosage(fact), f"since {fact.time.start[:10]}" if fact.time.start else "", fact.status if ended(fact) else ""]
    elif fact.kind == "allergy":
        parts = [", ".join(said(v) for k, v in fact.details if k == "reaction"), ", ".join(said(v) for k, v in fact.details if k == "severity"), "resolved" if ended(fact) else ""]
    elif fact.kind == "problem":
        parts = [f"since {fact.time.start[:10]}" if fact.time.start else "", "resolved" if ended(fact) else ""]
    else:
        parts = [said_of(fact), fact.time.start[:10]]
    return ", ".join(filter(None, parts))
