"""A change by somebody who does not see everything, element by element: what stays, where, and in which form.

Found by mutation testing of gate/merging (docs/policy.md): each of these was a change to it that no other test noticed.
"""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate.redact import merge, redact
from tests.gate.worlds import ACT_CODE, HIDDEN, PERMITTED, SEEN
from tests.gate.worlds import label as inline

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
REPLACED = "https://sojourn.example/fhir/StructureDefinition/replaced-by-restricted-author"
SECRET = {"extension": [inline(HIDDEN)]}
PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "a"}
OBSERVATION: dict[str, Any] = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"}}


def after(
    sent: dict[str, Any], stored: dict[str, Any], hidden: frozenset[str] = frozenset(), *, strip: bool = True, gone: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What is stored after its author has sent what they saw, with a change."""
    seen = redact(stored, permitted=PERMITTED, hidden=hidden, strip=strip)
    assert seen is not None
    return merge(
        stored, seen, {k: v for k, v in {**seen, **sent}.items() if k not in gone}, permitted=PERMITTED, hidden=hidden, strip=strip
    )


def test_whether_its_author_is_subject_to_redaction_is_taken_as_said() -> None:
    stored = {**PATIENT, "managingOrganization": {"reference": "Organization/x", "display": "X"}}
    assert after({"gender": "female"}, stored)["managingOrganization"] == stored["managingOrganization"]
    bare = {"managingOrganization": {"reference": "Organization/x"}}
    assert after({"gender": "female", **bare}, stored, strip=False)["managingOrganization"] == bare["managingOrganization"], (
        "they saw it, and took it away"
    )
    plain = {**PATIENT, "text": {"status": "additional", "div": "<div/>"}}
    assert "text" not in after({}, plain, strip=False, gone=("text",)), "they saw it, and took it away"


# --- labels on the whole ----------------------------------------------------------------------------------------------------------


def test_labels_that_follow_from_content_are_left_to_the_labelling() -> None:
    own = {"system": ACT_CODE, "code": "PRS"}
    stored = {
        **PATIENT,
        "meta": {"security": [{"system": CONFIDENTIALITY, "code": "R"}, own, {"system": ACT_CODE, "code": "PROCESSINLINELABEL"}]},
        "address": [{"city": "x", **SECRET}],
    }
    assert after({"gender": "female"}, stored)["meta"] == {"security": [own]}
    very = {"system": CONFIDENTIALITY, "code": "V"}
    assert after({"gender": "female"}, {**stored, "meta": {"security": [very, own]}})["meta"] == {"security": [very, own]}


def test_where_no_label_is_left_there_is_no_empty_list_of_them() -> None:
    stored = {**PATIENT, "meta": {"security": [{"system": CONFIDENTIALITY, "code": "N"}]}}
    assert after({"gender": "female"}, stored) == {**PATIENT, "gender": "female"}
    assert after({"gender": "female"}, {**stored, "meta": {"versionId": "1", **stored["meta"]}})["meta"] == {"versionId": "1"}


# --- references -------------------------------------------------------------------------------------------------------------------


def test_what_a_reference_displays_stays_while_it_leads_to_the_same() -> None:
    stored = {**PATIENT, "managingOrganization": {"reference": "Organization/x", "type": "Organization", "display": "X"}}
    same = {"id": "1", "reference": "Organization/x", "type": "Organization"}
    assert after({"managingOrganization": same}, stored)["managingOrganization"] == {**same, "display": "X"}
    for other in ({"reference": "Organization/y", "type": "Organization"}, {"reference": "Organization/x"}):
        assert after({"managingOrganization": other}, stored)["managingOrganization"] == other


def test_a_reference_in_words_alone_stays_when_something_else_is_changed() -> None:
    for words in ({"display": "the clinic"}, {"identifier": {"value": "7"}}):
        stored = {**PATIENT, "managingOrganization": words}
        assert after({"gender": "female"}, stored)["managingOrganization"] == words


# --- elements that have room for one value ----------------------------------------------------------------------------------------


def test_a_value_of_another_type_takes_the_place_of_one_that_was_seen() -> None:
    stored = {**OBSERVATION, "valueString": "old"}
    assert after({"valueCodeableConcept": {"text": "new"}}, stored, gone=("valueString",)) == {
        **OBSERVATION,
        "valueCodeableConcept": {"text": "new"},
    }
    assert after({"valueInteger": 7}, stored, gone=("valueString",)) == {**OBSERVATION, "valueInteger": 7}


def test_a_value_of_another_type_keeps_the_hidden_part_of_the_one_before() -> None:
    stored = {**OBSERVATION, "valueQuantity": {"value": 1, "unit": "mg", "_unit": SECRET}}
    result = after({"valueString": "new"}, stored, gone=("valueQuantity",))
    held = {"url": REPLACED, "extension": [{"url": "value", "valueQuantity": {"unit": "mg", "_unit": SECRET}}]}
    assert result == {**OBSERVATION, "valueString": "new", "_valueString": {"extension": [held]}}


def test_a_hidden_element_of_several_parts_is_held_part_by_part() -> None:
    quantity = {"value": 3}
    request = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "x"},
        "subject": {"reference": "Patient/a"},
    }
    hidden = {**SECRET, "initialFill": {"quantity": quantity}, "numberOfRepeatsAllowed": 2, "performer": {"reference": "Organization/x"}}
    result = after({"dispenseRequest": {"numberOfRepeatsAllowed": 1}}, {**request, "dispenseRequest": hidden})
    parts = [
        inline(HIDDEN),
        {"url": "initialFill", "extension": [{"url": "quantity", "valueQuantity": quantity}]},
        {"url": "numberOfRepeatsAllowed", "valueUnsignedInt": 2},
        {"url": "performer", "valueReference": {"reference": "Organization/x"}},
    ]
    assert result["dispenseRequest"] == {
        "numberOfRepeatsAllowed": 1,
        "extension": [{"url": REPLACED, "extension": [{"url": "value", "extension": parts}]}],
    }


def test_lists_within_a_hidden_element_are_held_item_by_item() -> None:
    encounter = {"resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "IMP"}}
    hidden = {**SECRET, "specialCourtesy": [{"text": "one"}, {"text": "two"}]}
    result = after({"hospitalization": {"reAdmission": {"text": "new"}}}, {**encounter, "hospitalization": hidden})
    inner = result["hospitalization"]["extension"][0]["extension"][0]["extension"]
    assert inner == [inline(HIDDEN), *({"url": "specialCourtesy", "valueCodeableConcept": {"text": t}} for t in ("one", "two"))]
    timing = {"repeat": {**SECRET, "dayOfWeek": ["mon", "tue"], "_dayOfWeek": [None, {"id": "t"}], "frequency": 1}}
    result = after(
        {"occurrenceTiming": {"repeat": {"frequency": 2}}},
        {
            "resourceType": "ServiceRequest",
            "id": "s",
            "status": "active",
            "intent": "order",
            "subject": {"reference": "Patient/a"},
            "occurrenceTiming": {"event": ["2026"], **timing},
        },
    )
    inner = result["occurrenceTiming"]["repeat"]["extension"][0]["extension"][0]["extension"]
    assert inner == [
        inline(HIDDEN), {"url": "dayOfWeek", "valueCode": "mon"}, {"url": "dayOfWeek", "valueCode": "tue", "_valueCode": {"id": "t"}}, {"url": "frequency", "valuePositiveInt": 1},
    ]  # fmt: skip


def test_in_a_contained_resource_a_value_is_replaced_as_anywhere() -> None:
    inside = {**OBSERVATION, "valueQuantity": {"value": 1, **SECRET}, "note": [{"text": "kept"}]}
    stored = {"resourceType": "List", "id": "l", "status": "current", "mode": "working", "contained": [inside]}
    sent = {k: v for k, v in inside.items() if k != "valueQuantity"} | {"valueString": "new"}
    result = after({"contained": [sent]}, stored, strip=False)["contained"]
    assert len(result) == 1
    assert "valueQuantity" not in result[0]
    assert result[0]["valueString"] == "new"
    assert result[0]["_valueString"]["extension"][0]["extension"] == [{"url": "value", "valueQuantity": inside["valueQuantity"]}]


# --- what is left of something that was removed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "left"),
    [
        ({"gender": "male", "_gender": SECRET}, {"gender": "male", "_gender": SECRET}),
        ({"name": {"text": "Bo", **SECRET}}, {"name": {"text": "Bo", **SECRET}}),
        ({"name": {"family": "Bo", "_family": SECRET, "text": "Bo"}}, {"name": {"family": "Bo", "_family": SECRET}}),
        ({"organization": {"reference": "Organization/secret"}}, {"organization": {"reference": "Organization/secret"}}),
    ],
)
def test_of_what_was_removed_the_hidden_parts_stay_and_nothing_else(part: dict[str, Any], left: dict[str, Any]) -> None:
    stored = {**PATIENT, "contact": [{"telecom": [{"value": "555"}], "address": {"city": "x"}, **part}]}
    assert after({}, stored, frozenset({"Organization/secret"}), gone=("contact",)) == {**PATIENT, "contact": [left]}


def test_of_a_value_that_was_removed_a_hidden_extension_on_it_stays_alone() -> None:
    secret, plain = {"url": "http://example.org/x", "valueString": "s", **SECRET}, {"url": "http://example.org/y", "valueString": "p"}
    contact = {"telecom": [{"value": "555"}], "gender": "male", "_gender": {"extension": [secret, plain]}}
    assert after({}, {**PATIENT, "contact": [contact]}, gone=("contact",)) == {**PATIENT, "contact": [{"_gender": {"extension": [secret]}}]}


def test_a_label_that_its_author_may_see_holds_nothing_back() -> None:
    contact = {"telecom": [{"value": "555"}], "gender": "male", "_gender": {"extension": [inline(SEEN)]}}
    assert after({}, {**PATIENT, "contact": [contact]}, gone=("contact",)) == PATIENT


# --- contained resources ----------------------------------------------------------------------------------------------------------


def test_contained_resources_stay_when_something_else_is_changed() -> None:
    stored = {
        **PATIENT,
        "contained": [{"resourceType": "Organization", "id": "o", "name": "old"}],
        "managingOrganization": {"reference": "#o"},
    }
    for strip in (True, False):
        result = after({"gender": "female"}, stored, strip=strip)
        assert {k: v for k, v in result.items() if k != "gender"} == stored


def test_every_reference_to_a_contained_resource_of_ones_own_follows_it() -> None:
    old, new = ({"resourceType": "Organization", "id": "o", "name": name} for name in ("old", "new"))
    stored = {**PATIENT, "contained": [old, {"resourceType": "Organization", "id": "kept", "name": "k"}]}
    result = after(
        {
            "contained": [new, {"resourceType": "Organization", "id": "mine", "name": "m"}],
            "generalPractitioner": [{"reference": "#o"}, {"reference": "#mine"}],
        },
        stored,
    )
    assert [(c["id"], c["name"]) for c in result["contained"]] == [("o", "old"), ("kept", "k"), ("o-new", "new"), ("mine", "m")]
    assert result["generalPractitioner"] == [{"reference": "#o-new"}, {"reference": "#mine"}]


def test_a_changed_value_keeps_a_hidden_extension_on_it() -> None:
    secret = {"extension": [{"url": "http://example.org/x", "valueString": "s", **SECRET}]}
    assert after({"gender": "female"}, {**PATIENT, "gender": "male", "_gender": secret}) == {
        **PATIENT,
        "gender": "female",
        "_gender": secret,
    }


# --- primitives, their siblings, and lists of them --------------------------------------------------------------------------------


def test_the_order_in_which_it_was_sent_is_the_order_in_which_it_is_kept() -> None:
    stored = {**PATIENT, "gender": "male", "birthDate": "1990", "address": [{"city": "x", **SECRET}], "contact": [{"gender": "male", **SECRET}]}
    seen = redact(stored, permitted=PERMITTED, hidden=frozenset())
    assert seen is not None
    turned = {**PATIENT, "birthDate": "1990", "gender": "male"}
    assert list(merge(stored, seen, turned, permitted=PERMITTED, hidden=frozenset())) == ["resourceType", "id", "birthDate", "address", "contact", "gender"]


def test_names_in_a_list_are_changed_and_removed_beside_a_hidden_one() -> None:
    name = {"family": "Reyes", "given": ["Ana", "Luz", "Sol"], "_given": [None, SECRET, None]}
    assert after({"name": [{"family": "Reyes", "given": ["Ann", "Sol"]}]}, {**PATIENT, "name": [name]})["name"] == [{**name, "given": ["Ann", "Luz", "Sol"]}]
    assert after({"name": [{"family": "Ray", "given": ["Ana", "Sol"]}]}, {**PATIENT, "name": [name]})["name"] == [{**name, "family": "Ray"}]
    assert after({"name": [{"family": "Reyes"}]}, {**PATIENT, "name": [name]})["name"] == [{"family": "Reyes", "given": ["Luz"], "_given": [SECRET]}]
    plain = {"family": "Reyes", "given": ["Ana", "Luz"]}
    assert after({"name": [{"family": "Reyes", "given": ["Ana"]}]}, {**PATIENT, "name": [plain]})["name"] == [{"family": "Reyes", "given": ["Ana"]}]
    assert after({"name": [{"family": "Reyes"}]}, {**PATIENT, "name": [plain]})["name"] == [{"family": "Reyes"}]
    assert after({}, {**PATIENT, "name": [name]}, gone=("name",))["name"] == [{"given": ["Luz"], "_given": [SECRET]}]


def test_an_extension_that_stands_where_no_value_is_stays_when_one_is_set() -> None:
    secret = {"extension": [{"url": "http://example.org/x", "valueString": "s", **SECRET}]}
    stored = {**PATIENT, "name": [{"family": "Reyes", "_given": [secret]}]}
    result = after({"name": [{"family": "Reyes", "given": ["Ana"]}]}, stored)["name"][0]
    assert [given for given in result["given"] if given] == ["Ana"]
    assert secret in result["_given"]
    assert after({}, stored, gone=("name",)) == {**PATIENT, "name": [{"_given": [secret]}]}


def test_an_extension_is_added_to_a_value_and_taken_from_it() -> None:
    plain = {"extension": [{"url": "http://example.org/y", "valueString": "p"}]}
    assert after({"gender": "male", "_gender": plain}, {**PATIENT, "gender": "male"}) == {**PATIENT, "gender": "male", "_gender": plain}
    assert after({"gender": "female"}, {**PATIENT, "gender": "male", "_gender": plain}, gone=("_gender",)) == {**PATIENT, "gender": "female"}
    hidden = {**PATIENT, "birthDate": "1990", "_birthDate": SECRET}
    result = after({"birthDate": "2000", "_birthDate": plain}, hidden)["_birthDate"]["extension"]
    assert result[0] == plain["extension"][0]
    assert result[1]["extension"][0]["valueDate"] == "1990"


def test_a_label_on_nothing_neither_holds_a_place_nor_keeps_one() -> None:
    assert after({"gender": "female"}, {**PATIENT, "_gender": {"extension": [inline(SEEN)]}}) == {**PATIENT, "gender": "female"}
    assert after({}, {**PATIENT, "contact": [{"telecom": [{"value": "5"}], "_gender": {"extension": [inline(SEEN)]}}]}, gone=("contact",)) == PATIENT


# --- objects that were removed, of every kind -------------------------------------------------------------------------------------


def test_of_one_object_that_was_removed_the_hidden_part_stays() -> None:
    stored = {**PATIENT, "maritalStatus": {"text": "m", "coding": [{"code": "x", **SECRET}, {"code": "y"}]}}
    assert after({}, stored, gone=("maritalStatus",)) == {**PATIENT, "maritalStatus": {"coding": [{"code": "x", **SECRET}]}}


def test_a_link_to_something_hidden_stays_in_what_was_removed() -> None:
    stored = {**PATIENT, "photo": [{"title": "t", "url": "Binary/secret"}]}
    assert after({}, stored, frozenset({"Binary/secret"}), gone=("photo",)) == {**PATIENT, "photo": [{"url": "Binary/secret"}]}
    stored = {**PATIENT, "photo": [{"url": "http://example.org/x", "title": "t", "_title": SECRET}]}
    assert after({}, stored, gone=("photo",)) == {**PATIENT, "photo": [{"title": "t", "_title": SECRET}]}


def test_an_extension_of_several_parts_that_was_removed_is_still_one() -> None:
    secret = {"url": "a", "valueString": "s", **SECRET}
    outer = {"url": "http://example.org/x", "extension": [secret, {"url": "b", "valueString": "p"}]}
    result = after({}, {**PATIENT, "maritalStatus": {"text": "m", "extension": [outer]}}, gone=("maritalStatus",))
    assert result == {**PATIENT, "maritalStatus": {"extension": [{**outer, "extension": [secret]}]}}


def test_a_contained_resource_that_was_removed_stays_whole_for_the_sake_of_its_hidden_part() -> None:
    inside = {**OBSERVATION, "component": [{"code": {"text": "y"}, **SECRET}]}
    stored = {"resourceType": "List", "id": "l", "status": "current", "mode": "working", "contained": [inside, {**OBSERVATION, "id": "plain"}]}
    assert after({}, stored, strip=False, gone=("contained",))["contained"] == [inside]


def test_words_that_look_like_a_reference_are_none() -> None:
    old, new = ({"resourceType": "Organization", "id": "o", "name": name} for name in ("old", "#o"))
    result = after({"contained": [new, {"resourceType": "Organization", "name": "nameless"}], "address": [{"text": "#o"}]}, {**PATIENT, "contained": [old]})
    assert result["contained"] == [old, {**new, "id": "o-new"}, {"resourceType": "Organization", "name": "nameless"}]
    assert result["address"] == [{"text": "#o"}]


def test_what_a_reference_displays_and_a_narrative_may_be_sent_by_who_gets_neither() -> None:
    mine = {"reference": "Organization/x", "display": "mine"}
    assert after({"managingOrganization": mine}, {**PATIENT, "managingOrganization": {"reference": "Organization/x"}})["managingOrganization"] == mine
    theirs = {"reference": "Organization/x", "display": "theirs"}
    assert after({"managingOrganization": mine}, {**PATIENT, "managingOrganization": theirs})["managingOrganization"] == mine
    told = {"status": "generated", "div": "<div/>"}
    assert after({"text": told, "gender": "female"}, {**PATIENT, "text": told}) == {**PATIENT, "gender": "female"}, "it would be wrong now"


def test_what_came_with_a_value_that_is_set_where_a_hidden_one_stands_stays_on_it() -> None:
    mine = {"url": "http://example.org/mine", "valueString": "m"}
    stored = {**OBSERVATION, "valueQuantity": {"value": 7, **SECRET}}
    result = after({"valueQuantity": {"value": 8, "extension": [mine]}}, stored)["valueQuantity"]
    assert result["value"] == 8
    assert [e["url"] for e in result["extension"]] == [mine["url"], REPLACED]
    assert result["extension"][0] == mine


def test_a_hidden_part_with_lists_is_held_item_by_item_where_another_is_set() -> None:
    hidden = {**SECRET, "modifierExtension": [{"url": "http://example.org/not", "valueBoolean": True}], "dayOfWeek": ["mon", "tue"], "_dayOfWeek": [None, {"id": "t"}], "frequency": 2}
    request = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order", "medicationCodeableConcept": {"text": "x"}, "subject": {"reference": "Patient/a"}}
    stored = {**request, "dosageInstruction": [{"text": "by mouth", "timing": {"code": {"text": "often"}, "repeat": hidden}}]}
    sent = {"dosageInstruction": [{"text": "by mouth", "timing": {"code": {"text": "often"}, "repeat": {"frequency": 1}}}]}
    repeat = after(sent, stored)["dosageInstruction"][0]["timing"]["repeat"]
    assert repeat["frequency"] == 1
    held = repeat["extension"][0]["extension"][0]["extension"]
    assert [inline(HIDDEN), {"url": "http://example.org/not", "valueBoolean": True}] == held[:2]
    assert [(e["url"], e.get("valueCode"), "_valueCode" in e) for e in held[2:4]] == [("dayOfWeek", "mon", False), ("dayOfWeek", "tue", True)]
    assert held[4] == {"url": "frequency", "valuePositiveInt": 2}


def test_a_label_that_is_there_already_is_not_added_again() -> None:
    own = {"system": ACT_CODE, "code": "PRS"}
    stored = {**PATIENT, "meta": {"security": [own]}}
    seen: dict[str, Any] = {**PATIENT}
    result = merge(stored, seen, {**PATIENT, "gender": "male", "meta": {"security": [own]}}, permitted=PERMITTED, hidden=frozenset(), strip=True)
    assert result["meta"]["security"] == [own]
