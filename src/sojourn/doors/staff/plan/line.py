"""The line of an objective's measure with marks for what happened, as accessible SVG."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from markupsafe import Markup, escape

from sojourn.care.plan import fhir
from sojourn.care.plan.model import Objective
from sojourn.care.plan.reviews import Value
from sojourn.care.plan.thread import MEASURE, TITLES, Event

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 24, 18, 62
_ROWS = ("medication", "review", "risk", "note", "visit")
_STEP = 9


def drawn(o: Objective, values: Sequence[Value], events: Sequence[Event], today: date) -> Markup:
    """The values over time, the target as a line, and under it a mark for each event. Everything is also said in words; '' for nothing to draw."""
    points = [(d, float(v.value)) for v in values if (d := fhir.day(v.on))]
    marks = [(e.day, e.kind, e.text) for e in events if e.day and e.kind != MEASURE and e.kind in _ROWS]
    days = [*(d for d, _ in points), *(d for d, _, _ in marks), today]
    if not points and not marks:
        return Markup("")
    first, last = min(days), max(days)
    last = last if last > first else first + timedelta(days=1)
    target, baseline = fhir.number(o.target), fhir.number(o.baseline)
    numbers = [v for _, v in points] + [float(n) for n in (target, baseline) if n is not None]
    high, low = max([*numbers, 1.0]), min([*numbers, 0.0])

    def x(day: date) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * (day - first).days / (last - first).days, 1)

    def y(value: float) -> float:
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * (value - low) / ((high - low) or 1.0), 1)

    said = "; ".join([*(f"{d.isoformat()}: {v:g}" for d, v in points), *(f"{d.isoformat()}: {TITLES[k]}, {t}" for d, k, t in sorted(marks))])
    parts = [
        f'<svg class="thread-line" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="line-title" aria-describedby="line-desc">',
        f'<title id="line-title">The measure over time, with what happened</title><desc id="line-desc">{escape(said)}</desc>',
        f'<line class="floor" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{HEIGHT - _BOTTOM}" y2="{HEIGHT - _BOTTOM}"/>',
    ]
    if target is not None:
        at = y(float(target))
        parts.append(f'<line class="target" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at}" y2="{at}"/><text class="target-text" x="{WIDTH - _RIGHT}" y="{at - 4}" text-anchor="end">target {escape(o.comparator)} {target:g}</text>')
    if len(points) > 1:
        parts.append(f'<polyline class="line" points="{" ".join(f"{x(d)},{y(v)}" for d, v in points)}"/>')
    shown = {0, len(points) - 1} if len(points) > 12 else set(range(len(points)))
    for n, (d, v) in enumerate(points):
        parts.append(f'<circle class="dot" cx="{x(d)}" cy="{y(v)}" r="3.5"/>' + (f'<text class="value" x="{x(d)}" y="{y(v) - 8}" text-anchor="middle">{v:g}</text>' if n in shown else ""))
    for day, kind, text in marks:
        top = HEIGHT - _BOTTOM + 6 + _ROWS.index(kind) * _STEP
        parts.append(f'<rect class="pin {kind}" x="{x(day) - 3}" y="{top}" width="6" height="6"><title>{escape(f"{day.isoformat()}: {TITLES[kind]}, {text}")}</title></rect>')
    for day, anchor in ((first, "start"), (last, "end")):
        parts.append(f'<text class="axis" x="{x(day)}" y="{HEIGHT - 4}" text-anchor="{anchor}">{day.day} {day:%b %Y}</text>')
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - numbers of ours and escaped text


def kinds(events: Sequence[Event]) -> list[tuple[str, str]]:
    """The kinds of marks that are drawn, with their words."""
    there = {e.kind for e in events}
    return [(k, TITLES[k]) for k in _ROWS if k in there]

