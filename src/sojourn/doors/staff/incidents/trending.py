"""Trends of incidents on one page, and as a file: counts without people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from sojourn.care.incidents import reviewing, trends
from sojourn.care.incidents.model import HARM, NEAR_MISS, TYPES
from sojourn.doors.staff.incidents import words
from sojourn.doors.staff.incidents.listing import YEARS
from sojourn.doors.staff.pages import PAGES

if TYPE_CHECKING:
    from starlette.requests import Request

    from sojourn.care.incidents.trends import Count
    from sojourn.gate.access import Access

_MONTHS = 12


class Line(NamedTuple):
    """One row of a table: a name, a number for each month, and their sum."""

    name: str
    months: list[int]
    total: int


async def _counts(access: Access) -> list[Count]:
    return trends.counted(await reviewing.every(access, access.now - YEARS), words.zone())


async def show(request: Request) -> Response:
    """GET /incidents/trends: twelve months by type, by harm and by program; the newest first, so that a telephone shows them."""
    access = request.state.access
    counts = await _counts(access)
    here = access.now.astimezone(words.zone())
    months = [f"{here.year + (here.month - 1 - back) // 12:04}-{(here.month - 1 - back) % 12 + 1:02}" for back in range(_MONTHS)]
    programs = {n: p.name for n, p in access.rules.programs.items()}
    tables = [
        ("By type", _table(counts, months, {k: TYPES[k] for k in TYPES}, "kind")),
        ("By harm", _table(counts, months, {k: text.partition(":")[0] for k, text in HARM.items()}, "harm")),
        ("By program", _table(counts, months, {**programs, 0: "No program"}, "program")),
    ]
    recent = [c for c in counts if c.month in months]
    near, all_ = sum(c.number for c in recent if c.harm == NEAR_MISS), sum(c.number for c in recent)
    return PAGES.render(request, "incidents/trends.html", months=[f"{int(m[5:])}/{m[2:4]}" for m in months], tables=tables, near=near, all=all_)


def _table(counts: list[Count], months: list[str], names: dict[object, str], by: str) -> list[Line]:
    found: Counter[tuple[object, str]] = Counter()
    for c in counts:
        found[getattr(c, by), c.month] += c.number
    lines = [Line(text, row := [found[key, m] for m in months], sum(row)) for key, text in names.items()]
    return [line for line in lines if line.total]


async def download(request: Request) -> Response:
    """GET /incidents/trends.csv."""
    access = request.state.access
    text = trends.as_csv(await _counts(access), {n: p.name for n, p in access.rules.programs.items()})
    return Response(text, media_type="text/csv; charset=utf-8", headers={"content-disposition": 'attachment; filename="incident-trends.csv"', "cache-control": "no-store"})
