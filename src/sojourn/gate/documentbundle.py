"""What leaves as a FHIR document: a Composition over exactly the entries that leave, notice first.

https://hl7.org/fhir/R4/documents.html
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from sojourn.fhir import codec

_SECTIONS = (
    ("Problems", "11450-4", ("Condition",)),
    ("Allergies and intolerances", "48765-2", ("AllergyIntolerance",)),
    ("Medications", "10160-0", ("MedicationRequest", "MedicationStatement", "Medication")),
    ("Results and measures", "30954-2", ("Observation", "DiagnosticReport")),
    ("Plan of care", "18776-5", ("CarePlan", "Goal", "ServiceRequest")),
    ("Encounters", "46240-8", ("Encounter", "EpisodeOfCare")),
    ("Procedures", "47519-4", ("Procedure",)),
    ("Immunizations", "11369-6", ("Immunization",)),
    ("Documents", "", ("DocumentReference",)),
)
"""Title, LOINC section code of C-CDA R2.1 (https://www.hl7.org/ccdasearch/), types."""
_LOINC = "http://loinc.org"
_ID = "composition"


def composed(entries: Sequence[dict[str, Any]], *, title: str, author: dict[str, Any], day: str, base: str, identifier: str) -> dict[str, Any]:
    """A Bundle of type document: the Composition first, then every entry as it leaves. day: a FHIR date, of the document."""
    patient = next((r for r in entries if r["resourceType"] == "Patient"), None)
    sections = []
    rest = [r for r in entries if r["resourceType"] != "Patient"]
    for name, code, types in _SECTIONS:
        inside = [r for r in rest if r["resourceType"] in types]
        if inside:
            sections.append(_section(name, code, inside, base))
            rest = [r for r in rest if r not in inside]
    if rest:
        sections.append(_section("Further entries", "", rest, base))
    composition: dict[str, Any] = {
        "resourceType": "Composition", "id": _ID, "status": "final", "type": {"coding": [{"system": _LOINC, "code": "34133-9"}], "text": "Summarization of episode note"},
        **({"subject": {"reference": f"{base}/Patient/{patient['id']}"}} if patient else {}), "date": day, "author": [author], "title": title, **({"section": sections} if sections else {}),
    }  # fmt: skip
    return {
        "resourceType": "Bundle", "identifier": {"system": "urn:ietf:rfc:3986", "value": identifier}, "type": "document",
        "entry": [{"fullUrl": f"{base}/Composition/{_ID}", "resource": composition}, *({"fullUrl": f"{base}/{r['resourceType']}/{r['id']}", "resource": r} for r in entries)],
    }  # fmt: skip


def _section(title: str, code: str, inside: Sequence[dict[str, Any]], base: str) -> dict[str, Any]:
    items = "".join(f"<li>{escape(_line(r))}</li>" for r in inside)
    return {
        "title": title, **({"code": {"coding": [{"system": _LOINC, "code": code}], "text": title}} if code else {}),
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><ul>{items}</ul></div>'}, "entry": [{"reference": f"{base}/{r['resourceType']}/{r['id']}"} for r in inside],
    }  # fmt: skip


def _line(resource: dict[str, Any]) -> str:
    """An entry in one line: what it is, its value if it has one, and its day."""
    named: Any = next((resource[k] for k in ("code", "medicationCodeableConcept", "vaccineCode", "description", "type") if resource.get(k)), {})
    named = named[0] if isinstance(named, list) else named
    codings = named.get("coding", ()) if isinstance(named, dict) else ()
    what = named if isinstance(named, str) else str(named.get("text") or next((c["display"] for c in codings if c.get("display")), "") or next((c["code"] for c in codings if c.get("code")), ""))
    quantity = resource.get("valueQuantity", {})
    value = f": {quantity['value']} {quantity.get('unit', '')}".rstrip() if "value" in quantity else ""
    dates = ("onsetDateTime", "authoredOn", "effectiveDateTime", "occurrenceDateTime", "performedDateTime", "recordedDate", "startDate", "date")
    when = next((str(resource[k])[:10] for k in dates if resource.get(k)), str((resource.get("period") or {}).get("start", ""))[:10])
    return f"{what or resource['resourceType']}{value}{f' ({when})' if when else ''}"


def with_notice(body: bytes, text: str) -> bytes:
    """The document with the notice as the first section that a person reads, and beside it the copies of the consents that it rests on."""
    bundle = codec.loads(body)
    composition = bundle["entry"][0]["resource"]
    copies = [{"reference": e["fullUrl"]} for e in bundle["entry"] if e["resource"].get("resourceType") == "Consent" and "fullUrl" in e]
    said = {"title": "Notice on redisclosure", "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{escape(text)}</p></div>'}, **({"entry": copies} if copies else {})}
    composition["section"] = [said, *composition.get("section", ())]
    return codec.dumps(bundle)
