"""Scenarios of our own in the shared format, `scenarios_more.json`: what a second author asks, each answer weighed against the law."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sojourn.cli import main
from sojourn.gate.policy.tables import spellings, table
from tests.gate.test_policy import decided

MORE = Path(__file__).with_name("scenarios_more.json")


@cache
def more() -> list[dict[str, Any]]:
    return list(json.loads(MORE.read_text("utf-8"))["scenarios"])


@pytest.mark.parametrize("number", [s["id"] for s in more()])
def test_each_comes_out_as_expected(number: str) -> None:
    asked = next(s for s in more() if s["id"] == number)
    answer = decided(asked).answer
    expected = asked["expected"]
    assert {**answer, "obligations": set(answer["obligations"])} == {**expected, "obligations": set(expected["obligations"])}


def test_the_command_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decide", "--check", str(MORE)]) == 0
    assert f"{len(more())} of {len(more())} as expected" in capsys.readouterr().err


def test_no_id_and_no_title_decides() -> None:
    for asked in more():
        renamed = {**asked, "id": "x", "title": "", "group": "", "legal_basis": []}
        assert decided(renamed).answer == decided(asked).answer


def test_no_spelling_of_a_fact_is_that_of_another() -> None:
    """A word under two facts would be read as whichever stands last in the table."""
    facts = table("facts")
    for part in ("context", "custodian", "request", "recipient", "consent", "restriction", "record"):
        words = [word for name, others in facts[part].items() for word in (name, *others)]
        words += [word for others in facts.get(f"{part}_opposite", {}).values() for word in others]
        words += facts.get(f"{part}_aside", {}).get("names", [])
        assert len(words) == len(set(words)), sorted({w for w in words if words.count(w) > 1})
    assert set(facts["context_opposite"]) | set(facts["context_either"]["names"]) <= set(spellings("context").values())
