"""JSON Patch (RFC 6902): every operation, its errors, and what may never happen."""

from __future__ import annotations

import contextlib
import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.fhir.patch import MAX_OPERATIONS, PatchError, PatchUnreadable, json_patch

PATIENT = {
    "resourceType": "Patient",
    "id": "ana",
    "name": [{"family": "Reyes", "given": ["Ana", "María"]}],
    "a/b": {"m~n": 1},
    "weight": Decimal("1.00"),
}


def patched(*operations: dict[str, Any], to: dict[str, Any] = PATIENT) -> dict[str, Any]:
    before = copy.deepcopy(to)
    after = json_patch(to, list(operations))
    assert to == before
    return after


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        ({"op": "add", "path": "/gender", "value": "female"}, "gender", "female"),
        ({"op": "add", "path": "/name/0/given/1", "value": "Luz"}, "name", [{"family": "Reyes", "given": ["Ana", "Luz", "María"]}]),
        ({"op": "add", "path": "/name/0/given/-", "value": "Luz"}, "name", [{"family": "Reyes", "given": ["Ana", "María", "Luz"]}]),
        ({"op": "remove", "path": "/name/0/given/0"}, "name", [{"family": "Reyes", "given": ["María"]}]),
        ({"op": "remove", "path": "/name"}, "name", None),
        ({"op": "replace", "path": "/name/0/family", "value": "Ruiz"}, "name", [{"family": "Ruiz", "given": ["Ana", "María"]}]),
        ({"op": "replace", "path": "/a~1b/m~0n", "value": 2}, "a/b", {"m~n": 2}),
        ({"op": "move", "from": "/name/0/given/0", "path": "/name/0/given/1"}, "name", [{"family": "Reyes", "given": ["María", "Ana"]}]),
        ({"op": "move", "from": "/name/0/family", "path": "/nick"}, "nick", "Reyes"),
        ({"op": "copy", "from": "/name/0", "path": "/name/-"}, "name", [PATIENT["name"][0], PATIENT["name"][0]]),
        ({"op": "test", "path": "/weight", "value": Decimal("1.0")}, "weight", Decimal("1.00")),
        ({"op": "test", "path": "/weight", "value": 1}, "weight", Decimal("1.00")),
        ({"op": "move", "from": "/name", "path": "/name"}, "name", PATIENT["name"]),
    ],
)
def test_each_operation_does_what_the_standard_says(operation: dict[str, Any], path: str, expected: Any) -> None:
    assert patched(operation).get(path) == expected


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "/name/3", "value": {}},
        {"op": "add", "path": "/name/01", "value": {}},
        {"op": "add", "path": "/name/٣", "value": {}},
        {"op": "add", "path": "/nothing/here", "value": 1},
        {"op": "add", "path": "name", "value": 1},
        {"op": "add", "path": "/x~2", "value": 1},
        {"op": "add", "path": "/gender"},
        {"op": "add", "value": 1},
        {"op": "remove", "path": "/nothing"},
        {"op": "remove", "path": "/name/-"},
        {"op": "remove", "path": ""},
        {"op": "replace", "path": "/nothing", "value": 1},
        {"op": "replace", "path": "", "value": []},
        {"op": "replace", "path": "/id", "value": "other"},
        {"op": "remove", "path": "/resourceType"},
        {"op": "move", "from": "/name", "path": "/name/0/x"},
        {"op": "move", "path": "/x"},
        {"op": "copy", "from": "/nothing", "path": "/x"},
        {"op": "test", "path": "/weight", "value": True},
        {"op": "test", "path": "/weight"},
        {"op": "spell", "path": "/weight"},
        {"op": ["add"], "path": "/weight"},
        {"op": "add", "path": "/weight/x", "value": 1},
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(operation: dict[str, Any]) -> None:
    before = copy.deepcopy(PATIENT)
    with pytest.raises(PatchError):
        json_patch(PATIENT, [{"op": "add", "path": "/gender", "value": "female"}, operation])
    assert before == PATIENT


def test_an_error_names_operation_and_path_and_no_value() -> None:
    with pytest.raises(PatchError) as caught:
        json_patch(PATIENT, [{"op": "test", "path": "/name/0/family", "value": "Secret"}])
    assert str(caught.value) == "Operation 0 at /name/0/family: the value there is not the one tested for"
    with pytest.raises(PatchError) as caught:
        json_patch(PATIENT, [{"op": "remove", "path": "/name/123-45-6789"}])
    assert "6789" not in str(caught.value)


def test_a_document_that_is_no_patch_is_unreadable() -> None:
    for document in ({}, None, "x", [1], [{}] * (MAX_OPERATIONS + 1)):
        with pytest.raises(PatchError) as caught:
            json_patch(PATIENT, document)
        assert isinstance(caught.value, PatchUnreadable)


def test_a_value_put_in_twice_is_two_values() -> None:
    value: dict[str, Any] = {"x": []}
    after = patched(
        {"op": "add", "path": "/a", "value": value},
        {"op": "copy", "from": "/a", "path": "/b"},
        {"op": "add", "path": "/a/x/-", "value": 1},
    )
    assert (after["a"], after["b"], value) == ({"x": [1]}, {"x": []}, {"x": []})


def test_a_patch_that_doubles_the_resource_each_time_is_stopped() -> None:
    with pytest.raises(PatchError, match=r"too large|deeper"):
        json_patch(PATIENT, [{"op": "copy", "from": "/name", "path": "/name/0/again"}] * 60)
    with pytest.raises(PatchError, match="too large"):
        json_patch(PATIENT, [{"op": "add", "path": "/n", "value": []}, *[{"op": "copy", "from": "", "path": "/n/0"}] * 60])


KEYS = st.text("ab/~-0", min_size=1, max_size=3)
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("xy", max_size=2) | st.decimals(-9, 9, places=2)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)


def escaped(step: object) -> str:
    return "/" + str(step).replace("~", "~0").replace("/", "~1")


def difference(before: Any, after: Any, path: str = "") -> list[dict[str, Any]]:
    """Operations that make `after` of `before`: plain, but any correct patch must follow them."""
    if isinstance(before, dict) and isinstance(after, dict):
        gone = [{"op": "remove", "path": path + escaped(key)} for key in before if key not in after]
        new = [{"op": "add", "path": path + escaped(key), "value": after[key]} for key in after if key not in before]
        return [*gone, *new, *(step for key in before if key in after for step in difference(before[key], after[key], path + escaped(key)))]
    if isinstance(before, list) and isinstance(after, list):
        both = min(len(before), len(after))
        changed = [step for i in range(both) for step in difference(before[i], after[i], f"{path}/{i}")]
        cut = [{"op": "remove", "path": f"{path}/{i}"} for i in range(len(before) - 1, both - 1, -1)]
        return [*changed, *cut, *({"op": "add", "path": f"{path}/-", "value": value} for value in after[both:])]
    tested = [{"op": "test", "path": path, "value": before}]
    return [] if before is after else [*tested, {"op": "replace", "path": path, "value": after}]


@given(DOCUMENTS, DOCUMENTS)
def test_applying_the_difference_of_two_documents_to_one_gives_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert (
        repr(json_patch(before, difference(before, after))) == repr(json_patch(after, []))
        or json_patch(before, difference(before, after)) == after
    )


STEPS = st.lists(st.sampled_from(["a", "b", "0", "1", "-", "~0", "~1", "~2", "01", "é"]), max_size=3).map(
    lambda steps: "".join("/" + s for s in steps)
)
OPERATIONS = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"]),
        "path": STEPS | VALUES,
        "from": STEPS | VALUES,
        "value": VALUES,
    },
)


@given(DOCUMENTS, st.lists(OPERATIONS, max_size=5) | VALUES)
def test_whatever_is_sent_the_only_error_is_a_patch_error(document: dict[str, Any], operations: Any) -> None:
    before = copy.deepcopy(document)
    with contextlib.suppress(PatchError):
        json_patch(document, operations)
    assert document == before
