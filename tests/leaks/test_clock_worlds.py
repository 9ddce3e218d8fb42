"""What the clock and the followers of the feed do about what is hidden tells nobody that it is there.

Every duty (duties.py), every follower (listeners.py) and every rule that writes beside a write (care/consequences.py) runs in two
worlds, at moments of a clock that moves for two years; after each, what the viewers see is the same in both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

from sojourn.gate import origin
from sojourn.record.database import Dsn
from tests.effort import THOROUGH
from tests.leaks.clockworlds import BEGIN, MOMENTS, READERS, STAFF, VIEWERS, Clocked, acted, answers, heard, opened, questions
from tests.people import close_clinic


async def test_what_the_clock_does_about_what_is_hidden_shows_nowhere(databases: Callable[[], Dsn]) -> None:
    a, b = await opened("A", databases()), await opened("B", databases())
    try:
        told = [each for number in range(len(MOMENTS)) for each in await moment(a, b, number, VIEWERS if THOROUGH or number % 2 else READERS)]
        assert told == []
        for who in VIEWERS:
            assert heard(a, who) == heard(b, who), who
        assert any(heard(a, who) for who in VIEWERS)
        assert len(heard(a, "sud-night")) > len(heard(b, "sud-night")), "who may know is called"
        assert len({(subject, words) for who in STAFF for at in (a, b) for _, subject, words in heard(at, who)}) == 1
        idle = sorted(a.names() - acted(a, b))
        assert idle == [], f"nothing hidden gave these something to do, so that a leak of theirs would not be found: {idle}. Tell it in clockfacts.py."
    finally:
        for at in (a, b):
            await close_clinic(at.world.clinic)


async def test_a_planted_leak_of_a_duty_is_found(databases: Callable[[], Dsn]) -> None:
    """A plan's review is asked for by a diagnosis of a Part 2 program, as it was once."""

    async def everything(_access: Any, _about: str, resources: Any) -> Any:
        return list(resources)

    a, b = await opened("A", databases()), await opened("B", databases())
    try:
        with mock.patch.object(origin, "telling", everything):
            told = [each for number in range(3) for each in await moment(a, b, number, READERS[:1])]
        assert any("Task" in each for each in told)
        assert all("after 3:00:00" in each for each in told), "and nothing else differs"
    finally:
        for at in (a, b):
            await close_clinic(at.world.clinic)


async def moment(a: Clocked, b: Clocked, number: int, viewers: Sequence[str]) -> list[str]:
    """What the server does by itself at one moment in both worlds; then who can tell them apart, and by what."""
    for at in (a, b):
        at.world.clock.set(BEGIN + MOMENTS[number])
        await at.round(number)
    told = []
    for who in viewers:
        asks = questions(a.world.told.ids["client"], who, whole=number == len(MOMENTS) - 2)
        one, other = [await answers(at, who, asks, f"{number}") for at in (a, b)]
        told += [f"{who} after {MOMENTS[number]}: {url}: {differs(x, y)}" for (url, x), (_, y) in zip(one, other, strict=True) if x != y]
    return told


def differs(one: Any, other: Any) -> str:
    """Where the first difference is."""
    for (status, _, x), (also, _, y) in zip(one, other, strict=False):
        if status != also:
            return f"{status} and {also}"
        if x != y:
            at = next((n for n, (p, q) in enumerate(zip(x, y, strict=False)) if p != q), min(len(x), len(y)))
            return f"{x[max(0, at - 120) : at + 80]!r} and {y[max(0, at - 120) : at + 80]!r}"
    return "in the headers, or in how many pages there are"
