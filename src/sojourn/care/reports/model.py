"""The nouns of a report: definition, column, row, and figures that are worked out from rows alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from statistics import median
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sojourn.care.reports.source import Source

NOTHING: Final = "–"
"""The group of rows that do not say."""


class When(NamedTuple):
    """What is asked for. at: the moment that is counted for: now, or where the day ended. where: the organization's time zone."""

    day: date
    at: datetime
    now: bool
    where: ZoneInfo


class Column(NamedTuple):
    """One fact of each row. kind: text, day, number; by: whether rows are counted by it, and can be filtered by it; blank: whether rows that
    say nothing there are drawn, too."""

    key: str
    title: str
    kind: Literal["text", "day", "number"] = "text"
    by: bool = False
    blank: bool = True


class Row(NamedTuple):
    """What is counted, once. patient: logical id. cells: by column; text is '' and a number None where there is nothing to say. place: its page."""

    patient: str
    cells: Mapping[str, Any]
    place: str


Rows = Sequence[Row]


class Figure(NamedTuple):
    """A number over the rows that are so (column -> values). how: count them, or add up, or take the median of, a column."""

    title: str
    so: Mapping[str, tuple[str, ...]] = {}  # noqa: RUF012 - read only
    how: Literal["count", "sum", "median", "share"] = "count"
    column: str = ""
    unit: str = ""
    of: Mapping[str, tuple[str, ...]] = {}  # noqa: RUF012 - read only
    """For a share: those among whom they are counted."""

    def rows(self, rows: Rows) -> list[Row]:
        """Those that it is worked out from."""
        return chosen(rows, self.so)

    def value(self, rows: Rows) -> float | None:
        """The number; None where there is nothing to take a median or a share of."""
        mine = self.rows(rows)
        if self.how == "count":
            return len(mine)
        if self.how == "share":
            among = chosen(rows, self.of)
            return round(100 * len(mine) / len(among)) if among else None
        numbers = [float(n) for r in mine if (n := r.cells.get(self.column)) is not None]
        if self.how == "sum":
            return round(sum(numbers), 1)
        return round(float(median(numbers)), 1) if numbers else None


class Definition(NamedTuple):
    """One report. words: what is counted, so that somebody else counts the same; past: what a past day shows; source: from what.

    figures: the first is what its tile says largest. by: columns that the tile or page draws. main: the rows that are counted by column.
    """

    key: str
    title: str
    words: str
    past: str
    source: str
    needs: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    figures: tuple[Figure, ...]
    by: tuple[str, ...]
    rows: Callable[[Source], Awaitable[list[Row]]]
    main: Mapping[str, tuple[str, ...]] = {}  # noqa: RUF012 - read only

    def column(self, key: str) -> Column | None:
        """A column by its key."""
        return next((c for c in self.columns if c.key == key), None)


class Share(NamedTuple):
    """Rows that say the same in one column. so: the filter that leads to them."""

    label: str
    many: int
    so: Mapping[str, tuple[str, ...]]


def chosen(rows: Rows, so: Mapping[str, tuple[str, ...]]) -> list[Row]:
    """The rows that say one of these in each column; NOTHING stands for those that say nothing there."""
    return [r for r in rows if all(said(r, key) in values for key, values in so.items())]


def said(row: Row, key: str) -> str:
    """What a row says in a column that rows are counted by."""
    return str(row.cells.get(key) or "") or NOTHING


def shares(definition: Definition, rows: Rows, column: str) -> list[Share]:
    """The rows of a report by one column, the most first."""
    counted: dict[str, int] = {}
    for row in chosen(rows, definition.main):
        counted[said(row, column)] = counted.get(said(row, column), 0) + 1
    return [Share(label, n, {**definition.main, column: (label,)}) for label, n in sorted(counted.items(), key=lambda kv: (-kv[1], kv[0]))]
