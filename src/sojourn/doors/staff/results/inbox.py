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
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

PART = 25
_TODAY = 8


async def show(request: Request) -> Response:
    """Mine, or with ?all=1 everybody's. POST: the part after the cursor in the form."""
    access = request.state.access
    form = await sent(request) if request.method == "POST" else {}
    everybody, cursor = (form or request.query_params).get("all") == "1", form.get("cursor") or None
    part, rules = await asyncio.gather(reading.waiting(access, count=PART, everybody=everybody, cursor=cursor), policies.of(access))
    names = await patient_names(access, {w.review.patient for w in part.found})
    by = model.rules(rules)
    rows = [row(w, names, by, access.now) for w in part.found if w.review.patient in names]
    return PAGES.render(request, "results/inbox.html", block="rows" if cursor else "", rows=rows, part=part, everybody=everybody)


async def today(access: Access) -> list[Line]:
    """What waits for the caller, for Today: critical ones first, and those to which they were called."""
    found, called = await asyncio.gather(reading.mine(access, count=60), reading.notices(access))
    names = await patient_names(access, {w.review.patient for w in found})
    mine = {w.review.id for w in found}
    notices = [n for n in called if n.focus.partition("/")[2] not in mine]
    lines = [told(access, w, names) for w in found if w.review.patient in names]
    shown = [*(await named(access, notices) if notices else ()), *lines]
    more = len(shown) - _TODAY
    return [*shown[:_TODAY], *([Line(f"{more} more results", "/results")] if more > 0 else [])]
