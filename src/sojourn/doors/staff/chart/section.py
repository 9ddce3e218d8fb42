"""One part of a chart in full, page by page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.parts import BY_NAME
from sojourn.doors.staff.chart.summary import allowed, fill, search
from sojourn.doors.staff.pages import PAGES
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PAGE = 50


async def show(request: Request) -> Response:
    """GET /patients/{id}/{part}: the first page. POST: the page after the cursor in the form."""
    access, patient = request.state.access, request.path_params["id"]
    part = BY_NAME[request.url.path.rsplit("/", 1)[1]]
    cursor = (await sent(request)).get("cursor") if request.method == "POST" else None
    about, found = await asyncio.gather(banner.fetch(access, patient), search(access, patient, part, PAGE, brief=False, cursor=cursor or None))
    filled = fill(part, found)
    values: dict[str, Any] = {"banner": about, "parts": allowed(access), "here": part.name, "filled": filled, "next": found.next, "continued": bool(cursor)}
    return PAGES.render(request, "chart/section.html", block="rows" if cursor else "", **values)
