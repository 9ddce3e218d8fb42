"""Numbers become accessible SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH, HEIGHT = 480, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 18, 14, 24
_CROWDED = 9  # more points than this and their numbers would touch
_APART = 46  # least distance between two dates on the axis, in SVG units

Scale = Callable[[float], float]


class Point(NamedTuple):
    """One value on one day."""

    day: date
    value: float


class Band(NamedTuple):
    """Values from `low` up to the next band. `tone` (0 calm to 4 gravest) picks the colour; the label says it in words."""

    low: float
    label: str
    tone: int


def trend(points: Sequence[Point], bands: Sequence[Band], high: float, title: str, ident: str) -> Markup:
    """A line over days with its bands behind. `high`: the greatest possible value. `ident`: unique within the page.

    Everything drawn is also said in words, in the title and description that a screen reader finds.
    """
    points = sorted(points)
    x, y = _x_scale(points), _y_scale(high)
    parts = [
        f'<svg class="trend" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{ident}-title" aria-describedby="{ident}-desc">',
        f'<title id="{ident}-title">{escape(title)}</title><desc id="{ident}-desc">{escape(described(points, bands))}</desc>',
        *_bands(bands, high, y),
        *_axis(points, x),
        *_line(points, x, y),
        "</svg>",
    ]
    return Markup("".join(parts))  # noqa: S704 - numbers of ours and escaped text


def band_of(value: float, bands: Sequence[Band]) -> Band:
    """The band a value falls into."""
    return max((b for b in bands if b.low <= value), key=lambda b: b.low, default=bands[0])


def described(points: Sequence[Point], bands: Sequence[Band]) -> str:
    """Every value in words, the oldest first."""
    said = (f"{_day(p.day)}: {p.value:g}, {band_of(p.value, bands).label}" for p in points)
    return f"{len(points)} values, the oldest first. " + "; ".join(said) + "."


def _x_scale(points: Sequence[Point]) -> dict[date, float]:
    first, last = points[0].day.toordinal(), points[-1].day.toordinal()
    span = last - first
    width = WIDTH - _LEFT - _RIGHT - 16
    return {p.day: round(_LEFT + 8 + (width * (p.day.toordinal() - first) / span if span else width / 2), 1) for p in points}


def _y_scale(high: float) -> Scale:
    def y(value: float) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * min(value, high) / high, 1)

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


def _axis(points: Sequence[Point], x: dict[date, float]) -> list[str]:
    with_year = points[0].day.year != points[-1].day.year
    shown: list[Point] = []
    for point in reversed(points):
        if not shown or x[shown[-1].day] - x[point.day] >= _APART:
            shown.append(point)
    return [
        f'<text class="axis" x="{x[p.day]}" y="{HEIGHT - 8}" text-anchor="middle">{p.day:%b %y}</text>'
        if with_year
        else f'<text class="axis" x="{x[p.day]}" y="{HEIGHT - 8}" text-anchor="middle">{p.day.day} {p.day:%b}</text>'
        for p in shown
    ]


def _line(points: Sequence[Point], x: dict[date, float], y: Scale) -> list[str]:
    path = " ".join(f"{x[p.day]},{y(p.value)}" for p in points)
    drawn = [f'<polyline class="line" points="{path}"/>'] if len(points) > 1 else []
    last = len(points) - 1
    peaks = {0, last} if len(points) > _CROWDED else set(range(len(points)))
    for index, point in enumerate(points):
        drawn.append(f'<circle class="dot" cx="{x[point.day]}" cy="{y(point.value)}" r="{4 if index == last else 3}"/>')
        if index in peaks:
            now = " now" if index == last else ""
            drawn.append(f'<text class="value{now}" x="{x[point.day]}" y="{_label_y(points, index, y):.1f}" text-anchor="middle">{point.value:g}</text>')
    return drawn


def _label_y(points: Sequence[Point], index: int, y: Scale) -> float:
    """Where a number does not lie on its line: beneath a valley and at the very top, above everything else."""
    here = points[index].value
    beside = [p.value for p in (*points[max(index - 1, 0) : index], *points[index + 1 : index + 2])]
    valley = bool(beside) and all(value > here for value in beside) and y(here) < HEIGHT - _BOTTOM - 16
    return y(here) + 16 if valley or y(here) < _TOP + 12 else y(here) - 8


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
