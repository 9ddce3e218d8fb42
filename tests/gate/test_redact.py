"""Redaction: what is hidden leaves no trace, and a change by someone who did not see it does not lose it."""

from __future__ import annotations

import copy
import gzip
import json
from datetime import date
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.fhir import codec
from sojourn.fhir.codec import dumps
from sojourn.gate import quick
from sojourn.gate.bases import INLINE, PART2, PATIENT_REQUESTED, PROCESS_INLINE
from sojourn.gate.labels import LAW, label
from sojourn.gate.redact import merge, redact, targets
from sojourn.sample.organization import organization
from tests.effort import trying
from tests.gate.worlds import ACT_CODE, HIDDEN, PERMITTED, SEEN, Worlds, edited
from tests.gate.worlds import label as inline
from tests.shared import SHARED

EXAMPLES = [SHARED / f"samples/fhir/{name}.ndjson.gz" for name in ("r4-examples/r4-examples-4.0.1", "us-core-examples/us-core-6.1.0-examples")] if SHARED else []
RANDOMS = st.randoms(use_true_random=False) | st.integers(0, 2**32).map(Random)


def bytes_or_none(value: Any) -> bytes | None:
    return None if value is None else dumps(value)


def labelled(resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, "meta": {"security": label(resource, []).security}}


@trying(150)
@given(RANDOMS, st.booleans())
def test_a_resource_with_hidden_elements_looks_like_one_that_never_had_them(random: Random, with_labels: bool) -> None:
    worlds = Worlds(random)
    a, b = worlds.resource()
    if with_labels:
        a, b = labelled(a), labelled(b)
    before = copy.deepcopy(a)
    seen = bytes_or_none(redact(a, permitted=PERMITTED, hidden=worlds.targets))
    assert seen == bytes_or_none(redact(b, permitted=PERMITTED, hidden=worlds.targets))
    assert seen == bytes_or_none(redact(b, permitted=PERMITTED, hidden=set()))
    assert b"secret" not in (seen or b"")
    assert a == before


@trying(100)
@given(RANDOMS)
def test_redacting_twice_is_redacting_once(random: Random) -> None:
    worlds = Worlds(random)
    a, _ = worlds.resource()
    once = redact(labelled(a), permitted=PERMITTED, hidden=worlds.targets)
    if once is not None:
        assert redact(once, permitted=PERMITTED, hidden=worlds.targets) == once


@trying(100)
@given(RANDOMS, st.booleans())
def test_sending_back_what_was_seen_changes_nothing(random: Random, strip: bool) -> None:
    worlds = Worlds(random)
    stored = labelled(worlds.resource()[0])
    seen = redact(stored, permitted=PERMITTED, hidden=worlds.targets, strip=strip)
    if seen is not None:
        again = merge(stored, seen, copy.deepcopy(seen), permitted=PERMITTED, hidden=worlds.targets)
        assert dumps(again) == dumps(stored)


def without_security(resource: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if resource is None else {k: v for k, v in resource.items() if k != "meta"}


@trying(300)
@given(RANDOMS)
def test_any_change_keeps_what_is_hidden_and_shows_its_author_what_they_sent(random: Random) -> None:
    worlds = Worlds(random, visible_labels=False, chance=0.15)
    stored = labelled(worlds.resource()[0])
    seen = redact(stored, permitted=PERMITTED, hidden=worlds.targets)
    if seen is None:
        return
    sent = edited(random, copy.deepcopy(seen))
    expected = redact(sent, permitted=PERMITTED, hidden=worlds.targets)
    if expected is None:  # a required element was removed: validation refuses it before anything is merged
        return
    before = copy.deepcopy((stored, sent))
    result = merge(stored, seen, sent, permitted=PERMITTED, hidden=worlds.targets)
    assert (stored, sent) == before
    assert without_security(redact(result, permitted=PERMITTED, hidden=worlds.targets)) == without_security(expected)
    text = json.dumps(result)
    held = json.dumps(stored)
    displays = {s for s in worlds.secrets if s not in held}
    assert [s for s in worlds.secrets if s not in text and s not in displays] == []


@trying(100)
@given(RANDOMS)
def test_no_change_lowers_a_label(random: Random) -> None:
    worlds = Worlds(random)
    stored = labelled(worlds.resource()[0])
    seen = redact(stored, permitted=PERMITTED, hidden=worlds.targets)
    if seen is None:
        return

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {k: bare(v) for k, v in value.items() if k != "extension" and not (k.startswith("_") and k[1:] in value)}
            return {k: v for k, v in kept.items() if v not in ({}, [], None) and k != "meta"}
        return [item for item in map(bare, value) if item != {}] if isinstance(value, list) else value

    sent = bare(seen)
    result = merge(stored, seen, sent, permitted=PERMITTED, hidden=worlds.targets)
    assert label(result, []).parts == label(stored, []).parts
    assert json.dumps(result).count(f'"{HIDDEN}"') >= json.dumps(without_security(stored)).count(f'"{HIDDEN}"')


# One by one, in words.

ANA: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "ana",
    "name": [{"family": "Reyes", "given": ["Ana", "Luz"], "_given": [None, {"extension": [inline(HIDDEN)]}]}],
    "birthDate": "1990-01-01",
    "address": [{"city": "Exampleville"}, {"city": "Hidden Falls", "extension": [inline(HIDDEN)]}],
    "contact": [{"name": {"text": "Bo"}, "telecom": [{"value": "555-0100", "extension": [inline(HIDDEN)]}]}],
    "generalPractitioner": [{"reference": "Practitioner/kim", "display": "Dr. Kim"}],
}


def seen_by(resource: dict[str, Any], hidden: set[str] | None = None, *, strip: bool = True) -> dict[str, Any] | None:
    return redact(resource, permitted=PERMITTED, hidden=hidden or set(), strip=strip)


def test_hidden_list_members_and_primitives_go_without_a_gap() -> None:
    assert seen_by(ANA) == {
        "resourceType": "Patient",
        "id": "ana",
        "name": [{"family": "Reyes", "given": ["Ana"]}],
        "birthDate": "1990-01-01",
        "address": [{"city": "Exampleville"}],
        "contact": [{"name": {"text": "Bo"}}],
        "generalPractitioner": [{"reference": "Practitioner/kim"}],
    }


def test_a_permitted_label_stays_on_its_element() -> None:
    resource = {"resourceType": "Patient", "id": "a", "birthDate": "1990", "_birthDate": {"extension": [inline(SEEN)]}}
    assert seen_by(resource) == resource


def test_an_element_with_two_labels_needs_both_permitted() -> None:
    resource = {"resourceType": "Patient", "id": "a", "birthDate": "1990", "_birthDate": {"extension": [inline(SEEN), inline(HIDDEN)]}}
    assert seen_by(resource) == {"resourceType": "Patient", "id": "a"}


@pytest.mark.parametrize("coding", [None, {}, {"code": "HIV"}, {"system": ACT_CODE, "code": "NEW"}, {"system": ACT_CODE, "code": ["HIV"]}])
def test_a_label_that_cannot_be_read_hides(coding: Any) -> None:
    extension = {"url": inline("x")["url"], "valueCoding": coding}
    assert seen_by({"resourceType": "Patient", "id": "a", "address": [{"city": "x", "extension": [extension]}]}) == {
        "resourceType": "Patient",
        "id": "a",
    }


def test_when_a_required_element_goes_its_parent_goes() -> None:
    link = {"other": {"reference": "Patient/hidden"}, "type": "seealso"}
    assert seen_by({"resourceType": "Patient", "id": "a", "link": [link]}, {"Patient/hidden"}) == {"resourceType": "Patient", "id": "a"}


def test_when_the_resource_would_not_be_valid_it_is_withheld() -> None:
    condition = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/hidden"}}
    assert seen_by(condition, {"Patient/hidden"}) is None
    assert seen_by(condition, {"Patient/other"}) == condition
    assert seen_by({"resourceType": "Patient", "id": "a", "extension": [inline(HIDDEN)]}) is None


@pytest.mark.parametrize(
    "reference",
    [
        "Practitioner/kim",
        "Practitioner/kim/_history/3",
        "https://ehr.example/fhir/Practitioner/kim",
        "http://x/Practitioner/kim/_history/1",
    ],
)
def test_a_reference_to_what_is_hidden_goes_however_it_is_written(reference: str) -> None:
    resource = {"resourceType": "Patient", "id": "a", "generalPractitioner": [{"reference": reference, "type": "Practitioner"}]}
    assert seen_by(resource, {"Practitioner/kim"}) == {"resourceType": "Patient", "id": "a"}
    assert targets(resource) == {"Practitioner/kim"}


def test_a_link_to_a_hidden_attachment_goes_too() -> None:
    resource = {"resourceType": "Patient", "id": "a", "photo": [{"url": "Binary/b1", "title": "x"}]}
    assert seen_by(resource, {"Binary/b1"}) == {"resourceType": "Patient", "id": "a", "photo": [{"title": "x"}]}


def test_who_is_subject_to_redaction_never_gets_narrative_display_identifier_or_copies() -> None:
    resource = {
        "resourceType": "MedicationStatement",
        "id": "m",
        "text": {"status": "generated", "div": "<div>all</div>"},
        "contained": [{"resourceType": "Organization", "id": "o", "name": "Clinic"}],
        "status": "active",
        "medicationCodeableConcept": {"coding": [{"code": "1", "display": "stays"}]},
        "subject": {"reference": "Patient/a", "display": "Ana", "identifier": {"value": "1"}},
        "informationSource": {"reference": "#o"},
        "reasonReference": [{"display": "only words"}],
        "derivedFrom": [{"identifier": {"value": "2"}}, {"reference": "Observation/1"}],
    }
    assert seen_by(resource) == {
        "resourceType": "MedicationStatement",
        "id": "m",
        "status": "active",
        "medicationCodeableConcept": {"coding": [{"code": "1", "display": "stays"}]},
        "subject": {"reference": "Patient/a"},
        "derivedFrom": [{"reference": "Observation/1"}],
    }
    assert seen_by(resource, strip=False) == resource


@pytest.mark.parametrize(
    "coverage", [{"display": "Example Health"}, {"reference": "#cov"}, {"identifier": {"value": "1"}, "type": "Coverage"}]
)
def test_a_required_reference_in_words_or_to_a_copy_leaves_the_type_it_must_have(coverage: dict[str, Any]) -> None:
    insurance = {"focal": True, "coverage": coverage}
    account = {"resourceType": "ExplanationOfBenefit", "id": "e", **EOB, "insurance": [insurance]}
    assert (seen_by(account) or {})["insurance"] == [{"focal": True, "coverage": {"type": "Coverage"}}]
    account["insurance"] = [{"focal": True, "coverage": {**coverage, "extension": [inline(HIDDEN)]}}]
    assert seen_by(account) is None


EOB: dict[str, Any] = {
    "status": "active",
    "type": {"text": "x"},
    "use": "claim",
    "patient": {"reference": "Patient/a"},
    "created": "2026-01-01",
    "insurer": {"reference": "Organization/o"},
    "provider": {"reference": "Organization/o"},
    "outcome": "complete",
}


def test_labels_tell_only_of_what_is_left() -> None:
    part = {"coding": [{"system": "http://loinc.org", "code": "75622-1"}]}  # an HIV test
    whole = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"text": "panel"},
        "component": [{"code": part, "extension": [inline(HIDDEN)]}],
    }
    plain = {k: v for k, v in whole.items() if k != "component"}
    stored, never = labelled(whole), labelled(plain)
    assert {c["code"] for c in stored["meta"]["security"]} == {"R", "HIV", "PROCESSINLINELABEL"}
    assert seen_by(stored) == seen_by(never) == never


def test_the_law_by_origin_stays_on_what_is_shown() -> None:
    class Program:
        part2 = True

    resource = {**ANA, "meta": {"security": label(ANA, [Program()]).security}}
    seen = redact(resource, permitted=PERMITTED | PART2, hidden=set())
    assert seen is not None
    assert [c["code"] for c in seen["meta"]["security"]] == ["R", "42CFRPart2"]


def after(sent: dict[str, Any], stored: dict[str, Any] = ANA, hidden: set[str] | None = None) -> dict[str, Any]:
    seen = redact(stored, permitted=PERMITTED, hidden=hidden or set())
    assert seen is not None
    return merge(stored, seen, {**seen, **sent}, permitted=PERMITTED, hidden=hidden or set())


def test_hidden_members_stay_in_place_beside_what_was_changed() -> None:
    result = after({"address": [{"city": "New Town"}], "contact": [{"name": {"text": "Bo"}, "gender": "male"}]})
    assert result["address"] == [{"city": "New Town"}, ANA["address"][1]]
    assert result["contact"] == [{**ANA["contact"][0], "gender": "male"}]
    assert result["name"] == ANA["name"]


def test_hidden_parts_stay_when_their_parent_is_removed() -> None:
    stored = ANA
    seen = seen_by(stored)
    assert seen is not None
    del seen["contact"], seen["address"]
    result = merge(stored, seen_by(stored) or {}, seen, permitted=PERMITTED, hidden=set())
    assert result["contact"] == [{"telecom": ANA["contact"][0]["telecom"]}]
    assert result["address"] == [ANA["address"][1]]


def test_what_is_hidden_in_one_person_does_not_move_to_another() -> None:
    result = after({"contact": [{"name": {"text": "Someone else"}, "gender": "female"}, {"name": {"text": "And another"}}]})
    assert [c for c in result["contact"] if "telecom" in c] == [{"telecom": ANA["contact"][0]["telecom"]}]


def test_a_value_set_where_a_hidden_one_stands_is_kept_and_so_is_the_hidden_one() -> None:
    stored = {"resourceType": "Patient", "id": "a", "birthDate": "1990", "_birthDate": {"extension": [inline(HIDDEN)]}}
    result = after({"birthDate": "2000"}, stored)
    assert result["birthDate"] == "2000"
    assert "1990" in json.dumps(result)
    assert seen_by(result) == {"resourceType": "Patient", "id": "a", "birthDate": "2000"}
    observation = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"}}
    stored = {**observation, "valueQuantity": {"value": 1, "extension": [inline(HIDDEN)]}}
    result = after({"valueString": "new"}, stored)
    assert "valueQuantity" not in result
    assert seen_by(result) == {**observation, "valueString": "new"}


def test_a_reference_that_was_changed_loses_the_old_display() -> None:
    assert after({"gender": "female"})["generalPractitioner"] == ANA["generalPractitioner"]
    assert after({"generalPractitioner": [{"reference": "Practitioner/lee"}]})["generalPractitioner"] == [{"reference": "Practitioner/lee"}]


def test_narrative_that_was_generated_goes_when_content_changes_and_other_narrative_stays() -> None:
    for status, kept in (("generated", False), ("additional", True)):
        stored = {**ANA, "text": {"status": status, "div": "<div>x</div>"}}
        assert ("text" in after({"gender": "female"}, stored)) is kept


def test_labels_on_the_whole_stay_and_new_ones_are_added() -> None:
    stored = {**ANA, "meta": {"security": [{"system": ACT_CODE, "code": "PRS"}]}}
    mine = {"system": ACT_CODE, "code": "SDV"}
    assert after({"meta": {"security": [mine]}}, stored)["meta"]["security"] == [{"system": ACT_CODE, "code": "PRS"}, mine]
    assert after({"meta": {}}, stored)["meta"]["security"] == [{"system": ACT_CODE, "code": "PRS"}]


def test_contained_resources_of_both_stay_apart() -> None:
    stored = {**ANA, "contained": [{"resourceType": "Organization", "id": "o", "name": "old"}], "managingOrganization": {"reference": "#o"}}
    sent = {"contained": [{"resourceType": "Organization", "id": "o", "name": "new"}], "managingOrganization": {"reference": "#o"}}
    result = after(sent, stored)
    assert [(c["id"], c["name"]) for c in result["contained"]] == [("o", "old"), ("o-new", "new")]
    assert result["managingOrganization"] == {"reference": "#o-new"}


def test_what_needs_no_walk_is_what_the_walk_gives() -> None:
    told = alone = untouched = 0
    made = (item.resource for item in islice(organization(7, date(2026, 3, 1)), 4000))
    shared = (codec.loads(line) for path in EXAMPLES if path.exists() for line in gzip.decompress(path.read_bytes()).splitlines())
    for whole in (*made, *shared):
        resource = {**whole, "id": "a"}
        body = dumps(labelled(resource))
        links, delicate = quick.survey(resource)
        assert links == targets(resource)
        first, again, own = quick.facts(body)[0], quick.facts(body)[0], quick.survey(labelled(resource))
        assert (first, set(first.targets)) == (again, own[0])
        for hidden in (set(), links):
            assert first.stands(hidden) == quick.stands(labelled(resource), body, own[0], hidden, delicate=own[1])
            if quick.stands(labelled(resource), body, links, hidden, delicate=delicate):
                assert bytes_or_none(redact(labelled(resource), permitted=0, hidden=hidden)) == body
                told += 1
            if first.is_untouched(hidden):
                assert bytes_or_none(redact(labelled(resource), permitted=0, hidden=hidden, strip=False)) == body
                untouched += 1
        assert quick.stands_alone(labelled(resource), body) <= quick.stands(labelled(resource), body, links, set(), delicate=delicate)
        alone += quick.stands_alone(labelled(resource), body)
    assert told > 1000
    assert alone > 500
    assert untouched > 3000


@pytest.mark.parametrize("element", [
    {"subject": {"reference": "Patient/p"}}, {"contained": [{"resourceType": "Patient", "id": "p"}]}, {"note": [{"text": "x", "extension": [{"url": INLINE, "valueCoding": {"code": "ETH"}}]}]},
])  # fmt: skip
def test_what_may_hide_something_is_not_shown_untouched(element: dict[str, Any]) -> None:
    plain = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"}}
    assert quick.facts(dumps(plain))[0].is_untouched({"Patient/p"})
    assert not quick.facts(dumps({**plain, **element}))[0].is_untouched({"Patient/p"})


def test_what_lacks_a_required_element_is_shown_alike_by_either_way_whatever_is_hidden_beside_it() -> None:
    """Imported records may hold such things. Who is subject to redaction gets none of them; anybody else gets them as they are stored, by the walk, too."""
    lacking = labelled({"resourceType": "Questionnaire", "id": "q", "status": "draft", "item": [{"linkId": "1", "type": "display", "text": "a"}, {"type": "display", "text": "b"}]})
    beside = {**lacking, "contact": [{"name": "secret", "extension": [{"url": INLINE, "valueCoding": {"system": ACT_CODE, "code": HIDDEN}}]}]}
    body = dumps(lacking)
    assert quick.facts(body)[0].is_untouched(set())
    assert redact(lacking, permitted=0, hidden=set(), strip=False) == redact(beside, permitted=0, hidden=set(), strip=False) == lacking
    assert not quick.stands(lacking, body, set(), set(), delicate=False)
    assert not quick.stands_alone(lacking, body)
    shown = redact(lacking, permitted=0, hidden=set())
    assert shown is not None
    assert shown == redact(beside, permitted=0, hidden=set())
    assert [item["linkId"] for item in shown["item"]] == ["1"]


@pytest.mark.parametrize("element", [
    {"subject": {"reference": "Patient/p", "display": "Ana"}}, {"subject": {"display": "Ana"}}, {"subject": {"identifier": {"value": "1"}}},
    {"code": {"coding": [{"system": "http://s", "display": "no code"}]}}, {"text": {"status": "generated", "div": "<div>x</div>"}},
    {"note": [{"text": '","code":"x","display":"'}], "subject": {"display": "Ana"}}, {"extension": [{"url": "http://x", "valueString": "y"}]},
])  # fmt: skip
def test_what_does_not_stand_is_not_told_to_stand_when_it_is_written(element: dict[str, Any]) -> None:
    plain = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"coding": [{"system": "http://s", "code": 'a"b\\', "display": "D"}]}}
    assert quick.stands_alone(labelled(plain), dumps(labelled(plain)))
    assert not quick.stands_alone(labelled({**plain, **element}), dumps(labelled({**plain, **element})))


def test_links_in_a_list_go_one_by_one_and_what_is_unknown_is_looked_into() -> None:
    plan = {"resourceType": "Library", "id": "l", "status": "active", "type": {"text": "x"}, "subjectReference": {"reference": "Group/g"}}
    measure = {"resourceType": "Measure", "id": "m", "status": "active", "library": ["http://x/Library/secret", "http://x/Library/other"]}
    assert (seen_by(measure, {"Library/secret"}) or {})["library"] == ["http://x/Library/other"]
    assert seen_by(plan, {"Library/secret"}) == plan
    strange = {"resourceType": "Nonsense", "id": "n", "one": {"text": "s", "extension": [inline(HIDDEN)]}, "many": [{"text": "s", "extension": [inline(HIDDEN)]}, {"text": "p"}]}
    assert seen_by(strange) == {"resourceType": "Nonsense", "id": "n", "many": [{"text": "p"}]}
    assert seen_by({**strange, "one": {"reference": "Patient/secret"}}, {"Patient/secret"}) == {"resourceType": "Nonsense", "id": "n", "many": [{"text": "p"}]}


def test_contained_resources_are_looked_into_for_who_gets_them() -> None:
    inside = {"resourceType": "Patient", "id": "x", "address": [{"city": "s", "extension": [inline(HIDDEN)]}, {"city": "p"}], "link": [{"other": {"reference": "Patient/secret"}, "type": "seealso"}]}
    stored = {**ANA, "contained": [inside, {**inside, "extension": [inline(HIDDEN)]}, {**inside, "id": "secret"}]}
    shown = seen_by(stored, {"Patient/secret"}, strip=False) or {}
    assert shown["contained"] == [{"resourceType": "Patient", "id": "x", "address": [{"city": "p"}]}]


def test_labels_are_told_as_far_as_what_is_left_says_them() -> None:
    own, law = {"system": ACT_CODE, "code": "PRS"}, {"system": ACT_CODE, "code": "SUD", "extension": [{"url": LAW, "valueUri": "http://example.org/law"}]}
    assert (seen_by({**ANA, "meta": {"security": [law]}}) or {})["meta"]["security"] == [law], "a law said it, not a code"
    bare = {"system": ACT_CODE, "code": "SUD"}
    assert "meta" not in (seen_by({**ANA, "meta": {"security": [bare]}}) or {})
    assert (redact({**ANA, "meta": {"security": [own]}}, permitted=PERMITTED | PATIENT_REQUESTED, hidden=set()) or {})["meta"]["security"] == [own], "no N and no R where none was"
    seen = {**ANA, "address": [{"city": "x", "extension": [inline(SEEN)]}], "meta": {"security": [PROCESS_INLINE]}}
    assert (seen_by(seen) or {})["meta"]["security"] == [PROCESS_INLINE]


def test_an_entry_of_a_bundle_goes_with_its_resource() -> None:
    entries = [{"search": {"mode": "match"}, "resource": {"resourceType": "Patient", "id": i, "active": True}} for i in ("secret", "plain")]
    bundle = {"resourceType": "Bundle", "id": "b", "type": "collection", "entry": [*entries, {"search": {"mode": "outcome"}}]}
    assert (seen_by(bundle, {"Patient/secret"}) or {})["entry"] == bundle["entry"][1:]
