"""What a document holds beyond what search parameters say, element by element."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.fhir.definitions import RESOURCE_TYPES
from sojourn.gate import holding


def composition(*sections: Any) -> dict[str, Any]:
    return {"resourceType": "Composition", "section": list(sections)}


def entry(*targets: Any) -> list[Any]:
    return [{"reference": t} for t in targets]


@pytest.mark.parametrize(
    ("resource", "held"),
    [
        (composition({"entry": entry("Condition/a")}), []),  # a search parameter says these
        (composition({"section": [{"entry": entry("Condition/a", "Observation/b")}]}), ["Condition/a", "Observation/b"]),
        (composition({"section": [{"section": [{"entry": entry("Condition/a")}]}, {"entry": entry("Condition/c")}]}), ["Condition/a", "Condition/c"]),
        (composition({"section": [{"entry": entry("Condition/a")}]}, {"section": [{"entry": entry("Condition/a", "Goal/d")}]}), ["Condition/a", "Goal/d"]),
        (composition({"section": [{"entry": entry("Condition/a/_history/2")}]}), ["Condition/a"]),
        (composition({"section": [{"entry": [{"reference": 5}, {"display": "words"}, "words", {"reference": "https://elsewhere.example/x"}]}]}), []),
        (composition("words", {"section": "words"}, {"section": ["words", {"entry": entry("Condition/a")}]}), ["Condition/a"]),
        ({"resourceType": "Composition"}, []),
        ({"resourceType": "Composition", "section": {"section": [{"entry": entry("Condition/a")}]}}, []),
        ({"resourceType": "DocumentReference", "content": [{"attachment": {"url": "Binary/a"}}, {"attachment": {"url": "Binary/b"}}, {"attachment": {"url": "Binary/a"}}]}, ["Binary/a", "Binary/b"]),
        ({"resourceType": "DocumentReference", "content": [{"attachment": "words"}, "words", {"attachment": {"data": "aGVsbG8="}}, {"attachment": {"url": 4}}]}, []),
        ({"resourceType": "DocumentReference"}, []),
        ({"resourceType": "Binary", "securityContext": {"reference": "Patient/a"}}, ["Patient/a"]),
        ({"resourceType": "Binary", "securityContext": "words"}, []),
        ({"resourceType": "Binary"}, []),
        ({"resourceType": "Observation", "section": [{"section": [{"entry": entry("Condition/a")}]}], "content": [{"attachment": {"url": "Binary/a"}}], "securityContext": {"reference": "Patient/a"}}, []),
    ],
)  # fmt: skip
def test_what_each_kind_of_document_holds(resource: dict[str, Any], held: list[str]) -> None:
    assert holding.contents(resource) == held


def test_who_asks_only_of_what_may_hold_something_asks_of_all_of_it() -> None:
    one = {"section": [{"section": [{"entry": entry("Condition/a")}]}], "content": [{"attachment": {"url": "Binary/a"}}], "securityContext": {"reference": "Patient/a"}}
    assert {t for t in RESOURCE_TYPES if holding.contents({"resourceType": t, **one})} == holding.HOLDERS
