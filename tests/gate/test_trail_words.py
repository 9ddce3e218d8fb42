"""What the trail says to people: every act has words, and days are those on the wall."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sojourn
from sojourn.gate.trail import words
from sojourn.gate.trail.accesses import grouped
from sojourn.gate.trail.lines import NEWEST, Line

SOURCE = Path(sojourn.__file__).parent
TELLS = {"entry": 0, "_line": 0, "told": 1, "_tell": 2, "keep": 3}
"""Functions that write a line, and which of their arguments says what was done."""
ACT = re.compile(r"[a-z]+(-[a-z]+)*")


def written() -> Iterator[tuple[str, str]]:
    """(act, where) of each act that is written by name in the source."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
            place = TELLS.get(name)
            said = [node.args[place]] if place is not None and len(node.args) > place else []
            said += [k.value for k in node.keywords if k.arg == "action" and name != "add_argument"]
            said += node.args[6:7] if name == "Entry" and len(node.args) > 7 else []
            for one in said:
                choices = [one.body, one.orelse] if isinstance(one, ast.IfExp) else [one]
                yield from ((c.value, f"{path.name}:{node.lineno}") for c in choices if isinstance(c, ast.Constant) and isinstance(c.value, str) and ACT.fullmatch(c.value))


def test_every_act_that_is_written_has_words_for_a_patient() -> None:
    found = dict(written())
    assert len(found) > 130
    assert {act: where for act, where in found.items() if act not in words.SAID} == {}
    assert [said for act, said in words.SAID.items() if "-" in act and said == act.replace("-", " ")] == []


def test_what_was_looked_at_late_in_the_evening_is_of_that_day() -> None:
    def line(at: datetime) -> Line:
        return Line(at, "", "nina", "Nina Torres", "staff", None, "nurse", "staff", "TREAT", "read", "done", "Patient", "", ("p",), (), b"", NEWEST)

    late, morning = datetime(2026, 3, 4, 2, 30, tzinfo=UTC), datetime(2026, 3, 3, 14, 5, tzinfo=UTC)
    assert [(v.day, v.times, f"{v.first:%H:%M %Z}", f"{v.last:%H:%M %Z}") for v in grouped([line(late), line(morning)], ZoneInfo("America/New_York"))] == [(date(2026, 3, 3), 2, "09:05 EST", "21:30 EST")]
    assert [v.day for v in grouped([line(late), line(morning)], ZoneInfo("UTC"))] == [date(2026, 3, 4), date(2026, 3, 3)]
