"""The dated rules of emergency access: how long, why, and what each opens (emergency.toml)."""

from __future__ import annotations

import tomllib
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple


class Reason(NamedTuple):
    """Why an emergency may be declared. opens: codes of bases that it opens beside what the role sees."""

    code: str
    text: str
    opens: tuple[str, ...]
    source: str


@lru_cache(maxsize=1)
def _rules() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads((Path(__file__).parent / "emergency.toml").read_text("utf-8"))


def _in_force(rows: list[dict[str, Any]], day: date) -> list[dict[str, Any]]:
    return [row for row in rows if row["effective"] <= day <= row.get("until", date.max)]


def hours(now: datetime) -> float:
    """How long an emergency lasts that is declared now."""
    return float(max(_in_force(_rules()["limit"], now.date()), key=lambda row: row["effective"])["hours"])


def review_days(now: datetime) -> int:
    """After how many days who manages accounts is told that a review waits."""
    return int(max(_in_force(_rules()["review"], now.date()), key=lambda row: row["effective"])["days"])


def reasons(now: datetime) -> list[Reason]:
    """The reasons that can be given now, in the order of the file; of rows with one code the latest."""
    found: dict[str, dict[str, Any]] = {}
    for row in sorted(_in_force(_rules()["reason"], now.date()), key=lambda row: row["effective"]):
        found[row["code"]] = row
    return [Reason(row["code"], row["text"], tuple(row["opens"]), row["source"]) for row in found.values()]


def reason(code: str, now: datetime) -> Reason | None:
    """The reason with this code, if it can be given now."""
    return next((each for each in reasons(now) if each.code == code), None)
