"""What one page asks at the same time goes together, and each part of it is answered as if it had been asked alone."""

from __future__ import annotations

import asyncio
from copy import copy
from types import SimpleNamespace
from typing import Any

import pytest

from bench.walking import counted
from sojourn.gate import together
from sojourn.gate.access import Access
from tests.people import Clinic, encounter, labelled, observation, patient


def page() -> Any:
    """An access of a page, as far as gathering needs one."""
    access: Any = SimpleNamespace(kept=None)
    together.keep(access)
    return access


async def test_what_is_asked_while_a_search_is_under_way_waits_for_its_end_and_goes_together() -> None:
    groups: list[list[int]] = []

    async def ask(group: list[int]) -> int:
        groups.append(sorted(group))
        await asyncio.sleep(0)
        if 13 in group:
            raise ValueError("thirteen")
        return sum(group)

    access = page()

    async def part(n: int, wait: float) -> int:
        with together.flying(access):
            await asyncio.sleep(wait)
        found: int = await together.together(access, "sum", n, ask)
        return found

    assert await asyncio.gather(part(1, 0.001), part(2, 0.02), part(3, 0.01)) == [6, 6, 6]
    assert await part(4, 0) == 4
    found = await asyncio.gather(part(5, 0), part(13, 0.01), return_exceptions=True)
    assert [type(one) for one in found] == [ValueError, ValueError]
    assert groups == [[1, 2, 3], [4], [5, 13]]
    access.kept = None
    assert await asyncio.gather(part(1, 0), part(2, 0)) == [1, 2], "elsewhere each is asked alone"


async def test_a_kind_waits_for_the_one_that_comes_first() -> None:
    access, asked = page(), list[tuple[str, list[int]]]()

    async def answer(kind: str, group: list[int]) -> int:
        asked.append((kind, sorted(group)))
        with together.flying(access):
            await asyncio.sleep(0.002)
        return sum(group)

    async def both(n: int) -> int:
        await together.together(access, "past", n, lambda group: answer("past", group), kind=together.RECORD)
        return int(await together.together(access, "sight", n, lambda group: answer("sight", group), kind=together.SIGHT))

    alone = together.together(access, "sight", 4, lambda group: answer("sight", group), kind=together.SIGHT)
    assert await asyncio.gather(alone, both(1), both(2)) == [7, 7, 7]
    assert asked == [("past", [1, 2]), ("sight", [1, 2, 4])]


async def test_names_go_with_the_next_questions_to_the_record_and_alone_after_what_may_be_seen() -> None:
    access, asked = page(), list[tuple[str, list[int]]]()

    async def answer(kind: str, group: list[int]) -> int:
        asked.append((kind, sorted(group)))
        with together.flying(access):
            await asyncio.sleep(0.002)
        return sum(group)

    def record(n: int) -> Any:
        return together.together(access, "record", n, lambda group: answer("record", group), kind=together.RECORD)

    async def names(group: list[int]) -> int:
        return int(await record(100 + sum(group)))

    def named(n: int) -> Any:
        return together.together(access, "names", n, names, kind=together.NAMES)

    await asyncio.gather(named(1), named(2), record(5))
    assert asked == [("record", [5, 103])]
    asked.clear()
    await asyncio.gather(named(3), together.together(access, "sight", 7, lambda group: answer("sight", group), kind=together.SIGHT))
    assert asked == [("sight", [7]), ("record", [103])]


async def test_another_access_of_the_page_asks_in_the_same_rounds_and_for_itself() -> None:
    access, asked = page(), list[tuple[str, list[int]]]()
    other = together.beside(access, "other", lambda: SimpleNamespace(kept=None))  # type: ignore[arg-type,return-value]
    assert together.beside(access, "other", lambda: SimpleNamespace(kept=None)) is other  # type: ignore[arg-type,return-value]

    def ask(who: Any, name: str, n: int) -> Any:
        async def answer(group: list[int]) -> int:
            asked.append((name, sorted(group)))
            with together.flying(who):
                await asyncio.sleep(0.002)
            return sum(group)

        return together.together(who, "record", n, answer, kind=together.RECORD)

    async def later(n: int) -> int:
        with together.flying(access):
            await asyncio.sleep(0.005)
        return int(await ask(other, "other", n))

    assert await asyncio.gather(ask(access, "first", 1), later(2), later(3)) == [1, 5, 5]
    assert asked == [("first", [1]), ("other", [2, 3])]


async def test_one_who_gives_up_does_not_stop_the_others() -> None:
    access = page()

    async def ask(group: list[int]) -> int:
        await asyncio.sleep(0.02)
        return sum(group)

    async def alone() -> int:
        await asyncio.sleep(0.02)
        return 9

    gone, stays = (asyncio.create_task(together.together(access, "sum", n, ask)) for n in (1, 2))
    first, second = (asyncio.create_task(together.once(access, "nine", alone)) for _ in range(2))
    await asyncio.sleep(0.005)
    gone.cancel()
    first.cancel()
    assert await stays == 3
    assert await second == 9


async def test_a_page_asks_a_question_once_and_anew_after_a_write() -> None:
    access, asked = page(), []

    async def ask() -> int:
        asked.append(1)
        number = len(asked)
        await asyncio.sleep(0)
        return number

    assert await asyncio.gather(together.once(access, "a", ask), together.once(access, "a", ask), together.once(access, "b", ask)) == [1, 1, 2]
    copied = copy(access)
    assert await together.once(copied, "a", ask) == 3, "a copy stands elsewhere"
    access.kept = None
    assert await together.once(access, "a", ask) == 4


QUESTIONS: tuple[tuple[str, list[tuple[str, str]]], ...] = (
    ("Observation", [("_sort", "-_lastUpdated")]), ("Encounter", []), ("Condition", [("_sort", "_id")]), ("Patient", []), ("Observation", [("status", "final")]), ("Provenance", []),
)  # fmt: skip


async def _access(clinic: Clinic, who: str) -> Access:
    access = await clinic.gate.access(clinic.tokens[who])
    assert access is not None
    return access


async def _filled(clinic: Clinic) -> None:
    """Records of two programs that refer to one another, with labelled elements and more than one version."""
    p = (await clinic.make("sys-mh", patient())).id
    for who in ("sys-mh", "sys-sud"):
        await clinic.make(who, encounter(p))
    hidden = await clinic.make("sys-sud", observation(p))
    problem = {"resourceType": "Condition", "code": {"text": "Insomnia"}, "subject": {"reference": f"Patient/{p}"}, "evidence": [{"detail": [{"reference": f"Observation/{hidden.id}"}]}]}
    made = (await clinic.make("sys-mh", {**problem, "note": [labelled({"text": "a wish"}, "ETH")]})).json()
    await clinic.put("sys-mh", {**made, "note": [labelled({"text": "another wish"}, "ETH")]})
    for n in range(3):
        changed = (await clinic.make("sys-mh", observation(p, 60 + n))).json()
        await clinic.put("sys-mh", {**changed, "valueQuantity": {"value": 90 + n}})


@pytest.mark.parametrize("who", ["mh-clinician", "sud-clinician", "both-clinician", "biller", "ana"])
async def test_questions_asked_at_once_are_answered_as_one_by_one(clinic: Clinic, who: str) -> None:
    await _filled(clinic)
    apart = []
    for type_, params in QUESTIONS:
        access = await _access(clinic, who)
        if access.may(type_, "search"):
            apart.append([(s.type, s.id, s.version, s.body) for s in (await access.search(type_, params)).matches])
    access = await _access(clinic, who)
    together.keep(access)
    found = await asyncio.gather(*(access.search(type_, params) for type_, params in QUESTIONS if access.may(type_, "search")))
    assert [[(s.type, s.id, s.version, s.body) for s in one.matches] for one in found] == apart
    assert any(apart) or who == "ana"


async def test_ten_parts_of_a_page_cost_a_redacted_caller_two_statements_in_all(clinic: Clinic) -> None:
    await _filled(clinic)
    access = await _access(clinic, "mh-clinician")
    together.keep(access)
    with counted() as asked:
        await asyncio.gather(*(access.search("Observation", [("status", "final"), ("_count", str(n))]) for n in range(1, 11)))
    assert len(asked) == 2, "the searches with what came before their rows, and the sight of what these refer to; alone each asks three"
