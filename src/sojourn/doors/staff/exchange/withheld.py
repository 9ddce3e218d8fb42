"""GET and POST /exchange/withheld: what was not told to partners because it may not be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import NotFound
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time, full_name
from sojourn.gate import releasing
from sojourn.gate.exchange import partners, stopped, telling
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.exchange.stopped import Stopped
    from sojourn.gate.exchange.telling import HeldBack

_WHAT = {"Patient": "The person (ADT)", "Encounter": "A visit (ADT)", "Appointment": "An appointment (SIU)", "ServiceRequest": "A laboratory order", "DocumentReference": "A document (MDM)", "Procedure": "A service (DFT)"}


async def show(request: Request) -> Response:
    """What was held back, the last first."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Have it decided anew."""
    said = await sent(request)
    try:
        await telling.anew(request.state.access, said.get("message", "")[:60])
    except NotFound as error:
        return await _page(request, error.message, 404)
    return redirect(request, "/exchange/withheld", "decided-anew")


async def _page(request: Request, problem: str = "", status: int = 200) -> Response:
    access = request.state.access
    found, other, known = await asyncio.gather(telling.held_back(access), stopped.stopped(access), partners.every(access))
    names = {p.id: p.name for p in known}
    wanted = sorted({*(h.subject.patient for h in found), *(s.patient for s in other)})
    people = {s.id: s.resource for s in (await access.search("Patient", [("_id", ",".join(wanted))], count=200)).matches} if wanted else {}
    more = len(found) == telling.PAGE or len(other) == stopped.PAGE
    return PAGES.render(request, "exchange/withheld.html", status=status, rows=_rows(found, names, people), others=_others(other, names, people), problem=problem, more=more)


def _others(found: list[Stopped], names: dict[str, str], people: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"what": s.what, "partner": names.get(s.partner, "—"), "patient": s.patient, "name": full_name(people[s.patient]) or "A client", "when": day_and_time(s.at), "why": s.why} for s in found if s.patient in people
    ]  # fmt: skip


def _rows(found: list[HeldBack], names: dict[str, str], people: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": h.id, "what": _WHAT.get(h.subject.type, h.subject.type), "partner": names.get(h.partner, "—"), "patient": h.subject.patient, "name": full_name(people.get(h.subject.patient, {})) or "A client",
            "when": day_and_time(h.made), "why": releasing.reason(dict(h.resource)),
        }
        for h in found if h.subject.patient in people
    ]  # fmt: skip
