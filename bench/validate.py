"""What validation costs: microseconds per resource, parsing included, best of several rounds.

    python -m bench.validate [--rounds N] [FILE ...]

Without files it measures resources of its own making: a Patient and an Observation of about 1 kB,
with and without US Core, and a Bundle of 100 entries.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from sojourn.fhir.codec import loads
from sojourn.fhir.validate import validate

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
OMB = "urn:oid:2.16.840.1.113883.6.238"


def patient() -> dict[str, Any]:
    """A Patient of about 1 kB."""
    return {
        "resourceType": "Patient",
        "id": "p1",
        "meta": {"versionId": "1", "lastUpdated": "2024-05-01T12:00:00.123Z"},
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Jane Doe</p></div>'},
        "identifier": [{"use": "usual", "system": "http://hospital.example.org/mrn", "value": "12345"}],
        "active": True,
        "name": [{"use": "official", "family": "Doe", "given": ["Jane", "Q"]}],
        "telecom": [{"system": "phone", "value": "555-1212", "use": "home", "rank": 1}],
        "gender": "female",
        "birthDate": "1974-12-25",
        "deceasedBoolean": False,
        "address": [{"use": "home", "line": ["1 Main St"], "city": "Boston", "state": "MA", "postalCode": "02101", "period": {"start": "2010-01-01"}}],
        "contact": [
            {
                "relationship": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0131", "code": "N"}]}],
                "name": {"family": "Doe", "given": ["John"]},
            }
        ],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en-US"}]}, "preferred": True}],
        "managingOrganization": {"reference": "Organization/o1"},
    }


def us_core_patient() -> dict[str, Any]:
    """The same with race and ethnicity, claiming the US Core profile."""
    parts = [{"url": "ombCategory", "valueCoding": {"system": OMB, "code": "2106-3"}}, {"url": "text", "valueString": "White"}]
    origin = [{"url": "ombCategory", "valueCoding": {"system": OMB, "code": "2186-5"}}, {"url": "text", "valueString": "Not Hispanic"}]
    return {
        **patient(),
        "meta": {"profile": [US_CORE + "us-core-patient"]},
        "extension": [{"url": US_CORE + "us-core-race", "extension": parts}, {"url": US_CORE + "us-core-ethnicity", "extension": origin}],
    }


def observation() -> dict[str, Any]:
    """A laboratory Observation."""
    category = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "category": [category],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2339-0"}], "text": "Glucose"},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2024-02-29T10:11:12Z",
        "valueQuantity": {"value": 72.5, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"},
        "referenceRange": [{"low": {"value": 70, "unit": "mg/dL"}, "high": {"value": 110, "unit": "mg/dL"}}],
    }


def us_core_observation() -> dict[str, Any]:
    """The same, claiming the US Core profile of laboratory results."""
    return {**observation(), "meta": {"profile": [US_CORE + "us-core-observation-lab"]}}


def bundle() -> dict[str, Any]:
    """A search result of 100 entries, half Patients and half Observations."""
    entries = []
    for number in range(100):
        resource = {**(patient() if number % 2 else observation()), "id": f"r{number}"}
        url = f"https://fhir.example.org/{resource['resourceType']}/r{number}"
        entries.append({"fullUrl": url, "resource": resource, "search": {"mode": "match"}})
    return {"resourceType": "Bundle", "type": "searchset", "total": 100, "entry": entries}


MADE: dict[str, Callable[[], dict[str, Any]]] = {
    "Patient": patient,
    "Patient, US Core": us_core_patient,
    "Observation": observation,
    "Observation, US Core lab": us_core_observation,
    "Bundle of 100": bundle,
}


def microseconds(work: Callable[[], Any], rounds: int) -> float:
    """The least time that one call took on average over short runs, so that a busy machine matters little."""
    work()
    started = perf_counter()
    work()
    calls = max(1, min(200, int(0.005 / (perf_counter() - started))))
    best = float("inf")
    for _ in range(rounds):
        started = perf_counter()
        for _ in range(calls):
            work()
        best = min(best, (perf_counter() - started) / calls)
    return best * 1e6


def main() -> None:
    """Print a line for each resource."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("files", nargs="*", type=Path)
    given = parser.parse_args()
    texts = {path.name: path.read_bytes() for path in given.files}
    texts = texts or {name: json.dumps(make()).encode() for name, make in MADE.items()}
    gc.collect()
    gc.freeze()  # as the server does: what is loaded at start is not looked at again by each collection
    print(f"{'resource':28} {'bytes':>7} {'parse us':>9} {'validate us':>12} {'together us':>12}  errors")
    for name, text in texts.items():
        resource = loads(text)
        parse = microseconds(lambda text=text: loads(text), given.rounds)
        check = microseconds(lambda resource=resource: validate(resource), given.rounds)
        both = microseconds(lambda text=text: validate(loads(text)), given.rounds)
        print(f"{name[:28]:28} {len(text):7} {parse:9.1f} {check:12.1f} {both:12.1f}  {len(validate(resource))}")


if __name__ == "__main__":
    main()
