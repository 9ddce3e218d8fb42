"""What of the changes that wait a subscriber is told: one condition at a time. No database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import searching
from sojourn.gate.subscriptions import deciding
from sojourn.gate.subscriptions.model import topics

BEGUN = datetime(2026, 3, 1, tzinfo=UTC)
TOPIC = next(iter(topics()))


class Receiver:
    """Who sees these resources, each with its version and when their view of it changed, and may know that those of `gone` were deleted."""

    def __init__(self, seen: dict[tuple[str, str], tuple[str, int]], gone: tuple[tuple[str, str], ...] = (), types: tuple[str, ...] = ("Observation", "Condition", "Encounter")) -> None:
        self.seen, self.gone, self._types, self.asked = seen, gone, types, []  # type: ignore[var-annotated]

    def may(self, type_: str, _action: str) -> bool:
        return type_ in self._types

    async def read(self, type_: str, id_: str) -> None:
        if (type_, id_) in self.gone:
            raise errors.Gone
        if (type_, id_) not in self.seen:
            raise errors.NotFound


@pytest.fixture(autouse=True)
def searched(monkeypatch: pytest.MonkeyPatch) -> None:
    async def search(access: Any, type_: str, params: list[tuple[str, str]], *, count: int, said: str) -> Any:
        ids = dict(params)["_id"].split(",")
        assert len(ids) == count
        access.asked.append((type_, ids, params[1:], said))
        found = [SimpleNamespace(id=i, version=v, updated=BEGUN + timedelta(seconds=at)) for (t, i), (v, at) in access.seen.items() if t == type_ and i in ids]
        return SimpleNamespace(matches=found)

    monkeypatch.setattr(searching, "search", search)


def facts(*filters: tuple[str, str], types: tuple[str, ...] = ("Observation", "Condition")) -> Any:
    return SimpleNamespace(topic=TOPIC, types=types, filters=filters)


A, B, C, E = ("Observation", "a"), ("Observation", "b"), ("Condition", "c"), ("Encounter", "e")


async def told(receiver: Any, changes: list[tuple[str, str, str]], before: tuple[tuple[str, str, str], ...] = ()) -> list[tuple[str, str, str]]:
    return [(t.kind, t.id, t.version) for t in await deciding.told(receiver, facts(), changes, set(before), BEGUN)]


@pytest.mark.parametrize(
    ("seen", "gone", "changes", "before", "expected"),
    [
        ({A: ("1", 5)}, (), [("create", *A)], (), [("create", "a", "1")]), ({}, (), [("create", *A)], (), []), ({A: ("1", 0)}, (), [("update", *A)], (), [("create", "a", "1")]), ({A: ("1", -1)}, (), [("update", *A)], (), []),
        ({A: ("2", 5)}, (), [("update", *A)], ((*A, "1"),), [("update", "a", "2")]), ({A: ("1", 5)}, (), [("update", *A)], ((*A, "1"),), []), ({A: ("1", 5)}, (), [("create", *A), ("update", *A), ("update", *A)], (), [("create", "a", "1")]),
        ({A: ("1", 9), B: ("1", 5), C: ("1", 7)}, (), [("create", *A), ("create", *B), ("create", *C)], (), [("create", "b", "1"), ("create", "c", "1"), ("create", "a", "1")]),
        ({A: ("1", 5), C: ("1", 5)}, (), [("create", *A), ("create", *C)], (), [("create", "c", "1"), ("create", "a", "1")]),
        ({}, (A,), [("delete", *A)], ((*A, "1"),), [("delete", "a", "deleted")]), ({}, (A,), [("delete", *A)], (), []), ({}, (A,), [("delete", *A)], ((*A, "1"), (*A, "deleted")), []), ({}, (), [("delete", *A)], ((*A, "1"),), []),
        ({A: ("2", 5)}, (), [("delete", *A)], ((*A, "1"),), []), ({}, (A,), [("delete", *A)], ((*B, "1"),), []), ({A: ("3", 5)}, (A,), [("delete", *A), ("create", *A)], ((*A, "1"),), [("update", "a", "3")]),
        ({B: ("1", 5)}, (A,), [("delete", *A), ("create", *B)], ((*A, "1"),), [("create", "b", "1"), ("delete", "a", "deleted")]), ({E: ("1", 5)}, (), [("create", *E)], (), []),
    ],
)  # fmt: skip
async def test_each_resource_is_told_once_as_its_receiver_sees_it_then_what_they_may_know_is_gone(
    seen: Any, gone: Any, changes: list[tuple[str, str, str]], before: tuple[tuple[str, str, str], ...], expected: list[tuple[str, str, str]]
) -> None:
    assert await told(Receiver(seen, gone), changes, before) == expected


async def test_a_type_that_the_role_does_not_read_is_neither_searched_nor_told_of() -> None:
    receiver: Any = Receiver({A: ("1", 5)}, (A,), types=())
    assert await told(receiver, [("create", *A)]) == []
    assert await told(receiver, [("delete", *A)], ((*A, "1"),)) == []
    assert receiver.asked == []


async def test_each_filter_of_a_type_is_asked_and_what_fits_one_of_them_is_seen() -> None:
    receiver: Any = Receiver({A: ("1", 5), C: ("1", 5)})
    found = await deciding.visible(receiver, facts(("Observation", "code=x&status=final"), ("Observation", "category=y")), [A, A, C])
    assert found.keys() == {A, C}
    own = [(t, ids, [p for p in params if p in (("code", "x"), ("status", "final"), ("category", "y"))]) for t, ids, params, _ in receiver.asked]
    assert own == [("Observation", ["a"], [("code", "x"), ("status", "final")]), ("Observation", ["a"], [("category", "y")]), ("Condition", ["c"], [])]
    assert all(said.startswith("subscription") and "a" not in said.split("&")[1:] for *_, said in receiver.asked)


async def test_what_a_topic_is_about_is_asked_with_each_filter() -> None:
    receiver: Any = Receiver({E: ("1", 5)})
    topic = next(t for t in topics() if t.endswith("/encounter-start"))
    begun = SimpleNamespace(topic=topic, types=("Encounter",), filters=(("Encounter", "class=AMB"),))
    await deciding.visible(receiver, begun, [E])  # type: ignore[arg-type]
    assert receiver.asked == [("Encounter", ["e"], [("status", "in-progress"), ("class", "AMB")], "subscription&status=in-progress&class=AMB")]


async def test_many_are_asked_for_in_pages_so_that_none_is_passed_over() -> None:
    receiver: Any = Receiver({("Observation", f"o{n}"): ("1", 5) for n in range(1001)})
    assert len(await deciding.visible(receiver, facts(), [("Observation", f"o{n}") for n in range(1001)])) == 1001
    assert [len(ids) for _, ids, _, _ in receiver.asked] == [500, 500, 1]


async def test_what_is_told_again_is_what_may_be_known_at_that_moment() -> None:
    receiver: Any = Receiver({A: ("2", 5)}, (B,))
    events = [("create", *A), ("delete", *B), ("delete", *C), ("update", *C), ("delete", *B)]
    found = await deciding.known(receiver, facts(), events)
    assert {e: s.version if s is not None else None for e, s in found.items()} == {("create", *A): "2", ("delete", *B): None}
