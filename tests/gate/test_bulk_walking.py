"""Stretches of an export as such: what of one is counted and named, and that nothing of its length shows in what is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from sojourn.gate import bases
from sojourn.gate.bulk import leaving, walking
from sojourn.gate.bulk.leaving import PIECE
from sojourn.gate.bulk.walking import Ahead, Line, Part
from sojourn.gate.labelrules import shipped
from sojourn.gate.labels import label
from sojourn.gate.redact import redact
from tests.gate.test_quick import PLAIN, N, dumps, under


def sent(sizes: Sequence[Sequence[int]]) -> list[bytes]:
    """The pieces of stretches of so many bytes, each of several parts."""

    async def stretches() -> AsyncIterator[list[bytes]]:
        n = 0
        for some in sizes:
            made = []
            for size in some:
                made.append(bytes([n % 251]) * size)
                n += 1
            yield made

    async def taken() -> list[bytes]:
        return [bytes(piece) async for piece in leaving._even(stretches())]

    return asyncio.run(taken())


@pytest.mark.parametrize("sizes", [[], [[]], [[0]], [[1]], [[PIECE]], [[PIECE - 1], [1]], [[PIECE + 1]], [[3 * PIECE]], [[3 * PIECE + 7, 5], [PIECE - 12], [1]], [[10, PIECE], [], [PIECE, 10]]])
def test_pieces_are_even_whatever_stretches_they_come_from(sizes: list[list[int]]) -> None:
    whole, n = b"", 0
    for some in sizes:
        for size in some:
            whole, n = whole + bytes([n % 251]) * size, n + 1
    made = sent(sizes)
    assert b"".join(made) == whole
    assert all(len(piece) == PIECE for piece in made[:-1])
    assert not made or 0 < len(made[-1]) <= PIECE


def test_a_stretch_says_whose_lines_it_has_and_what_they_come_to() -> None:
    made = Part.of([Line(b"{}", 7, "p", "a"), Line(b"[1]", 9, None, "b"), Line(b"{}", 8, "a", "c"), Line(b"{}", 11, "p", "d")], ("p", 8))
    assert (made.seqs, made.size, made.to, made.over, list(made.patients)) == ([7, 9, 8, 11], 13, ("p", 8), False, ["a", "p"])
    assert b"".join(made.data) == b"{}\n[1]\n{}\n{}\n"
    assert made.stamp == walking.stamp([7, 9, 8, 11])
    assert len({walking.stamp(s) for s in ([], [7], [7, 9], [9, 7], [7, 9, 8, 11])}) == 5
    assert Part.of([], ("", 0), over=True).over


async def test_what_comes_ahead_comes_in_order_and_its_fault_where_it_is_taken() -> None:
    async def some() -> AsyncIterator[int]:
        yield 1
        yield 2
        raise ValueError

    ahead = Ahead(some())
    assert [await anext(ahead), await anext(ahead)] == [1, 2]
    with pytest.raises(ValueError):  # noqa: PT011 - its own
        await anext(ahead)


def test_the_form_of_a_line_is_what_redaction_makes_of_it() -> None:
    """None where it is what is stored, nothing where it is not a resource any more."""
    told = under([N], subject={"reference": "Patient/p", "display": "Ana"})
    lacking = {k: v for k, v in under([N]).items() if k != "status"}
    part = {**PLAIN, "note": [{"text": "x", "extension": [{"url": bases.INLINE, "valueCoding": {"system": bases.ACT_CODE, "code": "HIV"}}]}]}
    marked = {**part, "meta": {"security": label(part, []).security}}
    forms = walking._forms([dumps(r) for r in (under([N]), told, lacking, marked)], shipped())
    assert forms[0] is None
    assert forms[1] == dumps(redact(told, permitted=bases.ALL, hidden=frozenset(), rules=shipped())) != dumps(told)
    assert forms[2] == b""
    assert forms[3] == dumps(redact(marked, permitted=bases.ALL, hidden=frozenset(), rules=shipped()))
    assert b"HIV" in (forms[3] or b""), "who may see it gets it"
