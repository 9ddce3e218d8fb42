"""GET and POST /patients/{id}/moves/{episode}/end: end a stay, and say how it ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base.errors import Malformed, NotFound, VersionConflict
from sojourn.care import levels, policies
from sojourn.care.moves import discharge
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access


async def show(request: Request) -> Response:
    """The list and the questions."""
    return await _page(request)


async def end(request: Request) -> Response:
    """End it."""
    access, patient = request.state.access, request.path_params["id"]
    stay = await _stay(access, patient, request.path_params["episode"])
    said = await sent(request)
    written = {code: said.get(f"need.{code}", "") for code in discharge.needs()}
    done = {k.removeprefix("item."): v for k, v in said.items() if k.startswith("item.") and v} | {k.removeprefix("aside."): v for k, v in said.items() if k.startswith("aside.") and v.strip() and not said.get(k.replace("aside.", "item."))}
    try:
        await discharge.end(access, stay, said.get("how", ""), written, done)
    except VersionConflict:
        return await _page(request, "Somebody else changed this stay a moment ago. Look again; nothing of yours was saved.", 412, said)
    except Malformed as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/patients/{patient}/moves", "ended")


async def _stay(access: Access, patient: str, id_: str) -> levels.Stay:
    stay = levels.stay((await access.read("EpisodeOfCare", id_)).resource)
    if stay.patient != patient:
        raise NotFound
    return stay


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, stay, rules = await asyncio.gather(banner.fetch(access, patient), _stay(access, patient, request.path_params["episode"]), policies.of(access))
    lines = await discharge.lines(access, stay, rules)
    return PAGES.render(
        request, "moves/ending.html", status=status, banner=about, parts=allowed(access), here="moves", stay=stay, lines=lines, types=list(discharge.types().values()), needs=discharge.needs(), said=said or {}, problem=problem,
    )  # fmt: skip
