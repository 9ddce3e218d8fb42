"""Unusual looking: who opened many charts, their own, a colleague's, a neighbour's, or strangers'.

A signal is a reason to ask, never a finding: each says what was seen, against which number, and what may well explain it.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate.trail.lines import note, reader
from sojourn.record import lines as store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sojourn.gate.access import Access

_MOST = 200_000


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The numbers in force on a day, with where they come from."""

    effective: date
    source: str
    zone: str
    night: tuple[int, int]
    many_a_day: int
    many_times_usual: float
    unrelated: int
    area: int
    nights: int
    night_share: float


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing worth asking about. kind: its code; strong: whether it is rarely explained by ordinary work."""

    account: str
    name: str
    role: str
    kind: str
    says: str
    explained: str
    patients: tuple[str, ...]
    strong: bool


@dataclass(frozen=True, slots=True)
class Outliers:
    """The report. looked: how many people opened charts; charts: how many openings there were of whose chart by whom."""

    since: datetime
    until: datetime
    thresholds: Thresholds
    signals: list[Signal]
    looked: int
    charts: int


@lru_cache(maxsize=1)
def _rows() -> list[dict[str, Any]]:
    return list(tomllib.loads((Path(__file__).parent / "outliers.toml").read_text("utf-8"))["thresholds"])


def thresholds(day: date) -> Thresholds:
    """The numbers in force on a day."""
    row = max((r for r in _rows() if r["effective"] <= day), key=lambda r: r["effective"])
    return Thresholds(**{**row, "night": (row["night"][0], row["night"][1])})


async def outliers(access: Access, since: datetime, until: datetime) -> Outliers:
    """The report over a time. Raises Forbidden, recorded, unless the caller oversees the trail and may know of every program's records.

    It counts, so that it can be made only for those from whom no program is hidden.
    """
    question = f"since={since.isoformat()}&until={until.isoformat()}"
    if not access.may("AuditEvent", "trail") or reader(access, None) != "whole":
        await access.refuse("outliers", "AuditEvent", question)
        raise errors.Forbidden("This report is for those who oversee the trail and work with every program.")
    numbers = thresholds(access.now.date())
    rows = await store.openings(access.house.db, access.head, access.decided, since, until, numbers.zone, numbers.night, _MOST)
    found = signals(rows, numbers)
    await note(access, "outliers", question, patients=sorted({p for s in found for p in s.patients}))
    return Outliers(since, until, numbers, found, len({r["account"] for r in rows}), len(rows))


def signals(rows: Sequence[Any], numbers: Thresholds) -> list[Signal]:
    """What stands out among openings (rows of gate.openings); what is rarely explained by ordinary work first."""
    usual = _usual(rows)
    by_person: dict[str, list[Any]] = {}
    for row in rows:
        by_person.setdefault(row["account"], []).append(row)
    found = [signal for mine in by_person.values() for signal in (*_connected(mine), *_counted(mine, numbers, usual))]
    return sorted(found, key=lambda s: (not s.strong, s.name, s.kind))


def _usual(rows: Sequence[Any]) -> dict[str, float]:
    """The median of the busiest days of those with the same role."""
    busiest: dict[str, dict[str, int]] = {}
    for (role, account, _), count in Counter((r["role"], r["account"], day) for r in rows for day in r["days"]).items():
        mine = busiest.setdefault(role, {})
        mine[account] = max(count, mine.get(account, 0))
    return {role: median(mine.values()) for role, mine in busiest.items()}


def _signal(rows: Sequence[Any], kind: str, says: str, explained: str, *, strong: bool) -> Signal:
    return Signal(rows[0]["account"], rows[0]["name"], rows[0]["role"], kind, says, explained, tuple(r["patient"] for r in rows), strong)


def _connected(mine: list[Any]) -> list[Signal]:
    """What connects the person with those whose charts were opened."""
    found = []
    if same := [r for r in mine if r["self"]]:
        found.append(_signal(same, "self", "opened a chart with their own name and birth date", "It may be a namesake born on the same day.", strong=True))
    if same := [r for r in mine if r["colleague"] and not r["self"]]:
        found.append(_signal(same, "colleague", f"opened the charts of {_many(len(same), 'person', 'people')} with the name and birth date of a colleague",
                             "They may treat the colleague." if any(r["related"] for r in same) else "Nothing in the record connects them as patient and staff.", strong=True))  # fmt: skip
    if same := [r for r in mine if r["address"] and not r["self"]]:
        found.append(_signal(same, "address", f"opened the charts of {_many(len(same), 'patient', 'patients')} at their own address",
                             "It may be another household in the same house.", strong=True))  # fmt: skip
    if same := [r for r in mine if r["family"] and not (r["self"] or r["address"] or r["related"])]:
        found.append(_signal(same, "family-name", f"opened the charts of {_many(len(same), 'patient', 'patients')} with their own last name whom they do not treat",
                             "Common names meet by chance.", strong=False))  # fmt: skip
    return found


def _counted(mine: list[Any], numbers: Thresholds, usual: dict[str, float]) -> list[Signal]:
    """What is much against a number."""
    found = []
    area = [r for r in mine if r["area"] and not (r["related"] or r["address"] or r["self"])]
    if len(area) >= numbers.area:
        found.append(_signal(area, "area", f"opened the charts of {len(area)} patients of their own postal code area whom they do not treat (from {numbers.area})",
                             "Those who live near the clinic have many such patients.", strong=False))  # fmt: skip
    apart = [r for r in mine if not r["related"]]
    if len(apart) >= numbers.unrelated:
        found.append(_signal(apart, "unrelated", f"opened the charts of {len(apart)} patients with whom no care team, episode or program connects them (from {numbers.unrelated})",
                             "Cover, intake and supervision look like this until the care team is kept.", strong=False))  # fmt: skip
    days = Counter(day for r in mine for day in r["days"])
    day, most = max(days.items(), key=lambda item: (item[1], item[0]))
    normal = usual.get(mine[0]["role"], 0)
    if most >= numbers.many_a_day and most >= numbers.many_times_usual * normal:
        found.append(_signal([r for r in mine if day in r["days"]], "many", f"opened the charts of {most} patients on {day.day} {day:%b %Y}; the median of the busiest days in this role is {normal:g} "
                             f"(from {numbers.many_a_day}, and {numbers.many_times_usual:g} times the median)", "Rounds, audits and migrations look like this.", strong=False))  # fmt: skip
    times, nights = sum(r["times"] for r in mine), sum(r["nights"] for r in mine)
    if nights >= numbers.nights and nights >= numbers.night_share * times:
        found.append(_signal([r for r in mine if r["nights"]], "night", f"opened charts {nights} times between {numbers.night[0]}:00 and {numbers.night[1]}:00, of {times} in all (from {numbers.nights})",
                             "Night shifts and on-call duty look like this.", strong=False))  # fmt: skip
    return found


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
