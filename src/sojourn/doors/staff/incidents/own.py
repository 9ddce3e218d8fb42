"""What somebody has of an incident without its report: an action, or word of a missed deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base.errors import Malformed, NotFound
from sojourn.care.incidents import duty, reviewing
from sojourn.doors.staff.incidents import words
from sojourn.doors.staff.pages import PAGES
from sojourn.gate import incidents
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def action(request: Request) -> Response:
    """GET /incidents/actions/{action}: what its owner has to do."""
    return await _page(request)


async def do(request: Request) -> Response:
    """POST: it is done, and how."""
    said = (await sent(request)).get("said", "")
    try:
        await reviewing.do(request.state.access, request.path_params["action"], said)
    except Malformed as error:
        return await _page(request, error.message, said, 422)
    return redirect(request, "/today", "saved")


async def _page(request: Request, problem: str = "", said: str = "", status: int = 200) -> Response:
    found = reviewing.todo(await incidents.my_action(request.state.access, request.path_params["action"]))
    return PAGES.render(request, "incidents/action.html", status=status, todo=found, due=f"{found.action.due.day} {found.action.due:%b %Y}", problem=problem, said=said)


async def notice(request: Request) -> Response:
    """GET /incidents/notices/{name}: a deadline was missed. Whoever may open the report gets the way to it; anybody else hears whom to reach."""
    access, name = request.state.access, request.path_params["name"]
    came = dict(await duty.pages(access)).get(name)
    if came is None:
        raise NotFound("There is no such notice.")
    path = ""
    if incidents.may_review(access):
        report = name.partition(".")[0]
        path = f"/incidents/{report}" if any(r.id == report for r in await incidents.every(access)) else ""
    return PAGES.render(request, "incidents/notice.html", name=name, came=words.spoken(came.isoformat()), path=path)


async def reached(request: Request) -> Response:
    """POST: somebody was reached who sees to it."""
    await duty.answered(request.state.access, request.path_params["name"])
    return redirect(request, "/today", "saved")
