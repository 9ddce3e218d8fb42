"""What is left of a resource, one rule at a time: what stays beside what goes."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate.bases import CONFIDENTIALITY, INLINE
from sojourn.gate.labels import LAW
from sojourn.gate.visible import Sight, is_stripped, resource, visible
from tests.gate.worlds import ACT_CODE, HIDDEN, PERMITTED, SEEN, label

ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
ALL = Sight(PERMITTED, frozenset(), strip=False)
HELD = Sight(PERMITTED, frozenset({"Condition/secret"}), strip=False)
STRIPPED = Sight(PERMITTED, frozenset(), strip=True)
NO_WORDS = {"extension": [label(HIDDEN)]}


@pytest.mark.parametrize(
    ("kind", "value", "left"),
    [
        # A primitive without a value stays for what is said of it.
        ("Patient", {"gender": "male", "_birthDate": {"extension": [ABSENT]}}, {"gender": "male", "_birthDate": {"extension": [ABSENT]}}),
        ("Patient", {"gender": "male", "_birthDate": {"extension": [label(SEEN), ABSENT]}}, {"gender": "male", "_birthDate": {"extension": [label(SEEN), ABSENT]}}),
        ("Patient", {"gender": "male", "birthDate": "2000", "_birthDate": {"extension": [label(SEEN)]}}, {"gender": "male", "birthDate": "2000", "_birthDate": {"extension": [label(SEEN)]}}),
        # An object of which only its label and id are left says nothing; with anything else it stays.
        ("Observation", {"code": {"text": "a"}, "status": "final", "component": [{"id": "c", "extension": [label(SEEN)], "code": {"text": "x", "coding": [{"code": "y", **NO_WORDS}]}}]},
         {"code": {"text": "a"}, "status": "final", "component": [{"id": "c", "extension": [label(SEEN)], "code": {"text": "x"}}]}),
        ("CodeableConcept", {"id": "c", "extension": [label(SEEN)], "coding": [{"code": "y", **NO_WORDS}]}, None),
        ("CodeableConcept", {"extension": [label(SEEN)], "coding": [{"code": "y", **NO_WORDS}]}, None),
        ("CodeableConcept", {"id": "c", "coding": [{"code": "y", **NO_WORDS}]}, None),
        ("CodeableConcept", {"extension": [ABSENT], "coding": [{"code": "y", **NO_WORDS}]}, {"extension": [ABSENT]}),
        ("CodeableConcept", {"extension": [label(SEEN), ABSENT], "coding": [{"code": "y", **NO_WORDS}]}, {"extension": [label(SEEN), ABSENT]}),
        ("CodeableConcept", {"extension": [label(SEEN)], "text": "a", "coding": [{"code": "y", **NO_WORDS}]}, {"extension": [label(SEEN)], "text": "a"}),
        # An extension needs a value or extensions of its own.
        ("Extension", {"url": "u", "_valueString": {"extension": [ABSENT]}}, {"url": "u", "_valueString": {"extension": [ABSENT]}}),
        ("Extension", {"url": "u", "valueString": "v", "_valueString": {"extension": [label(HIDDEN)]}}, None),
        ("Extension", {"url": "u", "extension": [{"url": "v", "valueString": "w", "_valueString": {"extension": [label(HIDDEN)]}}]}, None),
        ("Extension", {"url": "u", "extension": [{"url": "v", "valueString": "w"}]}, {"url": "u", "extension": [{"url": "v", "valueString": "w"}]}),
        # Lists of primitives, their siblings beside them.
        ("HumanName", {"family": "F", "given": ["A", "B"], "_given": [{"extension": [label(HIDDEN)]}, {"extension": [label(HIDDEN)]}]}, {"family": "F"}),
        ("HumanName", {"family": "F", "given": ["A", "B"], "_given": [None, {"extension": [label(HIDDEN)]}]}, {"family": "F", "given": ["A"]}),
        ("HumanName", {"family": "F", "given": [None, "B"], "_given": [{"extension": [ABSENT]}, {"extension": [label(HIDDEN)]}]}, {"family": "F", "_given": [{"extension": [ABSENT]}]}),
        # What no definition names is looked into all the same.
        ("Patient", {"gender": "male", "unknown": [[{"code": "y", **NO_WORDS}], 1], "other": {"a": {"code": "y", **NO_WORDS}}}, {"gender": "male", "unknown": [[{"code": "y", **NO_WORDS}], 1]}),
    ],
)  # fmt: skip
def test_what_is_left(kind: str, value: dict[str, Any], left: Any) -> None:
    assert visible(value, kind, ALL) == left


@pytest.mark.parametrize(
    ("kind", "value", "left"),
    [
        ("Provenance", {"target": [{"reference": "Condition/secret"}, {"reference": "Condition/open"}], "recorded": "2026", "agent": [{"who": {"display": "x"}}]},
         {"target": [{"reference": "Condition/open"}], "recorded": "2026", "agent": [{"who": {"display": "x"}}]}),
        ("Provenance", {"target": [{"reference": "Condition/secret"}], "recorded": "2026", "agent": [{"who": {"display": "x"}}]}, None),
        ("Unknown", {"a": {"reference": "Condition/secret"}, "b": {"reference": "Condition/open"}, "c": {"reference": 7}}, {"b": {"reference": "Condition/open"}, "c": {"reference": 7}}),
        # A text that is no link stays, and so does one about which a code system says something alike.
        ("Patient", {"gender": "male", "identifier": [{"system": "Condition/secret", "value": "Condition/secret"}]}, {"gender": "male", "identifier": [{"system": "Condition/secret", "value": "Condition/secret"}]}),
        ("Attachment", {"url": "Condition/secret", "title": "Condition/secret"}, {"title": "Condition/secret"}),
        ("Attachment", {"url": "http://x.test/fhir/Condition/secret/_history/1", "title": "t"}, {"title": "t"}),
        ("PlanDefinition", {"status": "draft", "library": ["Condition/secret", "Library/a"]}, {"status": "draft", "library": ["Library/a"]}),
        ("PlanDefinition", {"status": "draft", "library": ["Condition/secret"], "_library": [{"id": "l"}]}, {"status": "draft"}),
    ],
)  # fmt: skip
def test_links_to_what_must_not_be_known(kind: str, value: dict[str, Any], left: Any) -> None:
    assert visible(value, kind, HELD) == left


@pytest.mark.parametrize(
    ("kind", "value", "left"),
    [
        ("Bundle.entry", {"resource": {"resourceType": "Patient", "id": "p"}}, {"resource": {"resourceType": "Patient", "id": "p"}}),
        ("Observation", {"status": "final", "code": {"text": "a"}, "contained": [{"resourceType": "Patient"}], "hasMember": [{"reference": "#x"}]}, {"status": "final", "code": {"text": "a"}}),
        ("Claim.insurance", {"sequence": 1, "focal": True, "coverage": {"display": "Plan"}}, {"sequence": 1, "focal": True, "coverage": {"type": "Coverage"}}),
        ("Encounter", {"status": "planned", "class": {"code": "AMB"}, "serviceProvider": {"display": "House"}}, {"status": "planned", "class": {"code": "AMB"}}),
        # Only references lose display and identifier; of what no definition names whatever has a `reference` is one.
        ("Coding", {"code": "a", "display": "A"}, {"code": "a", "display": "A"}),
        ("Unknown", {"reference": "Condition/a", "display": "A", "identifier": {"value": "1"}}, {"reference": "Condition/a"}),
        ("Unknown", {"code": "a", "display": "A"}, {"code": "a", "display": "A"}),
        ("", {"reference": "Condition/a", "display": "A"}, {"reference": "Condition/a"}),
        ("", {"code": "a", "display": "A"}, {"code": "a", "display": "A"}),
    ],
)  # fmt: skip
def test_what_is_always_taken_out(kind: str, value: dict[str, Any], left: Any) -> None:
    known = {"Unknown": ""}.get(kind, kind)
    assert visible(value, known, STRIPPED) == left


@pytest.mark.parametrize(
    ("name", "kind", "type_", "value", "taken"),
    [
        ("display", "Reference", "string", {}, True), ("identifier", "Reference", "Identifier", {}, True), ("reference", "Reference", "string", {}, False),
        ("display", "", "", {"reference": "Condition/a"}, True), ("display", "", "", {"code": "a"}, False), ("display", "Coding", "string", {"reference": "x"}, False),
        ("text", "Patient", "Narrative", {}, True), ("text", "Annotation", "markdown", {}, False),
        ("contained", "Patient", "Resource", {}, True), ("resource", "Bundle.entry", "Resource", {}, False), ("contained", "Unknown", "", {}, False),
    ],
)  # fmt: skip
def test_which_elements_are_always_taken_out(name: str, kind: str, type_: str, value: dict[str, Any], taken: bool) -> None:
    assert is_stripped(name, kind, type_, value) is taken


def coding(code: str, system: str = ACT_CODE, **more: Any) -> dict[str, Any]:
    return {"system": system, "code": code, **more}


BY_LAW = {"extension": [{"url": LAW, "valueUri": "x"}]}


@pytest.mark.parametrize(
    ("labels", "left"),
    [
        # Whoever sees it may see every law that it is under: R stays wherever in the list that law stands.
        ([coding("R", CONFIDENTIALITY), coding("42CFRPart2"), coding("NORELINK")], ["R", "42CFRPart2", "NORELINK"]),
        ([coding("R", CONFIDENTIALITY), coding("NORELINK"), coding("42CFRPart2")], ["R", "NORELINK", "42CFRPart2"]),
        ([coding("NORELINK"), coding("R", CONFIDENTIALITY)], ["N", "NORELINK"]),
        ([coding("NORELINK")], ["NORELINK"]),
        # A subject of which nothing is left goes, unless a law put it there.
        ([coding("MH"), coding("NORELINK")], ["NORELINK"]),
        ([coding("MH", **BY_LAW)], ["MH"]),
        ([coding("MH", extension=[{"url": "else", "valueUri": "x"}])], []),
        (["no coding", coding("NORELINK")], ["NORELINK"]),
    ],
)
def test_labels_on_the_whole_follow_what_is_left(labels: list[Any], left: list[str]) -> None:
    shown = resource({"resourceType": "Patient", "id": "p", "meta": {"versionId": "1", "security": labels}}, STRIPPED)
    assert shown is not None
    assert [c["code"] for c in shown["meta"].get("security", [])] == left
    assert ("security" in shown["meta"]) is bool(left)


def test_the_url_of_a_label_is_what_everybody_uses() -> None:
    assert label(HIDDEN)["url"] == INLINE


@pytest.mark.parametrize("value", [
    {"gender": "male", "_birthDate": {"extension": [label(SEEN)]}}, {"gender": "male", "_birthDate": {"id": "b", "extension": [label(SEEN)]}},
    {"gender": "male", "link": [{"type": "refer"}]}, {"gender": "male", "contact": [{"id": "c"}]}, {"gender": "male", "contact": []}, {"gender": "male", "contact": [{}]},
])  # fmt: skip
def test_what_was_stored_as_nobody_may_is_left_out_for_whom_all_is_looked_through_and_stays_for_others(value: dict[str, Any]) -> None:
    beside = {**value, "photo": [{"url": "x", **NO_WORDS}]}
    assert visible(value, "Patient", STRIPPED) == visible(beside, "Patient", STRIPPED) == {"gender": "male"}
    assert visible(value, "Patient", ALL) == visible(beside, "Patient", ALL) == value


def test_what_lacks_an_element_because_it_is_hidden_goes_for_everybody() -> None:
    link = {"type": "refer", "other": {"reference": "Condition/secret"}}
    assert visible({"gender": "male", "link": [link]}, "Patient", HELD) == {"gender": "male"}
    assert resource({"resourceType": "Observation", "status": "final", "_status": {"extension": [label(HIDDEN)]}, "code": {"text": "x"}}, ALL) is None


def test_a_subject_that_no_code_gives_any_more_stays_where_the_rest_is_served_as_it_is_stored() -> None:
    stored = {"resourceType": "Patient", "gender": "male", "meta": {"security": [coding("N", CONFIDENTIALITY), coding("MH")]}}
    beside = {**stored, "photo": [{"url": "x", **NO_WORDS}]}
    assert resource(stored, ALL) == resource(beside, ALL) == stored
    assert resource(stored, STRIPPED) == resource(beside, STRIPPED) != stored
