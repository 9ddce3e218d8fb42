"""Whether an edit changed what everybody may see: what counts of it, and what does not, element by element."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate import plainly
from tests.people import labelled

PLAIN: dict[str, Any] = {"resourceType": "Observation", "id": "o", "meta": {"versionId": "1", "lastUpdated": "2026-01-01T10:00:00Z"}, "status": "final", "code": {"text": "x"}}
HIDDEN = labelled({"text": "words"}, "HIV")
PATIENT, GROUP = {"reference": "Patient/p"}, {"reference": "Group/g"}


def of(**more: Any) -> dict[str, Any]:
    return {**PLAIN, **more}


@pytest.mark.parametrize("changed", [
    {"status": "amended"}, {"code": {"text": "y"}}, {"note": [{"text": "words"}]}, {"note": [{"text": "words"}, HIDDEN]}, {"issued": "2026-01-01T10:00:00Z"}, {"language": "en"},
    {"code": {"coding": [{"system": "http://s", "code": "c", "display": "D"}]}}, {"extension": [{"url": "http://x", "valueString": "y"}]}, {"_status": {"extension": [{"url": "http://x", "valueCode": "y"}]}},
    {"identifier": [{"value": "1"}]}, {"meta": {"source": "http://x"}}, {"meta": {"profile": ["http://x"]}}, {"meta": {"tag": [{"code": "x"}]}}, {"subject": {"type": "Patient"}},
])  # fmt: skip
def test_what_everybody_may_see_tells(changed: dict[str, Any]) -> None:
    assert plainly.differs(PLAIN, of(**changed)) == plainly.differs(of(**changed), PLAIN) == (True, ())


@pytest.mark.parametrize("changed", [
    {}, {"note": [HIDDEN]}, {"text": {"status": "generated", "div": "<div>x</div>"}}, {"contained": [{"resourceType": "Device", "id": "d"}]}, {"id": "other"},
    {"meta": {"versionId": "2", "lastUpdated": "2026-01-02T10:00:00Z"}}, {"meta": {"security": [{"code": "x"}]}}, {"meta": {}}, {"device": {"reference": "#d"}},
    {"subject": {"display": "Ana"}}, {"subject": {"identifier": {"value": "1"}}}, {"category": [{"text": "x", "extension": HIDDEN["extension"]}]},
])  # fmt: skip
def test_what_some_may_not_see_tells_of_nothing(changed: dict[str, Any]) -> None:
    assert plainly.differs(PLAIN, of(**changed)) == plainly.differs(of(**changed), PLAIN) == (False, ())


def test_beside_what_is_hidden_another_word_tells_and_the_same_one_does_not() -> None:
    one, two = of(note=[HIDDEN, {"text": "a"}]), of(note=[{"text": "a"}])
    assert plainly.differs(one, two) == (False, ())
    assert plainly.differs(one, of(note=[{"text": "b"}])) == (True, ())
    assert plainly.differs(of(note=[HIDDEN], status="amended"), PLAIN) == (True, ())


def test_what_is_withheld_as_a_whole_tells_when_it_becomes_so_and_of_nothing_after() -> None:
    gone = of(_status={"extension": HIDDEN["extension"]})
    assert plainly.differs(PLAIN, gone).plain
    assert plainly.differs(gone, of(_status=gone["_status"], issued="2026-01-01T10:00:00Z")).plain, "as nothing that has no extension is looked into"
    assert plainly.differs(gone, {**gone, "note": [HIDDEN]}) == (False, ())


@pytest.mark.parametrize(("before", "after", "by"), [
    (of(), of(subject=PATIENT), [{"Patient/p"}]), (of(subject=PATIENT), of(), [{"Patient/p"}]), (of(subject=PATIENT), of(subject=GROUP), [{"Patient/p"}, {"Group/g"}]),
    (of(focus=[PATIENT]), of(focus=[PATIENT, GROUP]), [{"Group/g"}]), (of(focus=[PATIENT, GROUP]), of(focus=[GROUP]), [{"Patient/p"}]),
    (of(focus=[GROUP, PATIENT]), of(focus=[PATIENT, GROUP]), [{"Patient/p", "Group/g"}]),
    (of(subject=PATIENT), of(subject=PATIENT, note=[HIDDEN]), []),
    (of(subject={**PATIENT, "display": "Ana"}), of(subject=PATIENT), []),
])  # fmt: skip
def test_a_reference_tells_where_it_may_be_seen(before: dict[str, Any], after: dict[str, Any], by: list[set[str]]) -> None:
    told = plainly.differs(before, after)
    assert (told.plain, {frozenset(g) for g in by}) == (bool(by), set(told.by))


@pytest.mark.parametrize(("before", "after", "left"), [
    ([1, 2, 3], [1, 3], ([2], [])), ([1, 2], [1, 2, 3], ([], [3])), ([1], [1, 1], ([], [1])), ([1, 1], [1], ([1], [])), ([1, 2], [2, 1], ([1, 2], [2, 1])), ([], [1], ([], [1])),
    ([1, 2, 3, 4], [1, 5, 4], ([2, 3], [5])), ([1, 2, 1], [1], ([2, 1], [])), ("a", [1], ("a", [1])), ([1], None, ([1], None)), ({"a": 1}, {"a": 2}, ({"a": 1}, {"a": 2})),
])  # fmt: skip
def test_of_two_lists_what_begins_and_ends_both_is_left_aside(before: Any, after: Any, left: Any) -> None:
    assert tuple(plainly._sides(before, after)) == left


@pytest.mark.parametrize(("value", "delicate"), [
    (None, False), ("Patient/p", False), ({"text": "x"}, False), ([{"text": "x"}], False), ({"coding": [{"code": "c"}]}, False), (PATIENT, True), ([PATIENT], True), ([[{"a": PATIENT}]], True),
    ({"a": {"extension": []}}, True), ({"modifierExtension": []}, True), ({"_a": None}, True), ({"display": "x"}, True), ({"identifier": {}}, True), ({"a_": 1}, False),
])  # fmt: skip
def test_what_redaction_may_take_out_is_looked_into(value: Any, delicate: bool) -> None:
    assert plainly._delicate(value) is delicate
