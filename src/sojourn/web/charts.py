"""Numbers become accessible SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH, HEIGHT = 480, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 24, 14, 24
_DATES_APART = 46  # least distance between two dates on the axis, in SVG units
_MANY = 14  # with more points than this only the first and the newest are numbered: all are in the description
_SHORT = 2  # characters of a newest value that have room to its right
_NUMBERS_APART = 22  # least distance between two numbers on the line
_BAR, _WORDS, _LETTERS = 24, 190, 24  # height of a bar with its space, width of the words before it, and how many letters of them

Scale = Callable[[float], float]


class Point(NamedTuple):
    """One value at one moment, by the clock of the place; without an offset."""

    at: datetime
    value: float


class Band(NamedTuple):
    """Values from `low` up to the next band. `tone` (0 calm to 4 gravest) picks the colour; the label says it in words."""

    low: float
    label: str
    tone: int


class Mark(NamedTuple):
    """Something that began at a moment: a stay, a treatment."""

    at: datetime
    label: str


class Bar(NamedTuple):
    """How many there are of something."""

    label: str
    many: int


class Column(NamedTuple):
    """How much there was in one stretch of time, in parts that add up; in the order in which they are named."""

    label: str
    parts: tuple[int, ...]


_COLUMNS, _FOOT, _WIDEST = 128, 18, 34  # height of the columns, of the words under them, and the widest column


def columns(counted: Sequence[Column], names: Sequence[str], title: str, ident: str) -> Markup:
    """A column for each stretch, its parts one on the other, the first at the foot. `ident`: unique within the page.

    Everything drawn is also said in words, in the title and description that a screen reader finds.
    """
    most = max((sum(c.parts) for c in counted), default=0) or 1
    room = (WIDTH - 30) / max(1, len(counted))
    width, every = min(_WIDEST, room * 0.72), -(-len(counted) // max(1, int((WIDTH - 30) / 62)))
    said = "; ".join(f"{c.label}: {', '.join(f'{n} {name.lower()}' for n, name in zip(c.parts, names, strict=True) if n)}" for c in counted if any(c.parts)) or "Nothing"
    parts = [
        f'<svg class="columns" viewBox="0 0 {WIDTH} {_TOP + _COLUMNS + _FOOT}" role="img" aria-labelledby="{escape(ident)}-title" aria-describedby="{escape(ident)}-desc">',
        f'<title id="{escape(ident)}-title">{escape(title)}</title><desc id="{escape(ident)}-desc">{escape(said)}.</desc>',
        f'<line class="floor" x1="30" x2="{WIDTH}" y1="{_TOP + _COLUMNS}" y2="{_TOP + _COLUMNS}"/><line class="top" x1="30" x2="{WIDTH}" y1="{_TOP}" y2="{_TOP}"/>',
        f'<text class="axis" x="24" y="{_TOP + 4}" text-anchor="end">{most}</text><text class="axis" x="24" y="{_TOP + _COLUMNS + 3}" text-anchor="end">0</text>',
    ]
    for n, column in enumerate(counted):
        left, foot = 30 + n * room + (room - width) / 2, float(_TOP + _COLUMNS)
        for i, many in enumerate(column.parts):
            if many:
                high = max(1.5, _COLUMNS * many / most)
                foot -= high
                parts.append(f'<rect class="part-{i}" x="{left:.1f}" y="{foot:.1f}" width="{width:.1f}" height="{high:.1f}"/>')
        if (len(counted) - 1 - n) % every == 0:
            parts.append(f'<text class="axis" x="{min(left + width / 2, WIDTH - 26):.1f}" y="{_TOP + _COLUMNS + 14}" text-anchor="middle">{escape(column.label)}</text>')
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - numbers of ours and escaped text


def bars(counted: Sequence[Bar], title: str, ident: str) -> Markup:
    """A bar for each, one below the other, with its words before and its number behind. `ident`: unique within the page.

    Everything drawn is also said in words, in the title and description that a screen reader finds.
    """
    most = max((b.many for b in counted), default=0)
    height = max(1, len(counted)) * _BAR
    said = "; ".join(f"{b.label}: {b.many}" for b in counted) or "Nothing to count"
    parts = [
        f'<svg class="bars" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{escape(ident)}-title" aria-describedby="{escape(ident)}-desc">',
        f'<title id="{escape(ident)}-title">{escape(title)}</title><desc id="{escape(ident)}-desc">{escape(said)}.</desc>',
    ]
    for n, bar in enumerate(counted):
        width = round((WIDTH - _WORDS - 46) * bar.many / most, 1) if most else 0
        words = bar.label if len(bar.label) <= _LETTERS else bar.label[: _LETTERS - 1] + "…"
        parts.append(
            f'<text class="bar-label" x="{_WORDS - 8}" y="{n * _BAR + 15.5}" text-anchor="end">{escape(words)}</text><rect class="bar" x="{_WORDS}" y="{n * _BAR + 4}" width="{max(width, 1)}" height="{_BAR - 8}" rx="2"/>'
            f'<text class="bar-count" x="{_WORDS + max(width, 1) + 6}" y="{n * _BAR + 15.5}">{bar.many}</text>'
        )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - numbers of ours and escaped text


def trend(points: Sequence[Point], bands: Sequence[Band], high: float, title: str, ident: str, marks: Sequence[Mark] = (), *, base: float = 0) -> Markup:
    """A line over time with its bands behind. `high`: the greatest possible value. `ident`: unique within the page.

    marks: what began meanwhile, as upright lines. base: the value at the foot of the picture.

    Everything drawn is also said in words, in the title and description that a screen reader finds.
    """
    points = sorted(points, key=lambda p: p.at)
    x, y = _x_scale(points), _y_scale(high, base)
    parts = [
        f'<svg class="trend" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{ident}-title" aria-describedby="{ident}-desc">',
        f'<title id="{ident}-title">{escape(title)}</title><desc id="{ident}-desc">{escape(described(points, bands, marks))}</desc>',
        *_bands(bands, high, y),
        *_marks(marks, points, x),
        *_axis(points, x),
        *_line(points, x, y),
        "</svg>",
    ]
    return Markup("".join(parts))  # noqa: S704 - numbers of ours and escaped text


def band_of(value: float, bands: Sequence[Band]) -> Band:
    """The band a value falls into."""
    return max((b for b in bands if b.low <= value), key=lambda b: b.low, default=bands[0])


def described(points: Sequence[Point], bands: Sequence[Band], marks: Sequence[Mark] = ()) -> str:
    """Every value in words, the oldest first; then what began meanwhile."""
    said = (", ".join(filter(None, (f"{_day(p.at)}: {p.value:g}", band_of(p.value, bands).label))) for p in points)
    began = "".join(f" {_day(m.at)}: {m.label} began." for m in marks)
    return f"{len(points)} values, the oldest first. " + "; ".join(said) + "." + began


def _x_scale(points: Sequence[Point]) -> list[float]:
    """Where each point lies from left to right; a single one in the middle."""
    first, span = points[0].at, (points[-1].at - points[0].at).total_seconds()
    width = WIDTH - _LEFT - _RIGHT - 16
    return [round(_LEFT + 8 + (width * (p.at - first).total_seconds() / span if span else width / 2), 1) for p in points]


def _far_enough(x: list[float], distance: float) -> list[int]:
    """Which points have room for words beside one another, the newest first."""
    kept: list[int] = []
    for index in reversed(range(len(x))):
        if not kept or x[kept[-1]] - x[index] >= distance:
            kept.append(index)
    return kept


def _y_scale(high: float, base: float = 0) -> Scale:
    def y(value: float) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (max(min(value, high), base) - base) / (high - base), 1)

    return y


def _bands(bands: Sequence[Band], high: float, y: Scale) -> list[str]:
    drawn = []
    for band, top in pairwise([*bands, Band(high, "", 0)]):
        y_top, y_bottom = y(top.low), y(band.low)
        drawn.append(
            f'<rect class="band tone-{band.tone}" x="{_LEFT}" y="{y_top}" width="{WIDTH - _LEFT - _RIGHT}" height="{y_bottom - y_top:.1f}"/>'
            f'<text class="band-label" x="{_LEFT - 8}" y="{(y_top + y_bottom) / 2 + 3.5:.1f}" text-anchor="end">{escape(band.label)}</text>'
        )
    return drawn


def _marks(marks: Sequence[Mark], points: Sequence[Point], x: list[float]) -> list[str]:
    """Upright lines between the first and the last value, with their words at the top."""
    first, span = points[0].at, (points[-1].at - points[0].at).total_seconds()
    drawn = []
    for n, mark in enumerate(marks):
        at = x[0] + (x[-1] - x[0]) * ((mark.at - first).total_seconds() / span if span else 0)
        right = at > (WIDTH + _LEFT) / 2
        words = mark.label if len(mark.label) <= 28 else mark.label[:27] + "…"
        drawn.append(
            f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>'
            f'<text class="mark-label" x="{at - 4 if right else at + 4:.1f}" y="{_TOP + 9 + 11 * (n % 3)}" text-anchor="{"end" if right else "start"}">{escape(words)}</text>'
        )
    return drawn


def _axis(points: Sequence[Point], x: list[float]) -> list[str]:
    with_year = points[0].at.year != points[-1].at.year
    said = [f"{p.at:%b %y}" if with_year else f"{p.at.day} {p.at:%b}" for p in points]
    return [f'<text class="axis" x="{x[n]}" y="{HEIGHT - 8}" text-anchor="middle">{said[n]}</text>' for n in _far_enough(x, _DATES_APART)]


def _line(points: Sequence[Point], x: list[float], y: Scale) -> list[str]:
    path = " ".join(f"{left},{y(p.value)}" for left, p in zip(x, points, strict=True))
    drawn = [f'<polyline class="line" points="{path}"/>'] if len(points) > 1 else []
    last = len(points) - 1
    numbered = _far_enough(x, _NUMBERS_APART) if len(points) <= _MANY else [0, last]
    for index, point in enumerate(points):
        drawn.append(f'<circle class="dot" cx="{x[index]}" cy="{y(point.value)}" r="{4 if index == last else 3}"/>')
        if index in numbered:
            drawn.append(_number(points, index, x[index], y))
    return drawn


def _number(points: Sequence[Point], index: int, x: float, y: Scale) -> str:
    """The value beside its point: the newest, in bold, to the right of it, where nothing can be in its way."""
    value = points[index].value
    if index == len(points) - 1 and len(f"{value:g}") > _SHORT:
        return f'<text class="value now" x="{x + _RIGHT - 6:.1f}" y="{max(y(value) - 9, _TOP):.1f}" text-anchor="end">{value:g}</text>'
    if index == len(points) - 1:
        return f'<text class="value now" x="{x + 7:.1f}" y="{y(value) + 4.5:.1f}">{value:g}</text>'
    return f'<text class="value" x="{x}" y="{_label_y(points, index, y):.1f}" text-anchor="middle">{value:g}</text>'


def _label_y(points: Sequence[Point], index: int, y: Scale) -> float:
    """Where a number does not lie on its line: beneath a valley and at the very top, above everything else."""
    here = points[index].value
    beside = [p.value for p in (*points[max(index - 1, 0) : index], *points[index + 1 : index + 2])]
    valley = bool(beside) and all(value > here for value in beside) and y(here) < HEIGHT - _BOTTOM - 16
    return y(here) + 16 if valley or y(here) < _TOP + 12 else y(here) - 8


def _day(at: datetime) -> str:
    return f"{at.day} {at:%b %Y}"
