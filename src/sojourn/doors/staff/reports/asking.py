"""What a page of reports was asked for: day and rows; and the addresses that ask for it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from sojourn.care.reports.model import Definition, Figure, Rows
from sojourn.doors.staff.words import day_of, day_text

if TYPE_CHECKING:
    from starlette.datastructures import ImmutableMultiDict

    from sojourn.care.reports.model import When
    from sojourn.care.reports.source import Source

PATH = "/reports"
_BY = "by."


class Shown(NamedTuple):
    """A figure as it is read. text: the number with its unit, or a dash where there is nothing to count; path: its rows."""

    title: str
    text: str
    path: str


def day(values: Mapping[str, str]) -> date | None:
    """The day that was asked for; None for today."""
    return day_of(values.get("day", ""))


def so(definition: Definition, values: ImmutableMultiDict[str, str]) -> dict[str, tuple[str, ...]]:
    """Which rows were asked for. What names no column that rows are counted by is left out."""
    found: dict[str, tuple[str, ...]] = {}
    for key in values:
        column = definition.column(key.removeprefix(_BY)) if key.startswith(_BY) else None
        if column is not None and column.by:
            found[column.key] = tuple(str(v) for v in values.getlist(key))
    return found


def address(definition: Definition, when: When, so: Mapping[str, tuple[str, ...]], **more: str) -> str:
    """The page of a report for that day with those rows."""
    said = [("day", when.day.isoformat())] if not when.now else []
    said += [(_BY + key, value) for key, values in so.items() for value in values]
    said += list(more.items())
    return f"{PATH}/{definition.key}" + (f"?{urlencode(said)}" if said else "")


def figures(definition: Definition, when: When, rows: Rows) -> list[Shown]:
    """The figures of a report, each with the way to its rows."""
    return [Shown(f.title, text(f, f.value(rows)), address(definition, when, f.so)) for f in definition.figures]


async def note(found: Source, action: str, definition: Definition, so: Mapping[str, tuple[str, ...]], *, outcome: str = "done", patients: Sequence[str] = (), said: str = "") -> None:
    """A line of the trail: which report, for when, of which rows; and whose rows were shown.

    Staff look at a report for the running of the organization, whatever else they are there for (45 CFR 164.501).
    """
    access = found.access
    query = address(definition, found.when, so).removeprefix("/") + ("" if not found.when.now else f" at {found.when.at:%Y-%m-%dT%H:%M}") + said
    await access.note(access.entry(action, "Report", query, outcome=outcome, patients=patients)._replace(purpose="HOPERAT"))


def text(figure: Figure, value: float | None) -> str:
    """A number as it is read."""
    if value is None:
        return "–"
    number = f"{value:,.1f}".removesuffix(".0") if isinstance(value, float) else f"{value:,}"
    return f"{number} %" if figure.unit == "%" else f"{number} {figure.unit.removesuffix('s') if value == 1 else figure.unit}".strip()


def asked(definition: Definition, so: Mapping[str, tuple[str, ...]]) -> str:
    """The filter in words."""
    return "; ".join(f"{c.title}: {' or '.join(values)}" for key, values in so.items() if (c := definition.column(key)) is not None)


def dates(when: When) -> dict[str, str]:
    """The day in words, and its neighbours, as a template takes them."""
    return {
        "day": when.day.isoformat(), "day_text": "now" if when.now else day_text(when.day.isoformat()), "before": (when.day - timedelta(days=1)).isoformat(),
        "after": "" if when.now else (when.day + timedelta(days=1)).isoformat(), "today": "yes" if when.now else "",
    }  # fmt: skip
