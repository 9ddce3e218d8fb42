"""GET /results: every result that waits for whoever is signed in, or for anybody whom they may see."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.care import policies
from sojourn.care.results import model, reading
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.lines import Line
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.results.lines import row, told
from sojourn.doors.staff.waiting import named

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

_TODAY = 8


async def show(request: Request) -> Response:
    """Mine, or with ?all=1 everybody's."""
    access = request.state.access
    everybody = request.query_params.get("all") == "1"
    found, rules = await asyncio.gather(reading.everyone(access) if everybody else reading.mine(access), policies.of(access))
    names = await patient_names(access, {w.review.patient for w in found})
    by = model.rules(rules)
    rows = [row(w, names, by, access.now) for w in found if w.review.patient in names]
    return PAGES.render(request, "results/inbox.html", rows=rows, everybody=everybody)


async def today(access: Access) -> list[Line]:
    """What waits for the caller, for Today: critical ones first, and those to which they were called."""
    found, called = await asyncio.gather(reading.mine(access, count=60, beside=True), reading.notices(access))
    names = await patient_names(access, {w.review.patient for w in found})
    mine = {w.review.id for w in found}
    notices = [n for n in called if n.focus.partition("/")[2] not in mine]
    lines = [told(access, w, names) for w in found if w.review.patient in names]
    shown = [*(await named(access, notices) if notices else ()), *lines]
    more = len(shown) - _TODAY
    return [*shown[:_TODAY], *([Line(f"{more} more results", "/results")] if more > 0 else [])]
