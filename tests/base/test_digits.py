"""What is taken for a number can be read as one; and nobody asks isdigit() before int()."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import sojourn
from sojourn.base.digits import digits

_BEFORE_INT = re.compile(r"int\(.*isdigit\(\)|isdigit\(\).*int\(")


@pytest.mark.parametrize("text", ["0", "007", "12", "9" * 18])
def test_digits_are_a_number(text: str) -> None:
    assert digits(text)
    assert int(text) >= 0


@pytest.mark.parametrize("text", ["", " ", "-1", "+1", "1.5", "1_000", "²", "1²", "①", "٣", "१", "1 2", "9" * 19, "9" * 5000])
def test_what_is_none_of_ours_is_no_number(text: str) -> None:
    assert not digits(text)


def test_nobody_asks_isdigit_before_int() -> None:
    files = sorted(Path(str(sojourn.__file__)).parent.rglob("*.py"))
    found = [f"{path.name}: {line.strip()[:80]}" for path in files if path.name != "digits.py" for line in path.read_text("utf-8").splitlines() if _BEFORE_INT.search(line)]
    assert found == []
