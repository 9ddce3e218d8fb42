"""Parts of resources: http://hl7.org/fhir/R4/search.html#summary and #elements."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sojourn.fhir.subset import SUBSETTED, elements, summary

ANA: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "ana",
    "meta": {"versionId": "1", "tag": [{"code": "mine"}]},
    "text": {"status": "generated", "div": "<div/>"},
    "modifierExtension": [{"url": "u", "valueCode": "x"}],
    "active": True,
    "name": [{"family": "Reyes"}],
    "deceasedBoolean": False,
    "maritalStatus": {"text": "m"},
    "contact": [{"gender": "male"}],
    "link": [{"other": {"reference": "Patient/b"}, "type": "seealso"}],
}


def names(resource: dict[str, Any]) -> set[str]:
    assert resource["meta"]["tag"][-1] == SUBSETTED
    return set(resource) - {"resourceType", "id", "meta", "modifierExtension"}


def test_a_summary_has_the_elements_of_the_summary() -> None:
    before = copy.deepcopy(ANA)
    made = summary(ANA, "true")
    assert names(made) == {"active", "name", "deceasedBoolean", "link"}
    assert made["meta"] == {"versionId": "1", "tag": [{"code": "mine"}, SUBSETTED]}
    assert before == ANA


def test_a_summary_reaches_into_backbone_elements() -> None:
    encounter = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "AMB"},
        "location": [{"location": {"reference": "Location/1"}, "status": "active"}],
        "participant": [{"individual": {"reference": "Practitioner/1"}, "period": {"start": "2026"}}],
    }
    assert summary(encounter, "true")["participant"] == [{"individual": {"reference": "Practitioner/1"}}]
    assert "location" not in summary(encounter, "true")


def test_text_is_narrative_and_what_is_required() -> None:
    assert names(summary(ANA, "text")) == {"text", "active", "deceasedBoolean", "link"}  # these change the meaning of the rest
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "text": {}, "valueString": "v"}
    assert names(summary(observation, "text")) == {"status", "code", "text"}


def test_data_is_everything_but_narrative_and_false_is_everything() -> None:
    assert names(summary(ANA, "data")) == set(ANA) - {"resourceType", "id", "meta", "modifierExtension", "text"}
    assert summary(ANA, "false") is ANA


@pytest.mark.parametrize(
    ("asked", "kept"), [(["name"], {"name"}), (["value"], {"valueQuantity"}), (["value[x]"], {"valueQuantity"}), (["nothing"], set())]
)
def test_elements_keeps_what_is_asked_and_what_is_required(asked: list[str], kept: set[str]) -> None:
    resource = {
        "resourceType": "Observation",
        "name": 1,
        "status": "final",
        "_status": {"id": "s"},
        "code": {"text": "x"},
        "valueQuantity": {"value": 1},
        "note": [{"text": "n"}],
    }
    assert names(elements(resource, asked)) == {"status", "_status", "code"} | kept


def test_asking_again_marks_it_once() -> None:
    assert elements(summary(ANA, "true"), ["name"])["meta"]["tag"] == [{"code": "mine"}, SUBSETTED]
