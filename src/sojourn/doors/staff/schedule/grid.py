"""A calendar as columns of blocks on a grid of quarter hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sojourn.care.scheduling import zones

QUARTER = 15
MOST_LANES = 4
LEAST = 2
"""Quarter hours that a block takes up at least, so that it can be hit with a finger."""


class Item(NamedTuple):
    """What a calendar shows: a visit or a group. tone: plain, good, amber, off."""

    start: datetime
    end: datetime
    title: str
    note: str
    path: str
    tone: str


class Block(NamedTuple):
    """An item in its place. row, span: quarter hours from the first one shown; lane of lanes: beside others at the same time."""

    item: Item
    times: str
    row: int
    span: int
    lane: int
    lanes: int


class Column(NamedTuple):
    """One day, person or room. today: whether it is the present day."""

    title: str
    note: str
    blocks: list[Block]
    today: bool = False


class Grid(NamedTuple):
    """hours: (what is written, row) of each full hour. rows: how many quarter hours there are."""

    columns: list[Column]
    hours: list[tuple[str, int]]
    rows: int


def laid_out(columns: Sequence[tuple[str, str, date, Sequence[Item], bool]], where: ZoneInfo, first: int = 8, last: int = 18) -> Grid:
    """Columns of (title, note, day, items, today), from the earliest hour that one needs to the latest, at least from first to last."""
    hours = [(zones.local(i.start, where), zones.local(i.end, where), day) for _, _, day, items, _ in columns for i in items]
    low = min([first, *(s.hour for s, _, d in hours if s.date() == d)])
    high = max([last, *(24 if e.date() > d else e.hour + (e.minute > 0) for _, e, d in hours)])
    return Grid(
        [Column(title, note, _blocks(items, day, where, low, high), today) for title, note, day, items, today in columns],
        [(f"{hour:02d}:00", (hour - low) * 4 + 1) for hour in range(low, high)], (high - low) * 4,
    )  # fmt: skip


def _blocks(items: Sequence[Item], day: date, where: ZoneInfo, low: int, high: int) -> list[Block]:
    placed: list[tuple[Item, int, int]] = []
    for item in sorted(items, key=lambda i: (i.start, i.end, i.title)):
        start, end = zones.local(item.start, where), zones.local(item.end, where)
        begins = (start.hour * 60 + start.minute) // QUARTER if start.date() == day else low * 4
        ends = -(-(end.hour * 60 + end.minute) // QUARTER) if end.date() == day else high * 4
        row = max(0, begins - low * 4)
        placed.append((item, row + 1, max(LEAST, min(ends, high * 4) - low * 4 - row)))
    return _laned(placed, where)


def _laned(placed: Sequence[tuple[Item, int, int]], where: ZoneInfo) -> list[Block]:
    """Lanes for those that share a time; a run of overlapping blocks has as many lanes as it needs."""
    blocks: list[Block] = []
    run: list[tuple[Item, int, int, int]] = []
    reach, lanes = 0, [0]
    for item, row, span in (*placed, (None, 1 << 20, 1)):
        if row >= reach and run:
            blocks += [Block(i, _times(i, where), r, s, min(lane, MOST_LANES - 1), min(len(lanes), MOST_LANES)) for i, r, s, lane in run]
            run, lanes = [], [0]
        if item is None:
            break
        lane = next((n for n, end in enumerate(lanes) if end <= row), len(lanes))
        lanes[lane : lane + 1] = [row + span]
        reach = max(reach, row + span) if run else row + span
        run.append((item, row, span, lane))
    return blocks


def _times(item: Item, where: ZoneInfo) -> str:
    return f"{zones.local(item.start, where):%H:%M}–{zones.local(item.end, where):%H:%M}"
