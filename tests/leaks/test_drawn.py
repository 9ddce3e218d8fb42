"""What is left out of a comparison stands in drawn.py with its reason, and nowhere else; and a cursor, which is left out of none, tells nothing by its length."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sojourn.base.crypto import ServerKey
from sojourn.gate import sealed
from tests.leaks import drawn

HERE = Path(__file__).parent
NO_ANSWERS = {
    "clockworlds.py": "names ids by the order in which an answer names them, alike in both worlds",
    "posting.py": "makes an id that nothing has", "test_posting_worlds.py": "fills a path in", "screens.py": "fills a path in",
}  # fmt: skip
"""Where something is put in the place of something else otherwise, and why it is no answer that is compared."""


def test_nothing_else_is_left_out() -> None:
    texts = {p.name: p.read_text("utf-8") for p in HERE.glob("*.py") if p.name not in ("drawn.py", Path(__file__).name)}
    assert {name for name, text in texts.items() if re.search(r"\bre\.sub\(|\.sub\(", text)} == set(NO_ANSWERS)
    whole = "".join(texts.values())
    unused = [name for name in (*drawn.DRAWN, *drawn.OTHER, *drawn.BYTES) if f'"{name}"' not in whole and name not in ("nonce", "patient", "back", "next", "refresh")]
    assert unused == []


def test_lengths_are_compared() -> None:
    page = drawn.Drawn("csrf", "seen")
    assert page.out('<input name="csrf" value="abc"> <input name="seen" value="xyz">') == page.out('<input name="csrf" value="def"> <input name="seen" value="uvw">')
    assert page.out('<input name="csrf" value="abc">') != page.out('<input name="csrf" value="abcd">')
    assert page.out('<input name="cursor" value="abc">') == '<input name="cursor" value="abc">'
    assert drawn.without("a new paper", "/tray/abc?q") != drawn.without("a new paper", "/tray/abcd?q")
    assert drawn.bytes_without("the control id", b"|ORM^O01|abc|") != drawn.bytes_without("the control id", b"|ORM^O01|abcd|")


@pytest.mark.parametrize("question", ["trail:x", "results:all", "history"])
def test_a_cursor_is_as_long_wherever_it_points_and_the_same_for_the_same_place(question: str) -> None:
    """How many digits a position has tells how much was written by others; that it is the same again tells only that the last row shown is the same."""
    access: Any = SimpleNamespace(house=SimpleNamespace(key=ServerKey(b"k" * 64)), tenant=SimpleNamespace(number=1), caller=SimpleNamespace(account="dana"))
    early = sealed.cursor(access, question, ["2026-03-01T08:00:00+00:00", 1, 7])
    late = sealed.cursor(access, question, ["2026-03-01T08:00:00.123456+00:00", 2**62, 2**62])
    assert len(early) == len(late)
    assert early != late
    assert early == sealed.cursor(access, question, ["2026-03-01T08:00:00+00:00", 1, 7])
    assert sealed.open_cursor(access, question, early) == ["2026-03-01T08:00:00+00:00", 1, 7]
