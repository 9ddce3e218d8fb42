"""Which codes of their own in what came from outside want a map, and pieces of a release. No database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from sojourn.gate.vocabulary import loading
from sojourn.gate.vocabulary.local import TARGETS, wanting
from sojourn.wire.vocabulary.model import ICD10CM, LOINC, RXNORM, SNOMED, Concept, Edge, Part

LAB = "urn:oid:1.2.3"


def coding(system: str = LAB, code: str = "GLU", **more: str) -> dict[str, str]:
    return {"system": system, "code": code, **more}


def observation(*codings: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "code": {"coding": list(codings), **more}}


@pytest.mark.parametrize(
    ("type_", "element", "target"),
    [("Observation", "code", LOINC), ("DiagnosticReport", "code", LOINC), ("Condition", "code", ICD10CM), ("MedicationStatement", "medicationCodeableConcept", RXNORM)],
)
def test_of_each_type_its_code_wants_the_system_that_everybody_understands(type_: str, element: str, target: str) -> None:
    assert TARGETS[type_] == (element, target)
    concept = {"coding": [coding(display="Glucose")]}
    (one,) = wanting([{"resourceType": type_, element: concept}])
    assert one == (LAB, "GLU", target, "Glucose", concept)
    assert not list(wanting([{"resourceType": type_, element: {"coding": [coding(), coding(target, "1-8")]}}])), "it has one already"


@pytest.mark.parametrize(
    "resource",
    [
        {}, {"resourceType": "Patient", "code": {"coding": [coding()]}}, {"resourceType": "Observation"}, {"resourceType": "Observation", "code": "GLU"}, observation(), {"resourceType": "Observation", "code": {}},
        observation({"system": LAB}), observation({"code": "GLU"}), observation(coding("")), observation(coding(SNOMED, "1")), observation(coding("http://hl7.org/fhir/sid/icd-9-cm")),
        observation(coding("http://www.ama-assn.org/go/cpt")), observation(coding("https://sojourn.example/fhir/CodeSystem/care")),
    ],
)  # fmt: skip
def test_what_has_no_code_of_somebodys_own_wants_nothing(resource: dict[str, Any]) -> None:
    assert not list(wanting([resource]))


def test_each_code_of_each_resource_is_named_by_itself_and_by_the_words_beside_it_only_where_asked() -> None:
    some = [observation(coding(), coding(code="B", display="Of B"), coding(SNOMED, "1"), text="Sugar"), {}, observation(coding(code="C"))]
    assert [(one.code, one.name) for one in wanting(some)] == [("GLU", ""), ("B", "Of B"), ("C", "")]
    assert [(one.code, one.name) for one in wanting(some, worded=True)] == [("GLU", "Sugar"), ("B", "Of B"), ("C", "")]


def parts() -> Iterator[Part]:
    yield from (Concept(str(n), f"The {n}.") for n in range(5))
    yield from (Edge("1", str(n)) for n in range(2, 5))
    yield Concept("9", "The last.")


def test_a_release_comes_in_pieces_of_one_kind_and_is_known_by_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_PIECE", 2)
    whole = sha256()
    made = list(loading._pieces(parts(), whole))
    assert [len(piece) for piece in made] == [2, 2, 1, 2, 1, 1]
    assert [part for piece in made for part in piece] == list(parts())
    assert all(len({type(part) for part in piece}) == 1 for piece in made)
    other, again = sha256(), sha256()
    list(loading._pieces(iter([*parts(), Concept("10", "")]), other))
    list(loading._pieces(parts(), again))
    assert whole.digest() == again.digest() != other.digest()
    assert not list(loading._pieces(iter(()), whole))


def test_a_part_is_kept_in_json() -> None:
    plain = loading._plain(Concept("1", "One", since=date(2026, 1, 2), names=("Uno",)))
    assert (plain["code"], plain["display"], plain["since"], plain["until"], plain["names"], plain["replaced"]) == ("1", "One", "2026-01-02", None, ["Uno"], [])
    assert loading._plain(Edge("1", "2")) == {"parent": "1", "child": "2"}
