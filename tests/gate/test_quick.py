"""What is told by less than the walk: every reason for which a resource does not stand as it is, one by one."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sojourn.fhir.codec import dumps
from sojourn.gate import bases, quick, shown
from sojourn.gate.bases import ACT_CODE, APART, CONFIDENTIALITY, LOCAL
from sojourn.gate.labelrules import OwnCode, made_of, shipped
from sojourn.gate.labels import Facts, decided, label
from sojourn.gate.redact import redact
from tests.gate.worlds import HIDDEN, SEEN
from tests.gate.worlds import label as inline

PLAIN: dict[str, Any] = {
    "resourceType": "Observation", "id": "o", "status": "final",
    "code": {"coding": [{"system": "http://s", "code": "c", "display": "D"}]}, "subject": {"reference": "Patient/p"}, "note": [{"text": "words"}],
}  # fmt: skip
N, R = {"system": CONFIDENTIALITY, "code": "N"}, {"system": CONFIDENTIALITY, "code": "R"}
SUD, MH = {"system": ACT_CODE, "code": "SUD"}, {"system": ACT_CODE, "code": "MH"}
PART2 = {"system": ACT_CODE, "code": "42CFRPart2"}
HEROIN = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F11.20"}]}


def under(security: Any, **more: Any) -> dict[str, Any]:
    return {**PLAIN, **more, "meta": {"security": security}}


def ways(resource: dict[str, Any], hidden: set[str]) -> set[bool]:
    """What each of the ways says of it, worked out anew."""
    quick._facts.clear()
    body = dumps(resource)
    links, delicate = quick.survey(resource)
    found = {quick.facts(body)[0].stands(hidden), quick.stands(resource, body, links, hidden, delicate=delicate)}
    return found if hidden & links else {*found, quick.stands_alone(resource, body)}


def walked(resource: dict[str, Any], hidden: set[str]) -> bool:
    """Whether the walk leaves it as it is."""
    left = redact(copy.deepcopy(resource), permitted=0, hidden=hidden)
    return left is not None and dumps(left) == dumps(resource)


@pytest.mark.parametrize("element", [
    {"subject": {"reference": "Patient/p", "display": "Ana"}}, {"subject": {"reference": "Patient/p", "identifier": {"value": "1"}}}, {"subject": {"display": "Ana"}}, {"subject": {"identifier": {"value": "1"}}},
    {"text": {"status": "generated", "div": "<div>x</div>"}}, {"contained": [{"resourceType": "Device", "id": "d"}]}, {"device": {"reference": "#d"}},
    {"_status": {"id": "s", "extension": [inline(HIDDEN)]}}, {"note": [{"text": "x", "extension": [inline(HIDDEN)]}]}, {"note": [{"id": "n"}]}, {"note": [{}]}, {"note": []}, {"note": [{"id": "n", "extension": []}]},
    {"component": [{"valueString": "of nothing"}]}, {"status": None, "code": None},
])  # fmt: skip
def test_what_the_walk_changes_stands_by_no_way(element: dict[str, Any]) -> None:
    resource = {k: v for k, v in under([N], **element).items() if v is not None}
    assert not walked(resource, set())
    assert ways(resource, set()) == {False}


def test_what_is_plain_stands_until_what_it_refers_to_is_hidden() -> None:
    assert walked(under([N]), set())
    assert ways(under([N]), set()) == ways(under([N]), {"Patient/q", "Observation/o"}) == {True}
    assert ways(under([N]), {"Patient/p"}) == {False}
    assert ways(under([N], basedOn=[{"reference": "http://other.example/CarePlan/c/_history/3"}]), {"CarePlan/c"}) == {False}
    assert ways(under([N], note=[{"text": "x", "authorReference": {"reference": "Practitioner/q"}}]), {"Practitioner/q"}) == {False}


@pytest.mark.parametrize(("security", "code", "stands"), [
    ([N], None, True), ([R], None, False), ([PART2], None, False), ([{**N, "system": ACT_CODE}], None, False), ([], None, False), (None, None, False),
    ([R, PART2], None, True), ([N, PART2], None, False), ([R, {"system": LOCAL, "code": "MINOR"}], None, True), ([N, {"system": ACT_CODE, "code": "NODSCLCD"}], None, True),
    ([R, {"system": ACT_CODE, "code": "NODSCLCD"}], None, False),
    # Two words on how confidential it is, or one that stands elsewhere.
    ([N, N], None, False), ([R, PART2, R], None, False), ([PART2, R], None, False), ([R, PART2, N], None, False),
    # Subjects that no code in it gives, whatever else it says.
    ([N, SUD], None, False), ([N, SUD], HEROIN, True), ([R, PART2, SUD], None, False), ([R, PART2, SUD], HEROIN, True), ([R, SUD], HEROIN, False), ([N, MH], HEROIN, False),
    ([N, SUD, {"system": "http://other", "code": "x"}], HEROIN, True),
])  # fmt: skip
def test_labels_stand_where_they_are_what_the_content_gives(security: Any, code: Any, stands: bool) -> None:
    resource = under(security, **({"code": code} if code else {}))
    if stands:
        assert walked(resource, set())
    assert ways(resource, set()) == {stands}


def test_a_resource_without_labels_stands_by_no_way() -> None:
    assert ways(PLAIN, set()) == ways({**PLAIN, "meta": {}}, set()) == ways({**PLAIN, "meta": {"versionId": "1"}}, set()) == {False}


def test_what_was_worked_out_by_other_rules_is_not_remembered() -> None:
    """A code that the organization lists as a subject, and no longer does: its label stands by the one rules and not by the others."""
    coded = under([N, SUD], code={"coding": [{"system": "http://own", "code": "x1"}]})
    quick._facts.clear()
    mine = made_of([OwnCode("http://own", "x1", False, ("SUD",))])
    body = dumps(coded)
    assert [quick.facts(body, rules)[0].stands(set()) for rules in (mine, shipped(), mine, None)] == [True, False, True, False]
    again, resource = quick.facts(body, mine)
    assert (again.stands(set()), resource) == (True, None)


def test_of_labelled_elements_the_laws_are_said_and_it_is_not_untouched() -> None:
    quick._facts.clear()
    resource = under([R, bases.PROCESS_INLINE], note=[{"text": "x", "extension": [inline(HIDDEN)]}, {"text": "y", "extension": [inline(SEEN)]}])
    facts, decoded = quick.facts(dumps(resource))
    assert (facts.parts, facts.bare, facts.single, decoded) == (1 << 5 | 1 << 8, False, False, resource)
    assert not facts.is_untouched(set())
    plain = quick.facts(dumps(under([N])))[0]
    assert (plain.parts, plain.bare, plain.single, plain.targets) == (0, True, True, ("Patient/p",))
    assert plain.is_untouched({"Patient/q"})
    assert not plain.is_untouched({"Patient/p"})
    inside = quick.facts(dumps({"resourceType": "Bundle", "id": "b", "type": "collection", "entry": [{"resource": PLAIN}]}))[0]
    assert not inside.single, "what is within it may be hidden by itself"


@pytest.mark.parametrize(("resource", "targets", "delicate"), [
    ({"a": {"reference": "Patient/p"}}, {"Patient/p"}, False),
    ({"a": [[{"reference": "Patient/p"}], {"b": {"reference": "Group/g"}}]}, {"Patient/p", "Group/g"}, False),
    ({"a": {"reference": "Patient"}}, set(), False), ({"a": {"reference": 7}}, set(), False), ({"a": {"text": "Patient/p"}}, set(), False),
    ({"photo": [{"url": "Binary/b"}]}, {"Binary/b"}, False),
    ({"a": {"reference": "Patient/p", "display": "Ana"}}, {"Patient/p"}, True), ({"a": {"display": "Ana"}}, set(), True),
    ({"a": {"code": "x", "display": "X"}}, set(), False), ({"a": {"reference": "Patient/p", "code": "x", "display": "Ana"}}, {"Patient/p"}, True),
    ({"a": {"identifier": {"value": "1"}}}, set(), True), ({"identifier": [{"value": "1"}]}, set(), False),
])  # fmt: skip
def test_a_survey_finds_links_and_what_tells_of_their_targets(resource: dict[str, Any], targets: set[str], delicate: bool) -> None:
    assert quick.survey(resource) == (targets, delicate)


def test_a_display_that_is_not_plainly_of_a_coding_is_looked_at() -> None:
    later = under([N], code={"coding": [{"display": "D", "code": "c"}]})
    assert quick.stands_alone(later, dumps(later)), "of a Coding all the same"
    beside = under([N], code={"coding": [{"code": "c", "display": "D"}]}, performer=[{"display": "Ana"}])
    assert not quick.stands_alone(beside, dumps(beside))
    named = under([N], specimen={"identifier": {"value": "1"}})
    assert not quick.stands_alone(named, dumps(named))


# --- what more than notes is hidden ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("parts", "permitted", "more", "strips"), [
    (0, 0, set(), False), (1 << 1, 0, set(), True), (1 << 1, 1 << 1, set(), False), (APART, 0, set(), False), (APART | 1 << 5, 1 << 5, set(), False), (APART | 1 << 5, 0, set(), True),
    (1 << 1 | 1 << 5, 1 << 5, set(), True), (0, 0, {"Patient/p"}, True), (0, 0, {"Patient/q"}, False), (APART, 0, {"Patient/p"}, True),
])  # fmt: skip
def test_a_narrative_goes_where_more_than_a_note_is_hidden(parts: int, permitted: int, more: set[str], strips: bool) -> None:
    assert shown.strips_more(parts, permitted, {"Patient/p", "Group/g"}, more) is strips


def test_what_somebody_decided_of_the_whole_stands_as_the_walk_says() -> None:
    resource = {**PLAIN, "meta": {"security": label({**PLAIN, "meta": {"security": [decided("SUD")]}}, [], None, Facts()).security}}
    assert all(not said or walked(resource, set()) for said in ways(resource, set()))
