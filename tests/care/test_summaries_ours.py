"""What we write as C-CDA, taken in by our own import: the same coded facts, valid FHIR, and what stays in the document is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from sojourn.care.summaries import mapping
from sojourn.fhir.validate import validate
from sojourn.wire.ccda.reader import read
from sojourn.wire.ccda.writer import KINDS, write
from tests.effort import THOROUGH
from tests.wire.charts import Invented, Json, clients
from tests.wire.test_ccda_writer import HEADING

CHARTS = [*clients(6 if THOROUGH else 1, 30 if THOROUGH else 8), *(Invented(n).chart() for n in range(40 if THOROUGH else 3))]
LISTS = {"AllergyIntolerance": "code", "Condition": "code", "Immunization": "vaccineCode", "Procedure": "code", "MedicationRequest": "medicationCodeableConcept", "MedicationStatement": "medicationCodeableConcept", "Observation": "code"}
MISTAKEN = "entered-in-error"
LEFT = {"Planned medicines and vaccines stay in the document.", "There is no place for it in the chart.", "It has no value."}
"""Why anything of a document of ours stays in it alone."""


def concepts(resources: list[Json], types: tuple[str, ...]) -> Counter[frozenset[tuple[str, str]]]:
    """How often each set of codes is there; what has words alone is left to the reader's own tests."""
    found = (resource[LISTS[resource["resourceType"]]] for resource in resources if resource["resourceType"] in types and LISTS[resource["resourceType"]] in resource)
    return Counter(codes for concept in found if (codes := frozenset((c["system"], c["code"]) for c in concept.get("coding", ()) if c.get("code"))))


def told(chart: list[Json]) -> Iterator[Json]:
    """What a chart says, also that something is not so or that nothing is known."""
    for resource in chart:
        if MISTAKEN in {resource.get("status"), *(c["code"] for c in resource.get("verificationStatus", {}).get("coding", ()))}:
            continue
        yield resource


def refuted(resources: list[Json]) -> Counter[frozenset[tuple[str, str]]]:
    return concepts([r for r in resources if any(c["code"] == "refuted" for c in r.get("verificationStatus", {}).get("coding", ()))], ("AllergyIntolerance", "Condition"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_of_ours_taken_in_gives_the_same_coded_facts(kind: str) -> None:
    compared = denied = 0
    for chart in CHARTS:
        mapped = mapping.of(read(write(kind, chart, HEADING)), "p1")
        assert all((m.resource is None) == bool(m.why) for m in mapped), "what is not taken in says why"
        assert {m.why for m in mapped if m.why} <= LEFT, "and marks of privacy are none of it"
        made: list[Any] = [m.resource for m in mapped if m.resource]
        assert [i for r in made for i in validate(r) if i.severity in ("error", "fatal")] == []
        asked = list(told(chart))
        assert refuted(made) == refuted(asked)
        denied += refuted(asked).total()
        for type_ in ("AllergyIntolerance", "Condition", "Procedure", "Immunization"):
            wanted, got = concepts(asked, (type_,)), concepts(made, (type_,))
            assert wanted - got == Counter(), type_
            compared += wanted.total()
        for type_, as_ in (("MedicationRequest", ("MedicationStatement", "MedicationRequest")), ("Observation", ("Observation",))):
            wanted, got = concepts([r for r in asked if r["resourceType"] != "Observation" or any(k.startswith("value") for k in r)], (type_,)), concepts(made, as_)
            assert wanted - got == Counter(), type_
            compared += wanted.total()
    assert compared > 50
    assert denied > 0
