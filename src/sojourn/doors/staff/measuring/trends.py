"""The measures of a chart: trends, subscales, what changed beyond chance, what began meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sojourn.care.levels import stay
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.measures import Mark, measured, others
from sojourn.doors.staff.chart.parts import BY_NAME
from sojourn.doors.staff.chart.section import PAGE
from sojourn.doors.staff.chart.summary import allowed, fill, search
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import moment_of
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

DRAWN = 200
"""As many of the newest scores are drawn."""


async def show(request: Request) -> Response:
    """GET /patients/{id}/measures: trends and the first page of the list. POST: the page of the list after the cursor in the form."""
    access, patient = request.state.access, request.path_params["id"]
    part = BY_NAME["measures"]
    cursor = (await sent(request)).get("cursor") if request.method == "POST" else None
    about, found, marks = await asyncio.gather(
        banner.fetch(access, patient), search(access, patient, part, PAGE if cursor else DRAWN, brief=False, cursor=cursor or None), _marks(access, patient)
    )
    filled = fill(part, found)
    lines = filled.lines if cursor else filled.lines[:DRAWN]
    values: dict[str, Any] = {
        "banner": about, "parts": allowed(access), "here": "measures", "filled": filled._replace(lines=lines, measured=[m.marked(marks) for m in measured(found.resources)]), "next": found.next,
        "continued": bool(cursor), "subscales": others(found.resources),
    }  # fmt: skip
    return PAGES.render(request, "measuring/trends.html", block="rows" if cursor else "", **values)


async def _marks(access: Access, patient: str) -> list[Mark]:
    """Where a stay began, for those who may see stays."""
    if not access.may("EpisodeOfCare", "search"):
        return []
    found = await access.search("EpisodeOfCare", [("patient", patient), ("_sort", "date")], count=20)
    stays = [stay(e) for e in found.resources]
    return [Mark(at, s.program or s.level) for s in stays if (at := moment_of(s.started)) and (s.program or s.level)]
