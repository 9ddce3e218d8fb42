"""GET and POST /patients/{id}/moves/{task}: the packet as its sender makes it whole, and offering it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base.errors import Malformed, NotFound, VersionConflict
from sojourn.care.moves import packet, transition
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.kinds import Line, groups
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

CHANGED = "Somebody else changed this packet since you opened it. What you typed is still here: look at theirs, then save again."


async def show(request: Request) -> Response:
    """The packet."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Keep what was written; offer it; or take it back."""
    access, patient = request.state.access, request.path_params["id"]
    t = await _of(access, patient, request.path_params["task"])
    said = await sent(request)
    t = t._replace(version=said.get("version") or t.version)
    written = {part.code: said.get(f"said.{part.code}", "") for part in packet.parts()}
    here = f"/patients/{patient}/moves/{t.id}"
    try:
        if said.get("do") == "withdraw":
            await transition.withdraw(access, t, said.get("why", ""))
            return redirect(request, f"/patients/{patient}/moves", "saved")
        await transition.write_down(access, t, written)
        if said.get("do") == "offer":
            await transition.offer(access, await transition.one(access, t.id))
            return redirect(request, here, "offered")
    except VersionConflict:
        return await _page(request, CHANGED, 412, written)
    except Malformed as error:
        return await _page(request, error.message, 422, written)
    return redirect(request, here, "saved")


async def _of(access: Access, patient: str, id_: str) -> transition.Transition:
    t = await transition.one(access, id_)
    if t.patient != patient:
        raise NotFound
    return t


async def _page(request: Request, problem: str = "", status: int = 200, written: dict[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, t = await asyncio.gather(banner.fetch(access, patient), _of(access, patient, request.path_params["task"]))
    filled = await packet.filled(access, patient, written or t.said, t.episode)
    program = access.rules.programs.get(t.program)
    return PAGES.render(
        request, "moves/sending.html", status=status, banner=about, parts=allowed(access), here="moves", t=t, state=transition.STATES[t.state], program=program.name if program else "",
        packet=[(f, _lines(f)[:12], len(_lines(f))) for f in filled], missing=sum(f.missing for f in filled), problem=problem,
        notes=[(day_and_time(when), by, text) for when, by, text in reversed(t.notes)], can=t.open and t.state in ("prepared", "returned"), may=all(access.may(x, a) for x, a in transition.WRITES),
    )  # fmt: skip


def _lines(filled: packet.Filled) -> list[Line]:
    return [Line(*pair) for pair in filled.lines] or [line for g in groups(filled.found) for line in g.lines]
