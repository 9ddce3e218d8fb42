"""Which item that was sent is which that was shown: what is hidden in one must not turn up in another. No database."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.gate.aligning import align, likeness
from tests.people import labelled

LABEL, OTHER_LABEL = (labelled({}, code)["extension"][0] for code in ("HIV", "SDV"))


@pytest.mark.parametrize(
    ("shown", "sent", "found"),
    [
        (["a", "b"], ["b", "a"], {0: 1, 1: 0}),
        (["a", "a"], ["a"], {0: 0}), (["a"], ["a", "a"], {0: 0}),
        ([{"id": "1", "x": 1}, {"id": "2", "x": 2}], [{"id": "2", "x": 5}], {0: 1}),
        ([{"id": "1", "a": 1, "b": 2, "c": 3}, {"id": "2", "a": 9}], [{"id": "2", "a": 1, "b": 2, "c": 3}], {0: 1}),  # an id goes before likeness
        ([{"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}], [{"a": 1, "b": 3, "c": 5}], {0: 1}),
        ([{"a": 1}, {"a": 2}], [{"b": 1}, {"b": 2}], {}),  # nothing in common
        ([{"a": 1}], [{"a": 2}], {0: 0}),  # the one that is left, at the same place
        ([{"a": 1}, {"a": 2}], [{"a": 2}, {"a": 3}], {0: 1}), ([{"a": 1}, {"b": 2}], [{"a": 7}], {}), ([{"a": 1}, {"b": 2}], [{"a": 1}, {"c": 2}], {0: 0, 1: 1}),
        ([{"a": 1, "x": 1}, {"a": 1, "x": 2}], [{"a": 1, "x": 8}, {"a": 1, "x": 9}], {0: 0, 1: 1}),  # of those alike the nearest
        ([{"a": 1, "x": 0}, {"a": 1, "x": 1}, {"a": 1, "x": 2}], [{"z": 0}, {"a": 1, "x": 7}], {1: 1}),
        ([{"a": 1, "x": 0}], [{"a": 1, "x": 1}, {"a": 1, "x": 2}], {0: 0}),
        ([{"a": 1, "x": 0}, {"a": 1, "y": 0}], [{"a": 1, "x": 5}], {0: 0}),
        ([LABEL], [LABEL], {0: 0}), ([LABEL], [OTHER_LABEL], {}), ([LABEL, {"url": "u", "valueCode": "a"}], [OTHER_LABEL, {"url": "u", "valueCode": "b"}], {1: 1}), ([{"a": 1}], [LABEL], {}), ([{"a": 1}, LABEL], [{"b": 2}], {}), ([LABEL], [{"a": 1}], {}),
        ([{"url": "u", "valueCode": "a"}, {"url": "w", "valueCode": "b"}], [{"url": "w", "valueCode": "c"}, {"url": "q", "valueCode": "a"}], {0: 1}),  # extensions are the same by url alone
    ],
)  # fmt: skip
def test_which_is_which(shown: list[Any], sent: list[Any], found: dict[int, int]) -> None:
    assert align(shown, sent) == found


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        (1, 1, 1), (1, 2, 0), (True, 1, 0), (None, None, 0), ("", "", 1), (1, "1", 0),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}, 2), ({"a": 1}, {"b": 1}, 0), ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 2}}, 2), ({"a": 1}, [1], 0),
        ({"id": "x"}, {"id": "x"}, 1001), ({"id": "x"}, {"id": "y"}, 0), ({"id": "x", "a": 1}, {"a": 1}, 1), ({"a": 1}, {"id": "x", "a": 1}, 1), ({"id": None}, {}, 1000),
        ((1, None), (1, {"id": "x"}), 1), ((1, None), (2, None), 0),
        ([1, 2], [2, 3], 1), ([1, 2], [2, 1], 2), ([1], [], 0), ([{"a": 1, "b": 2}], [{"a": 1}, {"a": 1, "b": 2}], 2),
        ({"url": "u"}, {"url": "u"}, 1), ({"url": "u", "a": 1}, {"url": "u", "a": 1}, 2), ({"url": "u", "a": 1}, {"url": "v", "a": 1}, -999), ({"url": "u"}, {"a": 1}, 0), ({"a": 1}, {"url": "u", "a": 1}, 1),
        ({"system": "s", "url": "u"}, {"system": "s", "url": "v"}, 1), (LABEL, LABEL, 0), ({"extension": [LABEL]}, {"extension": [LABEL]}, 0),
    ],
)  # fmt: skip
def test_how_much_two_have_in_common(a: Any, b: Any, alike: int) -> None:
    assert likeness(a, b) == alike
