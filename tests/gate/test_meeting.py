"""What one may hand on of what another may have: no more than both see, and nothing that tells of what either does not."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate.bases import CONFIDENTIALITY
from sojourn.gate.meeting import common, handed, within

THING: dict[str, Any] = {"resourceType": "Observation", "id": "x", "status": "final", "note": [{"text": "a"}, {"text": "b"}]}


@pytest.mark.parametrize(
    ("theirs", "mine", "both"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "c": 3}, {"b": 2}),
        ({"a": 1}, {"a": 2}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1}}, {"a": {"c": 1}}, {}),
        ({"a": {"b": 1}}, {"a": [1]}, {}),
        ({"a": [1]}, {"a": {"b": 1}}, {}),
        ({"a": False, "b": 0}, {"a": False, "b": 0}, {"a": False, "b": 0}),
        ({"a": [1, 2, 3]}, {"a": [3, 1]}, {"a": [1, 3]}),
        ({"a": [1, 1]}, {"a": [1]}, {"a": [1]}),
        ({"a": [1]}, {"a": [2]}, {}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]}),
        ({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]}, {"a": [{"b": 1}]}),
        ({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1, "d": 3}]}, {}),  # neither holds all of the other: they may be different things
        ({"a": [{"b": 1}, {"b": 1, "c": 2}]}, {"a": [{"b": 1, "c": 2}, {"b": 1}]}, {"a": [{"b": 1}, {"b": 1, "c": 2}]}),
        ({"a": [{"b": {"c": 1, "d": 2}, "e": 3}]}, {"a": [{"b": {"c": 1}}]}, {"a": [{"b": {"c": 1}}]}),
    ],
)
def test_what_both_have_goes_and_nothing_else(theirs: dict[str, Any], mine: dict[str, Any], both: dict[str, Any]) -> None:
    assert common(theirs, mine) == both


@pytest.mark.parametrize(
    ("part", "whole", "is_"),
    [
        (1, 1, True), (1, 2, False), ({}, {"a": 1}, True), ({"a": 1}, {"a": 1, "b": 2}, True), ({"a": 1, "c": 2}, {"a": 1, "b": 2}, False), ({"a": 1}, [1], False), ({"a": 1}, {"b": 1}, False),
        ([1], [2, 1], True), ([1, 3], [2, 1], False), ([1], 1, False), ([], [1], True), ([{"a": 1}], [{"b": 1}, {"a": 1, "b": 2}], True), ({"a": {"b": 2}}, {"a": {"b": 1}}, False),
    ],
)  # fmt: skip
def test_a_part_is_within_a_whole_where_all_of_it_is_there(part: Any, whole: Any, is_: bool) -> None:
    assert within(part, whole) is is_


def view(level: str | None, version: str = "1", *codes: str, **more: Any) -> dict[str, Any]:
    security = [*([{"system": CONFIDENTIALITY, "code": level}] if level else []), *({"system": "urn:x", "code": c} for c in codes)]
    return {**THING, "meta": {"versionId": version, "lastUpdated": f"2026-01-0{version}", "security": security}, **more}


@pytest.mark.parametrize(("theirs", "mine", "level"), [("N", "R", "N"), ("R", "N", "N"), ("R", "V", "R"), ("R", "R", "R"), ("L", "U", "U"), ("M", "N", "M")])
def test_it_has_the_lower_level_of_the_two(theirs: str, mine: str, level: str) -> None:
    made = handed(view(theirs, "1", "A", "B"), view(mine, "1", "B"))
    assert made["meta"]["security"] == [{"system": CONFIDENTIALITY, "code": level}, {"system": "urn:x", "code": "B"}]


def test_where_one_of_them_names_no_level_there_is_none() -> None:
    for theirs, mine in ((None, "R"), ("R", None), ("X", "R")):
        assert [c["code"] for c in handed(view(theirs, "1", "A"), view(mine, "1", "A"))["meta"]["security"]] == ["A"]


def test_it_has_the_version_that_the_receiver_is_shown() -> None:
    made = handed(view("N", "1"), view("N", "2", note=[{"text": "b"}]))
    assert {k: made["meta"][k] for k in ("versionId", "lastUpdated")} == {"versionId": "1", "lastUpdated": "2026-01-01"}
    assert made["note"] == [{"text": "b"}]
    assert list(made["meta"]) == ["versionId", "lastUpdated", "security"]
    assert handed(THING, {**THING, "status": "amended"}) == {k: v for k, v in THING.items() if k != "status"}
    assert "meta" not in handed(THING, THING)
