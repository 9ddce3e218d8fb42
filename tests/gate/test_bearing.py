"""What a resource cannot do without: of which nothing is left for somebody, that is not counted for them."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from sojourn.fhir.shapes import shape
from sojourn.gate import bases, bearing
from sojourn.gate.labelrules import made_of
from sojourn.gate.labels import read
from sojourn.gate.redact import redact
from tests.gate.test_label_facts import HIV as HIV_CODE
from tests.gate.test_label_facts import part

HIV, GENETIC, VIOLENCE = (bases.bit_of(c) for c in ("HIV", "GDIS", "SDV"))
A, B, C = "Observation/a", "Observation/b", "Condition/c"


def ref(target: str, *labels: str, **more: Any) -> dict[str, Any]:
    return {"reference": target, **more, **({"extension": part(*labels)["extension"]} if labels else {})}


def provenance(*targets: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Provenance",
        "id": "p",
        "target": list(targets),
        "recorded": "2026-03-01T08:00:00Z",
        "agent": [{"who": ref("Practitioner/p")}],
        **more,
    }


def claim(*coverages: dict[str, Any]) -> dict[str, Any]:
    insurance = [{"sequence": n, "focal": True, "coverage": c} for n, c in enumerate(coverages, 1)]
    return {
        "resourceType": "Claim",
        "status": "active",
        "patient": ref("Patient/x"),
        "provider": ref("Organization/o"),
        "insurance": insurance,
    }


@pytest.mark.parametrize(
    ("resource", "edges"),
    [
        ({"resourceType": "Condition", "subject": ref("Patient/x"), "encounter": ref("Encounter/e")}, ["!0 Patient/x"]),
        ({"resourceType": "Condition", "subject": {"display": "somebody"}}, []),
        ({"resourceType": "Observation", "subject": ref("Patient/x"), "focus": [ref(A)]}, []),
        (provenance(ref(A), ref(B), ref(A)), ["!0 Observation/a", "!0 Observation/b", "!1 Practitioner/p"]),
        (
            provenance(ref(A), agent=[{"who": ref("Practitioner/p")}, {"who": ref("Practitioner/q")}]),
            ["!0 Observation/a", "!1 Practitioner/p", "!1 Practitioner/q"],
        ),
        (provenance(ref("http://sojourn.test/fhir/Observation/a/_history/7"), agent=[{"who": {"display": "a lab"}}]), ["!0 Observation/a"]),
        (provenance(ref("#here"), agent=[{}, "of no sort"]), []),
        (provenance(ref("#here"), ref(A), {"display": "a letter"}), ["!0 Observation/a", "!1 Practitioner/p"]),
        (provenance(ref(A, "HIV"), ref(B)), ["!0 Observation/b", "!1 Practitioner/p"]),
        (provenance(ref(A, "HIV"), ref(B, "GDIS")), ["!0 Observation/a", "!0 Observation/b", "!1 Practitioner/p"]),
        (claim(ref("Coverage/1"), ref("Coverage/2")), ["!0 Patient/x", "!1 Organization/o", "!2 Coverage/1", "!2 Coverage/2"]),
        (claim(ref("Coverage/1"), {"display": "pays alone"}), ["!0 Patient/x", "!1 Organization/o"]),
        (
            {"resourceType": "Linkage", "item": [{"type": "source", "resource": ref(A)}, {"type": "alternate", "resource": ref(B)}]},
            ["!0.0 Observation/a", "!0.1 Observation/b"],
        ),
        (
            {
                "resourceType": "Linkage",
                "item": [{"type": "source", "resource": ref(A)}, {"type": "alternate", "resource": {"display": "on paper"}}],
            },
            ["!0.0 Observation/a"],
        ),
        (
            {"resourceType": "Linkage", "item": [{"type": "source", "resource": ref(A)}, {"type": "alternate", "resource": ref(B, "HIV")}]},
            ["!0.0 Observation/a", "!0.1 Observation/b"],
        ),
    ],
)
def test_references_that_must_be_there_bear_it_unless_something_stands_beside_them(resource: dict[str, Any], edges: list[str]) -> None:
    assert [f"{param} {target}" for param, target in bearing.edges(resource)] == edges


def test_a_reference_that_may_be_a_code_instead_bears_it_where_it_is_one() -> None:
    order = {"resourceType": "MedicationRequest", "subject": ref("Patient/x")}
    assert [t for _, t in bearing.edges({**order, "medicationReference": ref("Medication/m")})] == ["Medication/m", "Patient/x"]
    assert [t for _, t in bearing.edges({**order, "medicationCodeableConcept": {"text": "m"}})] == ["Patient/x"]


@pytest.mark.parametrize(
    ("resource", "laws"),
    [
        (provenance(ref(A, "HIV")), HIV),
        (provenance(ref(A, "HIV"), ref(B)), 0),
        (provenance(ref(A, "HIV"), ref(B, "GDIS")), HIV | GENETIC),
        (provenance(ref(A, "HIV"), ref(B, "HIV", "GDIS")), HIV),
        (provenance(ref(A), location=ref("Location/l", "HIV")), 0),
        (provenance(ref(A), _recorded=part("SDV")), VIOLENCE),
        (provenance({"display": "a letter"}, location=ref("Location/l", "HIV")), 0),
        (provenance({"display": "a letter", "extension": part("HIV")["extension"]}), HIV),
        (provenance({"display": "a letter"}, ref(A, "HIV")), HIV),
        (provenance(ref(A), agent=[{"who": ref("Practitioner/p", "HIV")}]), HIV),
        (provenance(ref(A, "HIV"), ref(B, "GDIS"), _recorded=part("SDV")), HIV | GENETIC | VIOLENCE),
        (provenance(ref(A, "HIV"), ref(B), _recorded=part("SDV")), VIOLENCE),
        (
            {"resourceType": "Linkage", "item": [{"type": "source", "resource": ref(A)}, {"type": "alternate", "resource": ref(B, "HIV")}]},
            HIV,
        ),
    ],
)
def test_the_whole_is_under_the_laws_of_elements_without_which_nothing_is_left(resource: dict[str, Any], laws: int) -> None:
    assert bearing.laws(resource, read(resource)[1]) == laws


def test_a_law_of_the_state_on_such_an_element_is_one_of_the_whole() -> None:
    rules = made_of(laws=[("HIV", "hiv")])
    coded = {"resourceType": "Observation", "status": "final", "code": part("GDIS", code=HIV_CODE)}
    parts = read(coded, rules)[1]
    assert parts == HIV | GENETIC
    assert bearing.laws(coded, parts, rules) == HIV | GENETIC
    assert bearing.laws(coded, parts) == GENETIC


ITEMS = [
    ref(A),
    ref(B),
    {"display": "a letter"},
    ref(A, "HIV"),
    ref(B, "GDIS"),
    {"display": "an analysis", "extension": part("HIV")["extension"]},
]


@pytest.mark.parametrize("strip", [True, False])
def test_of_which_nothing_is_left_for_somebody_is_withheld_from_them(strip: bool) -> None:
    """Whatever stands in a list that must not be empty, whatever is hidden of it, and by what: a label, what it refers to, or both."""
    for targets in (t for n in (1, 2, 3) for t in product(ITEMS, repeat=n)):
        for when in ({}, {"_recorded": part("SDV")}):
            resource = provenance(*targets, **when)
            laws, edges = bearing.laws(resource, read(resource)[1]), bearing.edges(resource)
            for lacks, hidden in product(
                (0, HIV, GENETIC, HIV | GENETIC, VIOLENCE, HIV | GENETIC | VIOLENCE), ({"Nobody/1"}, {A}, {B}, {A, B})
            ):
                withheld = laws & lacks or any(all(t in hidden for p, t in edges if p == param) for param, _ in edges)
                if not withheld and any("reference" in t for t in targets):
                    shown = redact(resource, permitted=bases.ALL & ~lacks, hidden=hidden, strip=strip)
                    assert shown is not None, (targets, lacks, hidden)


def test_every_type_has_few_such_references() -> None:
    """Of each required list one name: an edge more in each row is a cost for every search."""
    assert [p.names for p in bearing._paths("Claim")] == [("patient",), ("provider",), ("insurance", "coverage")]
    assert bearing._paths("Observation") == ()
    assert shape("Provenance").members["target"].required
