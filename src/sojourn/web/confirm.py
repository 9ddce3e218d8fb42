"""Ask again who it is before a sensitive act, and then go on with what was sent, as it was sent."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from sojourn.base.crypto import BadSeal
from sojourn.base.errors import Conflict, ProofNeeded, TooManyRequests, Unauthenticated
from sojourn.gate import proof
from sojourn.gate.proof import Held
from sojourn.web import session
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect
from sojourn.web.visit import place_of, visit_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sojourn.gate.access import Access
    from sojourn.web.page import Pages

PASSWORD = Field("password", "Your password", type="password", autocomplete="current-password", max_length=1024)
CODE = Field("code", "Code from your authenticator app", "", "Six digits; a new code every half minute.", autocomplete="one-time-code", max_length=12)
WRONG = "That is not right. Check it and try again. What you entered on the page before is kept."
TOO_MANY = "There were too many attempts. Wait a few minutes, then try again. What you entered on the page before is kept."
LATE = "This waited too long. Go back and do it again; nothing was done."
JUST_NOW = timedelta(minutes=2)
ASIDE = "aside"
"""The cookie that brings back what was put aside while somebody is at the identity provider."""
TWICE = "This was done already; it was not done a second time."


async def ask(pages: Pages, request: Request) -> Response:
    """The page that asks, in place of the answer to a request that needs a recent proof."""
    state = request.state
    held = Held(request.method, request.scope["path"], request.scope.get("query_string", b""), request.headers.get("content-type", ""), getattr(state, "sent", b""))
    return await _page(pages, request, proof.hold(state.access, held))


async def _page(pages: Pages, request: Request, held: str, problem: str = "", status: int = 401) -> Response:
    ways = await request.app.state.gate.signin.ways_to_confirm(request.state.access.caller)
    form = Form(tuple(f for f, way in ((PASSWORD, "password"), (CODE, "totp")) if way in ways))
    response = pages.render(request, "confirm.html", block="main", status=status, form=form, ways=ways, held=held, problem=problem)
    response.headers["hx-retarget"] = "#main"
    return response


def over(pages: Pages, inside: Callable[[], ASGIApp]) -> Callable[[Request], Any]:
    """POST /confirm. `inside`: the screens of the door, to which the kept request goes on."""

    async def go_on(request: Request) -> Any:
        access = request.state.access
        if access is None:
            raise Unauthenticated
        fields = await sent(request)
        sealed = fields.get("held", "")
        try:
            held = proof.release(access, sealed)
        except (BadSeal, ValueError, zlib.error):
            raise Conflict(LATE) from None
        if fields.get("way") == "outside":
            return await _step_out(pages, request, sealed)
        kind = "passkey" if fields.get("answer") else "totp" if fields.get("code", "").strip() else "password"
        answer = fields.get({"passkey": "answer", "totp": "code", "password": "password"}[kind], "")
        gate = request.app.state.gate
        try:
            if fields.get("way") == "proved":
                return await _goes_on(request, inside, sealed, held) if await _is_fresh(access) else await _page(pages, request, sealed, WRONG)
            caller = await gate.signin.confirm(access.caller, kind, answer, visit_of(request), place=place_of(request), state=fields.get("state", ""))
        except TooManyRequests:
            return await _page(pages, request, sealed, TOO_MANY, 429)
        if caller is None:
            return await _page(pages, request, sealed, WRONG)
        return await _goes_on(request, inside, sealed, held)

    return go_on


async def _goes_on(request: Request, inside: Callable[[], ASGIApp], sealed: str, held: Held) -> Any:
    """Once, as whoever the database says this is now."""
    gate, access = request.app.state.gate, request.state.access
    if not await proof.spend(access, sealed):
        raise Conflict(TWICE)
    caller = await gate.identity.again(access.caller)
    if caller is None:
        raise Unauthenticated
    request.state.access = gate.access_of(caller)
    if held.method == "GET":
        return redirect(request, held.path + (f"?{held.query.decode('latin-1')}" if held.query else ""))
    return GoingOn(inside(), held)


async def _is_fresh(access: Access) -> bool:
    try:
        await access.require_fresh(JUST_NOW)
    except ProofNeeded:
        return False
    return True


async def _step_out(pages: Pages, request: Request, sealed: str) -> Response:
    """To the identity provider, by a link: the policy on forms forbids that one leads to another site."""
    response = pages.render(request, "confirm_outside.html", held="", path="/confirm/outside")
    session.keep(request, response, ASIDE, await proof.put_aside(request.state.access, sealed), 600)
    return response


def back_from_outside(pages: Pages) -> Callable[[Request], Any]:
    """GET /confirm/outside/done: the kept request, to go on with one press."""

    async def show(request: Request) -> Response:
        sealed = await proof.taken_up(request.state.access, session.kept(request, ASIDE))
        if not sealed:
            raise Conflict(LATE)
        response = pages.render(request, "confirm_outside.html", held=sealed, path="")
        session.drop(request, response, ASIDE)
        return response

    return show


async def options(request: Request) -> Response:
    """POST /confirm/passkey: what the browser needs to ask for one of this person's passkeys."""
    caller = request.state.access.caller
    asked = await request.app.state.gate.signin.passkeys.ask(caller.tenant, place_of(request), caller.account)
    return JSONResponse({"options": asked.options, "state": asked.state})


class GoingOn:
    """The kept request, answered in place of the confirmation: an ASGI application for one request."""

    def __init__(self, inside: ASGIApp, held: Held) -> None:
        self._inside, self._held = inside, held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on. What htmx wanted as a fragment is wanted as a page now."""
        held = self._held
        replaced = (b"content-type", b"content-length", b"hx-request", b"hx-request-type", b"hx-target")
        headers = [(k, v) for k, v in scope["headers"] if k not in replaced]
        headers += [(b"content-type", held.content_type.encode("latin-1")), (b"content-length", str(len(held.body)).encode())]
        again = {k: v for k, v in scope.items() if k not in ("path_params", "endpoint", "route")}
        again |= {"method": held.method, "path": held.path, "raw_path": held.path.encode(), "query_string": held.query, "headers": headers}
        messages = [{"type": "http.request", "body": held.body, "more_body": False}]

        async def body() -> Any:
            return messages.pop() if messages else await receive()

        await self._inside(again, body, send)
