"""GET and POST /admissions/double: people written down twice and beds promised twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Malformed
from sojourn.care.admissions import people
from sojourn.care.census import double
from sojourn.doors.staff.lines import Line
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import born_with_age, full_name, record_number
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

PATH = "/admissions/double"


def _person(p: dict[str, Any]) -> dict[str, str]:
    phones = ", ".join(str(t.get("value", "")) for t in p.get("telecom", ()) if t.get("system") == "phone")
    return {"id": str(p["id"]), "name": full_name(p), "born": born_with_age(p), "record": record_number(p), "phone": phones}


async def show(request: Request) -> Response:
    """Both lists."""
    return await _page(request)


async def act(request: Request) -> Response:
    """The same person, or two; or a link taken back."""
    access = request.state.access
    said = await sent(request)
    note = said.get("note", "")
    try:
        match said.get("do"):
            case "same":
                await people.link(access, said.get("pair", ""), note)
            case "apart":
                await people.apart(access, said.get("pair", ""), note)
            case "unlink":
                await people.unlink(access, said.get("linkage", ""))
            case _:
                raise Malformed("Choose what to do.")
    except Malformed as error:
        return await _page(request, error.message, 422)
    return redirect(request, PATH, "saved")


async def _page(request: Request, problem: str = "", status: int = 200) -> Response:
    access = request.state.access
    pairs, beds = await asyncio.gather(people.waiting(access), double.waiting(access))
    twice = [{"bed": t.bed, "people": [(full_name(p.person) if p.person else "", p.patient) for p in (t.one, t.other)]} for t in beds]
    return PAGES.render(request, "admissions/double.html", status=status, pairs=[(p.id, _person(p.one), _person(p.other)) for p in pairs], beds=twice, problem=problem,
                        may_link=access.may("Linkage", "create"))  # fmt: skip


async def today(access: Access) -> list[Line]:
    """What of it waits, as lines of Today."""
    pairs, beds = await asyncio.gather(people.waiting(access), double.waiting(access))
    found = [Line("Written down twice?", PATH, full_name(p.one)) for p in pairs[:10]]
    return [*(Line(f"{t.bed} is promised twice", PATH, tone="red", due="now") for t in beds[:10]), *found]
