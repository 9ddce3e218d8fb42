"""What a document says as FHIR resources: pure; what does not map is named with its reason.

Allergies, problems and medications become the lines that are taken over one by one; results, vital signs, assessments and social history Observations,
immunizations Immunizations, procedures Procedures; visits, plans, goals, teams and the rest what mappingcare.py makes of them. https://hl7.org/fhir/us/ccda/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sojourn.care.listing import OUTSIDE, source, teller
from sojourn.care.resources import ref
from sojourn.care.summaries import denying, elements, mappingcare, mappingnotes, opening, person
from sojourn.care.summaries.elements import concept, concepts, name, notes, said, simple, texts, when
from sojourn.fhir.validate import validate
from sojourn.gate import documentmarks
from sojourn.wire.ccda.facts import Document, Fact, Section
from sojourn.wire.ccda.values import Coded, Quantity, Span

LINES: Final = {"allergy": "Allergies", "problem": "Problems", "medication": "Medications"}
"""What is reconciled one by one."""
BESIDE: Final = {
    "result": "Results", "report": "Panels of results", "vital": "Vital signs", "assessment": "Assessments", "social": "Social history", "immunization": "Immunizations", "procedure": "Procedures", "dispense": "Medications handed out", "encounter": "Visits elsewhere",
    "plan": "Plans and orders of others", "goal": "Goals", "team": "Care teams", "relative": "Family history", "device": "Devices", "coverage": "Insurance", "risk": "Alerts and precautions of others", "note": "Notes of others", "instruction": "Instructions of others",
}  # fmt: skip
"""What is taken over together."""
TYPES: Final = {
    "report": "DiagnosticReport", "allergy": "AllergyIntolerance", "problem": "Condition", "medication": "MedicationStatement", "immunization": "Immunization", "procedure": "Procedure", "dispense": "MedicationDispense", "encounter": "Encounter", "plan": "ServiceRequest",
    "goal": "Goal", "team": "CareTeam", "relative": "FamilyMemberHistory", "device": "Device", "coverage": "Coverage", "risk": "Flag", "note": "DocumentReference", "instruction": "DocumentReference",
}  # fmt: skip
MORE_TYPES: Final = {"plan": ("CarePlan",)}
STATEMENT: Final = "https://sojourn.example/fhir/NamingSystem/outside-statement"
"""Under it stands what a statement is, the same whenever the same is said of the same person again."""
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_CATEGORIES: Final = {"result": ("laboratory", "Laboratory"), "vital": ("vital-signs", "Vital Signs"), "social": ("social-history", "Social History"), "assessment": ("survey", "Survey")}
_US_CORE: Final = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
_SECTIONS: Final = {"47420-5": ("functional-status", "Functional Status"), "42348-3": ("treatment-intervention-preference", "Treatment Intervention Preference")}
"""What assessments in some sections are about."""
_TERMS: Final = "http://terminology.hl7.org/CodeSystem/"

class Mapped(NamedTuple):
    """A statement with the resource that it becomes, and what it says in words; or why it becomes none. section: the title of where it stands."""

    fact: Fact
    section: str
    key: str
    resource: dict[str, Any] | None
    name: str
    says: str
    why: str = ""


def of(document: Document, patient: str, known: Mapping[str, Any] | None = None) -> list[Mapped]:
    """Every statement of a document about a patient (logical id), each once. known: their Patient, what it has already is left out, as marks of privacy are."""
    out: list[Mapped] = []
    seen: set[str] = set()
    about_all = mappingnotes.events(document) if any(f.kind in ("note", "instruction") for f in document.facts()) else []
    results = {f.at: key_of(f) for f in document.facts("result")}
    for section in document.sections:
        for fact in section.facts:
            if fact.kind == "mark" or (known is not None and person.says(known, fact)):
                continue
            one = _mapped(document, section, fact, patient, about_all)
            if one.key not in seen:
                seen.add(one.key)
                out.append(one)
    there = {m.key for m in out if m.resource is not None}
    return [m if m.resource is None or m.fact.kind != "report" else _with_results(m, [k for at in m.fact.holds if (k := results.get(at, "")) in there]) for m in out]


def _with_results(report: Mapped, keys: list[str]) -> Mapped:
    """A panel with its results, each by its key: which resource that is, is known when both are taken over. One that holds nothing and says nothing becomes none."""
    made = report.resource or {}
    if not keys and "conclusion" not in made:
        return report._replace(resource=None, why="Nothing that it holds is taken over.")
    held = [{"type": "Observation", "identifier": {"system": STATEMENT, "value": key}} for key in keys]
    return report._replace(resource={**made, **({"result": held} if held else {})})


def apart(document: Document, known: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    """Where statements stand that `of` leaves out, and what has what they say: the Patient, or the labels of the document."""
    labels = {"meta": {"security": documentmarks.whole(document)}}
    return [(f.at, labels if f.kind == "mark" else known) for f in document.facts() if f.kind == "mark" or person.says(known, f)]


def key_of(fact: Fact) -> str:
    """What tells a statement from others: its ids, what it is about and when; not what it says of it, which may be put right later."""
    about = [f"{c.get('system', '')}|{c['code']}" for c in elements.codings(fact.what)] or [name(fact.what).casefold()]
    parts = (fact.kind, *sorted(fact.identifiers), *sorted(about), fact.time.start, "" if fact.identifiers else f"{said_of(fact)}{fact.text[:200]}")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def said_of(fact: Fact) -> str:
    """Its value in words."""
    return said(fact.value)


def _mapped(document: Document, section: Section, fact: Fact, patient: str, about_all: list[dict[str, Any]]) -> Mapped:
    key, called = key_of(fact), (mappingnotes.called(fact) if fact.kind == "note" else name(fact.what)) or elements.words(fact.text)
    says, why, resource = words_of(fact), "", None
    about = denying.what(fact) if fact.kind in LINES else {}
    if document.people > 1:
        why = "The document is about several people, and does not say of whom this is."
    elif fact.kind not in _MAKES:
        why = "There is no place for it in the chart."
    elif not called:
        why = "It does not say what it is about."
    elif about is None:
        why = "It says that there is none: ask the client, and write that down."
    elif fact.negated and fact.kind not in ("immunization", "procedure", "allergy", "problem"):
        why = "It says that this is not so."
    else:
        made = _MAKES[fact.kind](fact)
        if isinstance(made, str):
            why = made
        else:
            if fact.kind in LINES and denying.none_known(fact):
                called = str(about.get("text") or called)
            if fact.kind == "assessment" and (which := _SECTIONS.get(section.code.code)):
                made["category"] = [{"coding": [{"system": _US_CORE, "code": which[0], "display": which[1]}]}]
            if made["resourceType"] == "DocumentReference" and about_all:
                made["context"] = {"event": about_all, **made.get("context", {})}
            resource = _whole(document, fact, patient, key, made)
            if wrong := [i for i in validate(resource) if i.severity in ("error", "fatal")]:
                resource, why = None, f"It is not valid FHIR at {wrong[0].expression or 'its root'}."
    return Mapped(fact, section.title or name(section.code) or "A section without a title", key, resource, called or "A statement without a name", says, why)


def _whole(document: Document, fact: Fact, patient: str, key: str, made: dict[str, Any]) -> dict[str, Any]:
    """With whose it is, where it comes from, its ids and labels."""
    subject = {"Coverage": "beneficiary", **dict.fromkeys(("AllergyIntolerance", "Immunization", "Device", "FamilyMemberHistory"), "patient")}.get(made["resourceType"], "subject")
    labels = documentmarks.of(document, fact.marks)
    ids = [i for text in fact.identifiers[:5] if (i := elements.identifier(text))]
    return {
        "resourceType": made["resourceType"], **({"meta": {"security": labels}} if labels else {}), "extension": [source(OUTSIDE), *teller(opening.about(document)), *made.get("extension", ())],
        "identifier": [{"system": STATEMENT, "value": key}, *ids], **{k: v for k, v in made.items() if k not in ("resourceType", "extension")}, subject: ref("Patient", patient),
    }  # fmt: skip


def _status(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": _TERMS + system, "code": code}]}


def ended(fact: Fact) -> bool:
    """Whether a line of a list is said to be over, or not to be so at all."""
    if denying.refuted(fact):
        return True
    told = fact.detail("status")
    if isinstance(told, Coded) and (told.code or told.display):
        return told.code in ("73425007", "413322009") or name(told).casefold() in ("inactive", "resolved")
    if fact.kind == "medication":
        return fact.status in ("completed", "aborted", "cancelled", "stopped", "nullified")
    return bool(fact.time.end and fact.time.end != fact.time.start) or fact.detail("concern") == "completed"


_CLINICAL: Final = {"55561003": "active", "73425007": "inactive", "413322009": "resolved", "246455001": "recurrence", "263855007": "relapse", "277022003": "remission"}
"""SNOMED CT: the clinical status of a problem or an allergy."""
_ASSERTED: Final = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"
_OVER: Final = ("inactive", "resolved", "remission")
_GRAVE: Final = {"255604002": "mild", "6736007": "moderate", "24484000": "severe"}
_ALLERGIES: Final = {
    "416098002": ("allergy", "medication"), "414285001": ("allergy", "food"), "419199007": ("allergy", ""), "59037007": ("intolerance", "medication"), "235719002": ("intolerance", "food"), "419511003": ("", "medication"),
    "418471000": ("", "food"),
}  # fmt: skip
"""SNOMED CT: type and category (Allergy and Intolerance Type, 2.16.840.1.113883.3.88.12.3221.6.2)."""


def _clinical(fact: Fact) -> str:
    told = fact.detail("status")
    return (_CLINICAL.get(told.code, "") if isinstance(told, Coded) else "") or ("inactive" if denying.refuted(fact) else "resolved" if ended(fact) else "active")


def _verified(fact: Fact) -> str:
    return "refuted" if denying.refuted(fact) else "unconfirmed"


def _grave(value: Coded | Quantity | str | None) -> str:
    """How grave a reaction is; '' for what is none of FHIR's three words."""
    if isinstance(value, Coded) and value.code in _GRAVE:
        return _GRAVE[value.code]
    return next((w for w in ("severe", "moderate", "mild") if w in said(value).casefold()), "")


def _reactions(fact: Fact) -> list[dict[str, Any]]:
    """Each with its own severity and beginning; where it has none, with that of the allergy."""
    out: list[dict[str, Any]] = []
    for key, value in fact.details:
        if key == "reaction" and not isinstance(value, Quantity) and (c := concept(value)):
            out.append({"manifestation": [c]})
        elif key == "severity of it" and out and (word := _grave(value)):
            out[-1]["severity"] = word
        elif key == "onset of it" and out:
            out[-1]["onset"] = value
    every = _grave(fact.detail("severity"))
    return [{**r, "severity": every} if every and "severity" not in r else r for r in out]


def _allergy(fact: Fact) -> dict[str, Any]:
    kind = next((v for k, v in fact.details if k == "type" and isinstance(v, Coded)), None)
    told = " ".join((name(kind) if kind else "", name(fact.what))).casefold()
    sort, category = ("", "") if denying.none_known(fact) else _ALLERGIES.get(kind.code if kind else "", ("", "food" if "food" in told else "medication" if "drug" in told or "medic" in told else ""))
    criticality = fact.detail("criticality")
    code = {"CRITH": "high", "CRITL": "low", "CRITU": "unable-to-assess"}.get(criticality.code, "") if isinstance(criticality, Coded) else ""
    onset, state = fact.time.start, _clinical(fact)
    return {
        "resourceType": "AllergyIntolerance", "clinicalStatus": _status("allergyintolerance-clinical", state if state in ("active", "inactive", "resolved") else "active"), "verificationStatus": _status("allergyintolerance-verification", _verified(fact)),
        **({"type": sort} if sort else {}), **({"category": [category]} if category else {}), **({"criticality": code} if code else {}), "code": denying.what(fact) or {}, **({"onsetDateTime": onset} if onset else {}),
        **({"reaction": reactions} if (reactions := _reactions(fact)) else {}), **notes(fact),
    }  # fmt: skip


def _problem(fact: Fact) -> dict[str, Any]:
    state, severity = _clinical(fact), next(iter(concepts(fact, "severity")), None)
    end = fact.time.end if state in _OVER and fact.time.end != fact.time.start else ""
    return {
        "resourceType": "Condition", "clinicalStatus": _status("condition-clinical", state), "verificationStatus": _status("condition-ver-status", _verified(fact)),
        "category": [_status("condition-category", "problem-list-item")], **({"severity": severity} if severity else {}), "code": denying.what(fact) or {},
        **({"onsetDateTime": fact.time.start} if fact.time.start else {}), **({"abatementDateTime": end} if end else {}), **({"extension": [{"url": _ASSERTED, "valueDateTime": first[0]}]} if (first := texts(fact, "diagnosed")) else {}), **notes(fact),
    }  # fmt: skip


def dosage(fact: Fact) -> str:
    """Directions in words: those that its author wrote, else dose, route, how often."""
    if written := texts(fact, "directions"):
        return written[0][:300]
    every = fact.detail("frequency")
    events = [_EVENTS.get(value.code, value.code) for key, value in fact.details if key == "event" and isinstance(value, Coded)]
    shifted = f"{said(fact.detail('offset'))} " if fact.detail("offset") else ""
    parts = [said(fact.detail("dose")), said(fact.detail("route")).casefold(), f"every {said(every)}" if every else "", *(shifted + e for e in events)]
    about = [value for key, value in fact.details if key == "about" and isinstance(value, str) and len(value) < 300]
    return elements.words(", ".join(filter(None, (*parts, *about))))[:300]


_EVENTS: Final = {
    "HS": "at bedtime", "WAKE": "on waking", "AC": "before meals", "ACM": "before breakfast", "ACD": "before lunch", "ACV": "before dinner", "PC": "after meals", "PCM": "after breakfast", "PCD": "after lunch", "PCV": "after dinner",
    "C": "with meals", "CM": "with breakfast", "CD": "with lunch", "CV": "with dinner", "IC": "between meals", "ICM": "between breakfast and lunch", "ICD": "between lunch and dinner", "ICV": "between dinner and bedtime",
}  # fmt: skip
"""v3 TimingEvent (2.16.840.1.113883.5.139) in words; FHIR has no code for those between meals. https://terminology.hl7.org/CodeSystem-v3-TimingEvent.html"""
_UNITS: Final = ("s", "min", "h", "d", "wk", "mo", "a")


def _dosage(fact: Fact) -> dict[str, Any]:
    """Directions in words and as data."""
    text, every, dose = dosage(fact), fact.detail("frequency"), fact.detail("dose")
    repeat: dict[str, Any] = {}
    if isinstance(every, Quantity) and every.unit in _UNITS and (often := elements.number(every.number)) is not None and often > 0:
        most = elements.number(every.upto) if every.upto else None
        repeat = {"frequency": 1, "period": often, **({"periodMax": most} if most is not None else {}), "periodUnit": every.unit}
    events = [value.code for key, value in fact.details if key == "event" and isinstance(value, Coded) and value.code in _EVENTS and not value.code.startswith("IC")]
    if events and fact.detail("offset") is None:
        repeat["when"] = events
    given = elements.quantity(dose) if isinstance(dose, Quantity) and not dose.sign else {}
    rate = simple(fact.detail("rate"))
    amounts = {**{f"dose{k}": v for k, v in given.items()}, **({"rateQuantity": rate} if rate else {})}
    return {
        **({"text": text} if text else {}), **({"timing": {"repeat": repeat}} if repeat else {}), **({"site": s[0]} if (s := concepts(fact, "site")) else {}), **({"route": r[0]} if (r := concepts(fact, "route")) else {}),
        **({"doseAndRate": [amounts]} if amounts else {}),
    }  # fmt: skip


def _medication(fact: Fact) -> dict[str, Any]:
    over = ended(fact)
    status = {"suspended": "on-hold", "held": "on-hold", "new": "intended"}.get(fact.status, ("completed" if fact.status == "completed" else "stopped") if over else "active")
    directions = _dosage(fact)
    supplied = [f"{label}: {said(v)}" for label, key in (("Refills", "refills"), ("Supply", "supply"), ("Supply valid", "valid")) if (v := fact.detail(key)) is not None]
    more = [*notes(fact).get("note", ()), *({"text": t} for t in supplied)]
    time = Span(fact.time.start, fact.time.end if fact.time.end != fact.time.start else "")
    return {
        "resourceType": "MedicationStatement", "status": status, "medicationCodeableConcept": concept(fact.what) or {}, **({"effectivePeriod": p} if (p := elements.period(time)) else {}),
        **({"reasonCode": reasons} if (reasons := concepts(fact, "indication", "reason")) else {}), **({"dateAsserted": day[0]} if (day := texts(fact, "authored")) else {}), **({"dosage": [directions]} if directions else {}), **({"note": more} if more else {}),
    }  # fmt: skip


_STATES: Final = ("registered", "preliminary", "final", "amended", "corrected", "cancelled", "unknown")
_ABSENT: Final = {"UNK": "unknown", "NI": "unknown", "ASKU": "asked-unknown", "NAV": "temp-unknown", "NASK": "not-asked", "MSK": "masked", "NA": "not-applicable"}
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?")


def _observation(fact: Fact) -> dict[str, Any] | str:
    value: dict[str, Any] = {}
    absent = _ABSENT.get(fact.value.null) if isinstance(fact.value, Coded) and not name(fact.value) else None
    if isinstance(fact.value, Quantity):
        value = {f"value{k}": v for k, v in elements.quantity(fact.value).items()}
    elif isinstance(fact.value, Coded):
        value = {"valueCodeableConcept": c} if (c := concept(fact.value)) else {}
    elif words := elements.words(fact.value or ""):
        value = {"valueBoolean": words == "true"} if words in ("true", "false") else {"valueDateTime": words} if _DAY.fullmatch(words) else {"valueString": words}
    if absent:
        value = {"dataAbsentReason": {"coding": [{"system": _TERMS + "data-absent-reason", "code": absent}]}}
    if not value and not elements.words(fact.text):
        return "It has no value."
    code, display = _CATEGORIES[fact.kind]
    status = elements.stated(fact, _STATES) or {"completed": "final", "active": "preliminary", "aborted": "cancelled", "cancelled": "cancelled"}.get(fact.status, "unknown")
    told = [*notes(fact, status).get("note", ()), *([{"text": elements.words(fact.text)}] if not value else [])]
    ranges = [_range(v) for k, v in fact.details if k == "range"]
    return {
        "resourceType": "Observation", "status": status, "category": [{"coding": [{"system": _CATEGORY, "code": code, "display": display}]}], "code": _what(fact), **when("effective", fact.time),
        **value, **({"issued": at} if (at := next(iter(texts(fact, "authored")), "")).count("T") else {}), **({"interpretation": found} if (found := concepts(fact, "interpretation")) else {}), **({"bodySite": site[0]} if (site := concepts(fact, "site")) else {}),
        **({"method": method[0]} if (method := concepts(fact, "method")) else {}), **({"performer": [{"display": w}]} if (w := elements.words(fact.author)) else {}), **({"note": told} if told else {}), **({"referenceRange": r} if (r := [x for x in ranges if x]) else {}),
    }  # fmt: skip


_SMOKING: Final = {"coding": [{"system": "http://loinc.org", "code": "72166-2", "display": "Tobacco smoking status"}], "text": "Tobacco smoking status"}


def _what(fact: Fact) -> dict[str, Any]:
    """What was observed. A smoking status of R1.1 is an assertion, and its template says of what (2.16.840.1.113883.10.20.22.4.78)."""
    if fact.what.code == "ASSERTION" and any(t.endswith(".22.4.78") for t in fact.templates):
        return _SMOKING
    return concept(fact.what) or {"text": elements.words(fact.text)}


def _range(value: Coded | Quantity | str) -> dict[str, Any]:
    """A reference range with its bounds; as it is said in any case."""
    text = said(value)
    found = elements.quantity(value) if isinstance(value, Quantity) else {}
    one = {k: v for k, v in found.get("Quantity", {}).items() if k != "comparator"} if isinstance(value, Quantity) and value.sign else {}
    bound = {"low" if isinstance(value, Quantity) and ">" in value.sign else "high": one} if one else {}
    return {**found.get("Range", {}), **bound, "text": text} if text else {}


def _immunization(fact: Fact) -> dict[str, Any]:
    status = "not-done" if fact.negated or fact.status in ("aborted", "cancelled") else "completed"
    amount = simple(fact.detail("dose"))
    return {
        "resourceType": "Immunization", "status": status, "vaccineCode": concept(fact.what) or {}, **({"occurrenceDateTime": fact.time.start} if fact.time.start else {"occurrenceString": "not said"}), "primarySource": False,
        **({"lotNumber": lot} if (lot := said(fact.detail("lot"))) else {}), **({"site": site[0]} if (site := concepts(fact, "site")) else {}), **({"route": route[0]} if (route := concepts(fact, "route")) else {}),
        **({"doseQuantity": amount} if amount else {}), **({"statusReason": why[0]} if status == "not-done" and (why := concepts(fact, "reason")) else {}), **({"manufacturer": {"display": by[0]}} if (by := texts(fact, "maker")) else {}),
        **({"performer": [{"actor": {"display": w}} for w in people]} if (people := texts(fact, "performer")) else {}), **({"reasonCode": for_} if (for_ := concepts(fact, "indication")) else {}), **notes(fact),
    }  # fmt: skip


def _procedure(fact: Fact) -> dict[str, Any]:
    status = "not-done" if fact.negated else {"completed": "completed", "active": "in-progress", "aborted": "stopped", "cancelled": "not-done"}.get(fact.status, "unknown")
    return {"resourceType": "Procedure", "status": status, "code": concept(fact.what) or {}, **when("performed", fact.time), **({"bodySite": site} if (site := concepts(fact, "site")) else {}),
            **({"performer": [{"actor": {"display": w}} for w in people]} if (people := texts(fact, "performer")) else {}), **({"reasonCode": why} if (why := concepts(fact, "indication", "reason")) else {}), **notes(fact)}  # fmt: skip


_MAKES: Final[Mapping[str, Any]] = {
    "allergy": _allergy, "problem": _problem, "medication": _medication, "result": _observation, "vital": _observation, "social": _observation, "immunization": _immunization, "procedure": _procedure,
    "assessment": _observation, "report": mappingcare.report, "dispense": mappingcare.dispense, "encounter": mappingcare.visit, "plan": mappingcare.planned, "goal": mappingcare.goal, "team": mappingcare.team, "relative": mappingcare.relative, "device": mappingcare.device,
    "coverage": mappingcare.coverage, "risk": mappingcare.risk, "note": mappingnotes.note, "instruction": mappingnotes.instruction,
}  # fmt: skip


def words_of(fact: Fact) -> str:
    """What it says beside its name, in one line."""
    if fact.kind == "medication":
        parts = [dosage(fact), f"since {fact.time.start[:10]}" if fact.time.start else "", fact.status if ended(fact) else ""]
    elif fact.kind == "allergy":
        parts = [", ".join(said(v) for k, v in fact.details if k == "reaction"), ", ".join(dict.fromkeys(said(v) for k, v in fact.details if k in ("severity", "severity of it"))), "resolved" if ended(fact) else ""]
    elif fact.kind == "problem":
        parts = [f"since {fact.time.start[:10]}" if fact.time.start else "", "resolved" if ended(fact) else ""]
    else:
        parts = [said_of(fact), mappingcare.says(fact), fact.time.start[:10]]
    return ", ".join(filter(None, (*parts, "not so: refuted" if denying.refuted(fact) else "")))
