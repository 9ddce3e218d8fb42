"""Hand the device over, say thank you, and take it back with a proof of who one is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse
from starlette.routing import Match

from sojourn.base.errors import NotFound, TooManyRequests
from sojourn.doors.staff.handover.locked import BACK
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.settings import own_path
from sojourn.gate import handover
from sojourn.web import confirm, session
from sojourn.web.forms import Form, sent
from sojourn.web.page import redirect
from sojourn.web.visit import place_of, visit_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.doors.staff.screens import Handler, Screen
    from sojourn.gate.access import Access

WITH = "with-"
"""Begins the name of a field that says something to the page on the device, such as how it is known who signs."""
WRONG = "That is not right. Check it and try again."


def begin(screens: Callable[[], tuple[Screen, ...]]) -> Handler:
    """POST /handover. `path`: the page to show; only one that was made for it. `back`: where the owner goes on afterwards."""

    async def hand_over(request: Request) -> Response:
        access: Access = request.state.access
        fields = await sent(request)
        path, back = own_path(fields.get("path", ""), ""), own_path(fields.get("back", ""), "/")
        if "?" in path or not any(s.hand and "GET" in s.methods and _fits(s, path) and all(access.may(t, a) for t, a in s.needs) for s in screens()):
            raise NotFound
        facts = {name.removeprefix(WITH): value[:400] for name, value in fields.items() if name.startswith(WITH)}
        about = path.split("/")[2] if path.startswith("/patients/") else ""
        if about:
            await access.read("Patient", about)  # nobody hands over the page of somebody whom they may not see
        token = await handover.begin(access, path, back, facts, about)
        response = redirect(request, path)
        session.begin(request, response, token)
        response.headers["clear-site-data"] = '"cache"'
        return response

    return hand_over


def _fits(screen: Screen, path: str) -> bool:
    match, _ = screen.route().matches({"type": "http", "path": path, "method": "GET", "root_path": ""})
    return match is Match.FULL


async def finished(request: Request) -> Response:
    """What a page on a handed-over device answers when it has served: from now on only its owner can do anything."""
    await handover.finish(request.state.access)
    return redirect(request, BACK)


async def back(request: Request) -> Response:
    """GET and POST /handover/back: the owner proves who they are, and goes on in a session of their own."""
    access, handed = request.state.handed_to, getattr(request.state, "handed", None)
    if access is None or handed is None:
        return redirect(request, "/sign-in")
    if request.method != "POST":
        return await _page(request, access, handed)
    fields = await sent(request)
    kind = "passkey" if fields.get("answer") else "totp" if fields.get("code", "").strip() else "password"
    answer = fields.get({"passkey": "answer", "totp": "code", "password": "password"}[kind], "")
    gate = request.app.state.gate
    try:
        begun = await gate.signin.take_back(access.caller, kind, answer, visit_of(request), place=place_of(request), state=fields.get("state", ""))
    except TooManyRequests:
        return await _page(request, access, handed, confirm.TOO_MANY.partition(" What")[0], 429)
    if begun is None:
        return await _page(request, access, handed, WRONG, 401)
    response = redirect(request, handed.back, "taken-back")
    session.begin(request, response, begun.token)
    return response


async def options(request: Request) -> Response:
    """POST /handover/back/passkey: what the browser needs to ask for one of the owner's passkeys."""
    access = request.state.handed_to
    if access is None:
        raise NotFound
    asked = await request.app.state.gate.signin.passkeys.ask(access.tenant, place_of(request), access.caller.account)
    return JSONResponse({"options": asked.options, "state": asked.state})


async def _page(request: Request, access: Any, handed: handover.Handed, problem: str = "", status: int = 200) -> Response:
    ways = await request.app.state.gate.signin.ways_to_confirm(replace(access.caller, door="staff"))
    form = Form(tuple(f for f, way in ((confirm.PASSWORD, "password"), (confirm.CODE, "totp")) if way in ways))
    return PAGES.render(request, "handover/back.html", status=status, form=form, ways=ways, problem=problem, done=handed.done)
