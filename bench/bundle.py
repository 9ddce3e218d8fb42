"""How long it takes to assemble a searchset and to read a transaction of 20 entries.

Usage: python bench/bundle.py
"""

import json
import timeit
import uuid
from collections.abc import Callable
from typing import Any

from sojourn.fhir.bundle import Links, in_order, take_apart
from sojourn.fhir.bundles import Answer, responses, searchset
from sojourn.fhir.codec import loads

PATIENT = f"urn:uuid:{uuid.UUID(int=1)}"


def observation(number: int) -> dict[str, Any]:
    """A vital sign of ordinary size, with two references to other entries."""
    coding = {"system": "http://loinc.org", "code": "85354-9", "display": "Blood pressure panel"}
    unit = {"unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    parts = [{"code": {"coding": [{**coding, "code": code}]}, "valueQuantity": {"value": 120, **unit}} for code in ("8480-6", "8462-4")]
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
        "code": {"coding": [coding]},
        "subject": {"reference": PATIENT},
        "encounter": {"reference": f"urn:uuid:{uuid.UUID(int=2)}"},
        "performer": [{"reference": "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1"}],
        "effectiveDateTime": f"2026-01-{number + 1:02}T10:00:00Z",
        "component": parts,
    }


def transaction() -> dict[str, Any]:
    """A patient, an encounter and 18 observations."""
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "name": [{"family": "Reyes", "given": ["Ana"]}], "gender": "female", "birthDate": "1990-01-01"},
        {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "subject": {"reference": PATIENT}},
        *map(observation, range(18)),
    ]
    entries = [
        {
            "fullUrl": f"urn:uuid:{uuid.UUID(int=number)}",
            "resource": resource,
            "request": {"method": "POST", "url": resource["resourceType"]},
        }
        for number, resource in enumerate(resources, 1)
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def read(raw: bytes) -> Callable[[], None]:
    """The whole work on a decoded transaction; each run gets one of its own."""
    copies = iter([loads(raw) for _ in range(6000)])

    def run() -> None:
        entries = take_apart(next(copies))
        links = Links(entries)
        assigned = {entry.full_url: f"{entry.type}/id{entry.index}" for entry in in_order(entries)}
        links.rewrite(assigned, dict.fromkeys(links.conditional, "Practitioner/1"))

    return run


def best(work: Callable[[], Any], number: int = 1000) -> float:
    """Microseconds of one run, the best of five series."""
    return min(timeit.repeat(work, number=number, repeat=5)) / number * 1e6


def main() -> None:
    """Print one line per measurement."""
    body = json.dumps(observation(1)).encode()
    hits = [(f"Observation/{uuid.UUID(int=i)}", body, "match") for i in range(20)]
    links = [("self", "http://localhost:8000/fhir/Observation?patient=1"), ("next", "http://localhost:8000/fhir/Observation?page=x")]
    answers = [Answer("201 Created", f"Patient/{i}", body, f"Patient/{i}/_history/1", 'W/"1"', "2026-01-01T00:00:00Z") for i in range(20)]
    print(f"searchset of 20          {best(lambda: searchset('http://localhost:8000/fhir/', hits, links)):8.1f} us")
    print(f"transaction-response, 20 {best(lambda: responses('transaction-response', 'http://localhost:8000/fhir/', answers)):8.1f} us")
    print(f"transaction of 20, read  {best(read(json.dumps(transaction()).encode())):8.1f} us")


if __name__ == "__main__":
    main()
