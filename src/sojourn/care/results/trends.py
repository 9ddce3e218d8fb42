"""Values over time: numbers with their usual range, screens as rows of findings by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sojourn.care.results import model
from sojourn.care.results.model import Value

_FEW = 2


@dataclass(frozen=True, slots=True)
class Series:
    """One test in one unit, the oldest value first. Values in another unit are another series: a line never joins two."""

    name: str
    code: str
    unit: str
    values: tuple[Value, ...]

    @property
    def last(self) -> Value:
        """The newest."""
        return self.values[-1]


def numbers(observations: Iterable[Mapping[str, Any]]) -> list[Series]:
    """Tests with at least two numbers, by name. What was withdrawn is left out."""
    found: dict[tuple[str, str], list[Value]] = {}
    for value in _all(observations):
        if value.number is not None and not value.withdrawn:
            found.setdefault((value.code or value.name, value.unit), []).append(value)
    made = [Series(some[0].name, code, unit, tuple(sorted(some, key=lambda v: v.when))) for (code, unit), some in found.items() if len(some) >= _FEW]
    return sorted(made, key=lambda s: (s.name.casefold(), s.unit))


@dataclass(frozen=True, slots=True)
class Panel:
    """A screen over time. days: moments, the newest first; rows: (test, a value or None for each day)."""

    days: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Value | None, ...]], ...]


def screens(observations: Iterable[Mapping[str, Any]], *, days: int = 8) -> Panel | None:
    """Findings in words (a urine drug screen), test by day: of the newest days. None where there are none."""
    found: dict[str, dict[str, Value]] = {}
    for value in _all(observations):
        if value.number is None and not value.withdrawn and value.when and len(value.said) <= 40 and _coded(value):  # noqa: PLR2004 - what fits a cell
            found.setdefault(value.name, {})[value.when] = value
    moments = sorted({when for by_day in found.values() for when in by_day}, reverse=True)[:days]
    rows = tuple((name, tuple(by_day.get(when) for when in moments)) for name, by_day in sorted(found.items(), key=lambda i: i[0].casefold()) if any(when in by_day for when in moments))
    return Panel(tuple(moments), rows) if rows else None


def _coded(value: Value) -> bool:
    return value.said.casefold().startswith(("pos", "neg", "det", "not det", "presumptive", "react", "non"))


def _all(observations: Iterable[Mapping[str, Any]]) -> Iterable[Value]:
    return (v for o in observations for v in model.values(o))
