"""What is put on what leaves: marks on each Part 2 record, the statement and the scope on the whole, its high-water mark. No database."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest

from sojourn.gate import disclosing
from sojourn.gate.bases import ACT_CODE, CONFIDENTIALITY, LOCAL
from sojourn.gate.disclosing import CONSENT, NOTICE, SCOPE, Statement
from tests.people import labelled

SHORT, LONG = Statement("s2", "2024", "Do not."), Statement("s1", "2024", "This record is protected.")
DAY = date(2026, 3, 1)
PART2 = {"system": ACT_CODE, "code": "42CFRPart2"}
MARKS = [{"system": ACT_CODE, "code": "NORDSCLCD"}, {"system": ACT_CODE, "code": "RedisclosureProhibitionMark", "display": "Do not."}, {"system": ACT_CODE, "code": "PERSISTLABEL"}]


def thing(*security: dict[str, Any], id_: str = "x", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id_, "meta": {"versionId": "1", "security": list(security)}, **more}


def level(code: str) -> dict[str, str]:
    return {"system": CONFIDENTIALITY, "code": code}


def bundle(*resources: Any, type_: str = "searchset", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type_, "entry": [{"resource": r} for r in resources], **more}


@pytest.mark.parametrize(("channel", "day", "carries"), [("fhir", DAY, "scope"), ("release", DAY, "copy"), ("hl7v2", DAY, "scope"), ("fhir", date(2024, 4, 16), "scope")])
def test_what_goes_along_depends_on_the_channel_and_the_day(channel: str, day: date, carries: str) -> None:
    assert disclosing._carried(channel, day)["consent"] == carries
    whole, each = (disclosing.statement(channel, part, day) for part in ("whole", "each"))
    assert (whole.id, each.id) == ("statement_1", "statement_2")
    assert len(whole.text) > len(each.text) > 0


def test_before_a_statement_is_in_force_or_by_a_channel_that_nobody_knows_nothing_leaves() -> None:
    for channel, day in (("fhir", date(2024, 4, 15)), ("pigeon", DAY)):
        with pytest.raises(ValueError, match="empty"):
            disclosing.statement(channel, "each", day)


@pytest.mark.parametrize(
    ("resource", "is_"),
    [
        (thing(PART2), True), (thing(level("R"), PART2), True), (thing(level("R")), False), (thing(), False), ({"resourceType": "Observation"}, False), ({"resourceType": "Observation", "meta": None}, False),
        (thing(note=[labelled({"text": "x"}, "42CFRPart2")]), True), (thing(contained=[thing(PART2)]), True), (thing(note=[{"text": "42CFRPart2x"}]), False), (thing({"system": LOCAL, "code": "SUDCN"}), False),
    ],
)  # fmt: skip
def test_a_part_2_record_is_what_is_labelled_so_or_holds_such_a_part(resource: dict[str, Any], is_: bool) -> None:
    assert disclosing.is_part2(resource) is is_


def test_every_resource_of_the_record_in_an_answer_is_found_and_nothing_that_was_made_for_it() -> None:
    one, two, three = (thing(id_=i) for i in "abc")
    assert list(disclosing._resources(one)) == [one]
    assert list(disclosing._resources(bundle(one, bundle(two), three, {"resourceType": "OperationOutcome", "id": "o", "meta": {"x": 1}}))) == [one, two, three]
    assert list(disclosing._resources(bundle(bundle(bundle(one))))) == [one]
    for made in ({"resourceType": t, "id": "x", "meta": {"x": 1}} for t in ("OperationOutcome", "CapabilityStatement", "Parameters")):
        assert list(disclosing._resources(made)) == []
    nothing: tuple[Any, ...] = (None, [], "x", {"resourceType": "Observation", "id": "x"}, {"resourceType": "Observation", "meta": {"x": 1}}, {"resourceType": "Bundle"}, bundle(None), {"resourceType": "Bundle", "entry": [{}]})
    for value in nothing:
        assert list(disclosing._resources(value)) == []


def test_marks_are_put_on_once_behind_what_is_there_and_the_notice_is_the_short_one() -> None:
    assert disclosing.marks(SHORT) == MARKS
    one = thing(level("R"), PART2)
    disclosing.mark(one, SHORT)
    assert one["meta"] == {"versionId": "1", "security": [level("R"), PART2, *MARKS]}
    again = copy.deepcopy(one)
    disclosing.mark(again, SHORT)
    assert again == one
    bare: dict[str, Any] = {"resourceType": "Observation", "meta": {"versionId": "1"}}
    disclosing.mark(bare, SHORT)
    assert bare["meta"]["security"] == MARKS


def test_the_whole_carries_statement_scope_and_consents_and_a_list_also_for_people() -> None:
    told = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational", "diagnostics": "This record is protected. For treatment."}]}
    carried = [{"url": NOTICE, "valueString": LONG.text}, {"url": SCOPE, "valueString": "For treatment."}, {"url": CONSENT, "valueReference": {"reference": "Consent/c/_history/1"}}]
    for type_, more in (("searchset", {"search": {"mode": "outcome"}}), ("collection", {})):
        value = bundle(thing(), type_=type_, meta={"lastUpdated": "x", "extension": [{"url": "mine"}]})
        disclosing._carry(value, LONG, "For treatment.", ["Consent/c/_history/1"])
        assert value["meta"] == {"lastUpdated": "x", "extension": [{"url": "mine"}, *carried]}
        assert value["entry"] == [{"resource": thing()}, {"resource": told, **more}]
    history = bundle(thing(), type_="history")
    disclosing._carry(history, LONG, "", [])
    assert history == {**bundle(thing(), type_="history"), "meta": {"extension": carried[:1]}}
    empty: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    disclosing._carry(empty, LONG, "", [])
    assert [e["resource"]["issue"][0]["diagnostics"] for e in empty["entry"]] == [LONG.text]


@pytest.mark.parametrize(
    ("levels", "highest"),
    [((), "N"), (("N",), "N"), (("U",), "U"), (("L", "U"), "L"), (("N", "R"), "R"), (("R", "N"), "R"), (("V", "R"), "V"), (("M", "L"), "M"), (("X",), "N"), (("X", "R"), "R")],
)
def test_a_bundle_has_the_highest_level_of_what_is_in_it(levels: tuple[str, ...], highest: str) -> None:
    shown = [thing(PART2, level(code)) for code in levels]
    made = disclosing._with_high_water(bundle(*shown, id="b", meta={"lastUpdated": "x", "security": [level("V")]}), shown, None)
    assert made["meta"] == {"lastUpdated": "x", "security": [level(highest)]}
    assert list(made) == ["resourceType", "id", "meta", "type", "entry"]
    assert list(disclosing._with_high_water(bundle(), [], None)) == ["resourceType", "meta", "type", "entry"]


def test_a_bundle_with_a_part_2_record_says_so_and_names_no_subject() -> None:
    shown = [thing(level("R"), PART2, {"system": ACT_CODE, "code": "OPIOIDUD"})]
    assert disclosing._with_high_water(bundle(*shown), shown, SHORT)["meta"]["security"] == [level("R"), PART2, *MARKS]
    odd = [thing({"system": "urn:x", "code": "V"}, level("R"))]
    assert disclosing._with_high_water(bundle(*odd), odd, None)["meta"]["security"] == [level("R")]


def test_one_digest_of_several_texts_tells_their_borders() -> None:
    assert disclosing.digest_of("a", "bc") != disclosing.digest_of("ab", "c") != disclosing.digest_of("abc")
    assert disclosing.digest_of("a", "b") == disclosing.digest_of("a", "b") != disclosing.digest_of("b", "a")
