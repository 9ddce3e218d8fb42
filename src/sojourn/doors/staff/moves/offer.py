"""GET and POST /offers/{task}: somebody is offered to a program: accept or return."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care.moves import packet, receiving
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.kinds import Line, groups
from sojourn.doors.staff.pages import PAGES
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def show(request: Request) -> Response:
    """The packet, built from the chart as this person may see it."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Accept, or return with questions. A second click finds it accepted."""
    access = request.state.access
    said = await sent(request)
    try:
        offered = await receiving.offer(access, request.path_params["task"])
        if said.get("do") == "accept":
            await receiving.accept(access, offered)
            return redirect(request, f"/patients/{offered.patient}/moves", "accepted")
        if said.get("do") == "return":
            await receiving.give_back(access, offered, said.get("questions", ""))
            return redirect(request, "/today", "returned")
        raise Malformed("Accept it, or return it with a question.")
    except VersionConflict:
        return await _page(request, "Somebody else answered or changed it a moment ago. Look again; nothing of yours was saved.", 412)
    except (Malformed, Conflict) as error:
        return await _page(request, error.message, 422)


async def _page(request: Request, problem: str = "", status: int = 200) -> Response:
    access = request.state.access
    try:
        offered = await receiving.offer(access, request.path_params["task"])
    except NotFound:
        if problem:
            return PAGES.render(request, "moves/gone.html", status=409, problem=problem)
        raise
    about, filled = await asyncio.gather(banner.fetch(access, offered.patient), packet.filled(access, offered.patient, {}))
    return PAGES.render(
        request, "moves/offer.html", status=status, banner=about, parts=allowed(access), here="moves", offered=offered, problem=problem,
        packet=[(f, ([Line(*pair) for pair in f.lines] or [line for g in groups(f.found) for line in g.lines])[:20], len(f.lines) or len(f.found)) for f in filled if f.part.search], may=all(access.may(t, a) for t, a in receiving.WRITES),
    )  # fmt: skip
