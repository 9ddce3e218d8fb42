"""GET and POST /patients/{id}/moves: the stays of a client, and beginning to move them on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base.digits import digits
from sojourn.base.errors import Malformed, NotFound
from sojourn.care import levels
from sojourn.care.admissions.calls import LEVELS
from sojourn.care.moves import discharge, transition
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_STATUS = {"active": "in care", "onhold": "on hold", "planned": "planned", "waitlist": "on the waiting list", "finished": "ended", "cancelled": "did not come about"}


async def show(request: Request) -> Response:
    """The stays, one timeline, those that go on first."""
    return await _page(request)


async def begin(request: Request) -> Response:
    """Begin a transition out of a stay."""
    access, patient = request.state.access, request.path_params["id"]
    said = await sent(request)
    try:
        stay = next(s for s in await levels.current(access, patient) if s.id == said.get("stay"))
        program = said.get("program", "")
        id_ = await transition.begin(access, stay, level=said.get("level", ""), program=int(program) if digits(program) else 0)
    except StopIteration:
        raise NotFound from None
    except Malformed as error:
        return await _page(request, error.message, 422)
    return redirect(request, f"/patients/{patient}/moves/{id_}")


async def _page(request: Request, problem: str = "", status: int = 200) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, stays, moving = await asyncio.gather(
        banner.fetch(access, patient), access.search("EpisodeOfCare", [("patient", patient), ("_sort", "-date")], count=50), transition.of_patient(access, patient)
    )
    rows = sorted((levels.stay(e) for e in stays.resources), key=lambda s: s.status not in ("active", "onhold", "planned", "waitlist"))
    programs = [(p.number, p.name) for p in access.rules.programs.values()]
    return PAGES.render(
        request, "moves/room.html", status=status, banner=about, parts=allowed(access), here="moves", stays=[(s, _STATUS.get(s.status, s.status), day_text(s.started), day_text(s.ended)) for s in rows],
        moving=[(t, transition.STATES[t.state], access.rules.programs[t.program].name if t.program in access.rules.programs else "") for t in moving], programs=programs, levels=[x for x in LEVELS if x],
        may=all(access.may(t, a) for t, a in transition.WRITES), may_end=all(access.may(t, a) for t, a in discharge.WRITES), problem=problem,
    )  # fmt: skip
