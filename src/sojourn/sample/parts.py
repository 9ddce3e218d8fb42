"""Small FHIR data types, written briefly: codings, concepts, quantities, periods, attachments."""

from __future__ import annotations

import base64
from datetime import date, datetime
from html import escape
from typing import Any

from sojourn.sample.localtime import iso

Json = dict[str, Any]

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
R4 = "http://hl7.org/fhir/StructureDefinition/"
HL7 = "http://terminology.hl7.org/CodeSystem/"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
CVX = "http://hl7.org/fhir/sid/cvx"
NUCC = "http://nucc.org/provider-taxonomy"
UCUM = "http://unitsofmeasure.org"
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
US_CORE_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
BASE = "https://riverbend.example.org/"
LOCAL = BASE + "fhir/CodeSystem/"


def coding(system: str, code: str, display: str | None = None) -> Json:
    """Return a Coding."""
    made = {"system": system, "code": code}
    return made | {"display": display} if display else made


def concept(text: str | None, *codes: tuple[str, str]) -> Json:
    """Return a CodeableConcept with our own words as text and the codes as facts."""
    made: Json = {"coding": [coding(*code) for code in codes]} if codes else {}
    return made | {"text": text} if text else made


def hl7(system: str, code: str, display: str | None = None) -> Json:
    """Return a CodeableConcept with one code of an HL7 terminology system."""
    return {"coding": [coding(HL7 + system, code, display)]}


def ref(reference: str, display: str | None = None) -> Json:
    """Return a literal Reference ('Type/id')."""
    return {"reference": reference, "display": display} if display else {"reference": reference}


def quantity(value: float, unit: str, code: str | None = None) -> Json:
    """Return a Quantity in a UCUM unit."""
    return {"value": value, "unit": unit, "system": UCUM, "code": code or unit}


def period(start: date | datetime, end: date | datetime | None = None) -> Json:
    """Return a Period, open when it has not ended."""
    made = {"start": moment(start)}
    return made | {"end": moment(end)} if end else made


def moment(value: date | datetime) -> str:
    """Return a date as a date and a time as a dateTime with its offset."""
    return iso(value) if isinstance(value, datetime) else value.isoformat()


def text_attachment(title: str, body: str, made: datetime) -> Json:
    """Return an Attachment that carries plain text in itself."""
    return {
        "contentType": "text/plain",
        "data": base64.b64encode(body.encode()).decode(),
        "title": title,
        "creation": iso(made),
    }


def narrative(*paragraphs: str) -> Json:
    """Return a generated Narrative of paragraphs."""
    inside = "".join(f"<p>{escape(p, quote=False)}</p>" for p in paragraphs)
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>'}


def extension(url: str, **value: Any) -> Json:
    """Return a simple Extension: extension(url, valueCode='x')."""
    return {"url": url, **value}
