"""A resource in words for paper: what it is, of when, and what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

TITLES: Final = {
    "Patient": "Who they are", "Condition": "Problems", "AllergyIntolerance": "Allergies", "MedicationRequest": "Medications", "MedicationStatement": "Medications as told",
    "Observation": "Measures and results", "DiagnosticReport": "Reports", "DocumentReference": "Documents", "Encounter": "Visits", "EpisodeOfCare": "Stays in programs", "CarePlan": "Care plans",
    "CareTeam": "Care teams", "Goal": "Goals", "Procedure": "Procedures", "Immunization": "Immunizations", "Coverage": "Coverage", "ServiceRequest": "Orders and referrals",
    "QuestionnaireResponse": "Answered forms", "RelatedPerson": "Family and contacts", "Appointment": "Appointments", "Communication": "Messages and statements", "Consent": "Consents that this rests on",
    "ClinicalImpression": "Assessments", "RiskAssessment": "Risk", "Provenance": "Signatures", "Flag": "Safety",
}  # fmt: skip
_WHEN: Final = ("effectiveDateTime", "authoredOn", "authored", "onsetDateTime", "performedDateTime", "occurrenceDateTime", "recordedDate", "startDate", "start", "date", "dateTime", "created", "sent", "recorded")
_NAMED: Final = ("code", "medicationCodeableConcept", "vaccineCode", "type", "serviceType", "category", "title", "description", "class")


def title(kind: str) -> str:
    """What a resource type is called on paper."""
    return TITLES.get(kind, kind)


def concept(value: Any) -> str:
    """A coded value in words, or in its code where nothing else is there."""
    if isinstance(value, list):
        return concept(value[0]) if value else ""
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        return ""
    codings = [c for c in value.get("coding", ()) if isinstance(c, Mapping)]
    return str(value.get("text") or next((c["display"] for c in codings if c.get("display")), "") or value.get("display") or next((c["code"] for c in codings if c.get("code")), "") or value.get("code") or "")


def day(resource: Mapping[str, Any]) -> str:
    """The day that it is of, from and to where it is a span."""
    period = next((resource[k] for k in ("period", "performedPeriod", "effectivePeriod") if isinstance(resource.get(k), Mapping)), {}) or (resource.get("context") or {}).get("period") or {}
    if period.get("start"):
        start, end = str(period["start"])[:10], str(period.get("end", ""))[:10]
        return start if not end or end == start else f"{start} to {end}"
    return str(next((resource[k] for k in _WHEN if resource.get(k)), ""))[:10]


def name(resource: Mapping[str, Any]) -> str:
    """A person's name, given before family."""
    found = next((n for n in resource.get("name", ()) if isinstance(n, Mapping)), {})
    return " ".join([*map(str, found.get("given", ())), str(found.get("family", ""))]).strip() or str(found.get("text", ""))


def headline(resource: Mapping[str, Any]) -> str:
    """What it is and of when, in one line."""
    if resource["resourceType"] in ("Patient", "RelatedPerson"):
        return f"{name(resource)}, born {resource.get('birthDate', 'unknown')}"
    what = _what(resource)
    value = said_value(resource)
    when = day(resource)
    return f"{what}{': ' + value if value else ''}{f' ({when})' if when else ''}"


def _what(resource: Mapping[str, Any]) -> str:
    """What it is called. A consent by no code of its form: on paper that says nothing to anybody."""
    if resource["resourceType"] == "Consent":
        return "Consent"
    return next((said for key in _NAMED if (said := concept(resource.get(key)))), title(str(resource["resourceType"])))


def said_value(resource: Mapping[str, Any]) -> str:
    """The value of an Observation or of an answer."""
    quantity = resource.get("valueQuantity")
    if isinstance(quantity, Mapping) and "value" in quantity:
        return f"{quantity.get('comparator', '')}{quantity['value']} {quantity.get('unit', '')}".strip()
    for key in ("valueString", "valueInteger", "valueDecimal", "valueDateTime", "valueDate", "valueTime"):
        if key in resource:
            return str(resource[key])
    if "valueBoolean" in resource:
        return "yes" if resource["valueBoolean"] else "no"
    return concept(resource.get("valueCodeableConcept") or resource.get("valueCoding"))


def lines(resource: Mapping[str, Any]) -> Iterator[str]:
    """What else it says, a line each."""
    status = concept(resource.get("clinicalStatus")) or concept(resource.get("lifecycleStatus")) or str(resource.get("status", ""))
    if status:
        yield f"Status: {status}"
    for address in resource.get("address", ()) if isinstance(resource.get("address"), list) else ():
        said = str(address.get("text", "")) or ", ".join(filter(None, [*address.get("line", ()), address.get("city", ""), address.get("state", ""), address.get("postalCode", "")]))
        yield f"Address: {said}"
    for part in resource.get("component", ()):
        yield f"{concept(part.get('code'))}: {said_value(part)}"
    for dose in resource.get("dosageInstruction", resource.get("dosage", ())):
        if isinstance(dose, Mapping) and dose.get("text"):
            yield f"Dose: {dose['text']}"
    for key in ("conclusion", "summary", "comment", "patientInstruction"):
        if isinstance(resource.get(key), str):
            yield str(resource[key])
    if (described := concept(resource.get("description"))) and described != _what(resource):
        yield described
    yield from _weighed(resource)
    yield from _parts(resource)
    yield from _answers(resource.get("item", ()), 0)


def _weighed(resource: Mapping[str, Any]) -> Iterator[str]:
    """What somebody needs to weigh it: how grave, how unusual, why, and how somebody reacted."""
    for label, key in (("Severity", "severity"), ("Criticality", "criticality"), ("Verified", "verificationStatus")):
        if said := concept(resource.get(key)):
            yield f"{label}: {said}"
    for label, key in (("Flag", "interpretation"), ("Reason", "reasonCode")):
        for one in resource.get(key, ()) if isinstance(resource.get(key), list) else ():
            if said := concept(one):
                yield f"{label}: {said}"
    for usual in resource.get("referenceRange", ()):
        low, high = ((usual.get(end) or {}).get("value", "") for end in ("low", "high"))
        if said := str(usual.get("text", "")) or (f"{low} to {high}" if low != "" and high != "" else f"from {low}" if low != "" else f"up to {high}" if high != "" else ""):
            yield f"Usual: {said}"
    for reaction in resource.get("reaction", ()):
        if said := "; ".join(filter(None, [*map(concept, reaction.get("manifestation", ())), str(reaction.get("severity", "")), str(reaction.get("description", ""))])):
            yield f"Reaction: {said}"


def _parts(resource: Mapping[str, Any]) -> Iterator[str]:
    for part in resource.get("payload", ()):
        if part.get("contentString"):
            yield str(part["contentString"])
    for part in resource.get("note", ()):
        if isinstance(part, Mapping) and part.get("text"):
            yield f"Note: {part['text']}"
    for part in resource.get("activity", ()):
        detail = part.get("detail") or {}
        if said := str(detail.get("description", "")) or concept(detail.get("code")):
            yield f"Activity: {said}"


def _answers(items: Any, depth: int) -> Iterator[str]:
    for item in items if isinstance(items, list) else ():
        said = "; ".join(filter(None, (said_value(a) for a in item.get("answer", ()))))
        if said or item.get("item"):
            yield "  " * depth + f"{item.get('text') or item.get('linkId', '')}{': ' + said if said else ''}"
        yield from _answers(item.get("item"), depth + 1)
        for answer in item.get("answer", ()):
            yield from _answers(answer.get("item"), depth + 1)
