"""What labelling, redaction and merging cost for each resource that takes the slow path.

Usage: python bench/redact.py
"""

import copy
import json
import timeit
from collections.abc import Callable
from typing import Any, NamedTuple

from sojourn.fhir.codec import dumps, loads
from sojourn.gate.labels import label
from sojourn.gate.redact import merge, redact

INLINE = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
LABEL = {"url": INLINE, "valueCoding": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SDV"}}


class Program(NamedTuple):
    """An origin that is a Part 2 program."""

    part2: bool = True


PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "ana",
    "text": {"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>Ana Reyes</div>"},
    "identifier": [{"type": {"text": "MRN"}, "system": "https://ehr.example/mrn", "value": str(i)} for i in range(2)],
    "active": True,
    "name": [{"use": "official", "family": "Reyes", "given": ["Ana", "María"]}],
    "telecom": [{"system": "phone", "value": "555-0100", "use": "home"}, {"system": "email", "value": "ana@example.org"}],
    "gender": "female",
    "birthDate": "1990-01-01",
    "address": [{"line": ["1 Main Street"], "city": "Exampleville", "state": "OH"}, {"city": "Elsewhere", "extension": [LABEL]}],
    "maritalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "M"}]},
    "contact": [{"relationship": [{"text": "Sister"}], "name": {"text": "Bo"}, "telecom": [{"system": "phone", "value": "555-0101"}]}],
    "generalPractitioner": [{"reference": "Practitioner/kim", "display": "Dr. Kim"}],
}


def observation() -> dict[str, Any]:
    """A blood pressure."""
    coding = {"system": "http://loinc.org", "code": "85354-9", "display": "Blood pressure panel"}
    unit = {"unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    parts = [{"code": {"coding": [{**coding, "code": code}]}, "valueQuantity": {"value": 120, **unit}} for code in ("8480-6", "8462-4")]
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
        "code": {"coding": [coding]},
        "subject": {"reference": "Patient/ana", "display": "Ana Reyes"},
        "encounter": {"reference": "Encounter/e1"},
        "performer": [{"reference": "Practitioner/kim"}],
        "effectiveDateTime": "2026-01-01T10:00:00Z",
        "component": parts,
    }


def best(work: Callable[[], Any], number: int = 2000) -> float:
    """Microseconds of one run, the best of five series."""
    return min(timeit.repeat(work, number=number, repeat=5)) / number * 1e6


def main() -> None:
    """Print one line per resource and kind of work."""
    hidden = {"Encounter/e1", "Practitioner/other"}
    for resource in (PATIENT, observation()):
        stored = {**resource, "meta": {"security": label(resource, [Program()]).security}}
        raw = json.dumps(stored).encode()
        seen = redact(stored, permitted=2, hidden=hidden)
        assert seen is not None
        sent = {**copy.deepcopy(seen), "language": "en"}
        name = f"{resource['resourceType']}, {len(raw)} bytes"
        work: dict[str, Callable[[], Any]] = {
            "label": lambda r=resource: label(r, [Program()]),
            "redact": lambda s=stored: redact(s, permitted=2, hidden=hidden),
            "decode, redact, encode": lambda w=raw: dumps(redact(loads(w), permitted=2, hidden=hidden)),
            "merge a change": lambda s=stored, v=seen, u=sent: merge(s, v, u, permitted=2, hidden=hidden, strip=True),
        }
        for step, run in work.items():
            print(f"{name:26} {step:24} {best(run):8.1f} us")


if __name__ == "__main__":
    main()
