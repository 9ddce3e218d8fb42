"""Sign in, step by step, and out. An unknown account and a wrong password get the same answer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import JSONResponse

from sojourn.base.errors import TooManyRequests
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.settings import own_path
from sojourn.gate.identity import Session
from sojourn.gate.signin import Pending
from sojourn.web import confirm, session
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect
from sojourn.web.visit import place_of, visit_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

FIELDS = (
    Field("login", "Login", "Enter your login.", autocomplete="username"),
    Field("password", "Password", "Enter your password.", type="password", autocomplete="current-password", max_length=1024),
)
WRONG = "The login or the password is not right. Check both and try again."
WRONG_PASSKEY = "That passkey does not open an account here. Try again, or sign in with your password."
TOO_MANY = "There were too many attempts. Wait a few minutes, then try again."


def after(following: str) -> str:
    """The page to go to afterwards, as it stands in an address."""
    return f"?next={quote(following)}" if following else ""


def form() -> Form:
    """An empty sign-in form."""
    return Form(FIELDS)


def home(access: Access) -> str:
    """Where somebody begins who did not ask for a page."""
    return "/today" if access.may("Task", "search") else "/patients" if access.may("Patient", "search") else "/accounts" if access.may("Login", "administer") else "/"


async def show(request: Request) -> Response:
    """GET /sign-in. `next`: the page to go to afterwards."""
    following = own_path(request.query_params.get("next", ""), "")
    if request.state.access is not None:
        return redirect(request, following or home(request.state.access))
    return page(request, form(), following)


async def sign_in(request: Request) -> Response:
    """POST /sign-in: begin a session, with a new token each time, or go on to the second step."""
    fields = await sent(request)
    filled, following = form(), own_path(fields.get("next", ""), "")
    if not filled.fill(fields):
        return page(request, filled, following, status=422)
    gate = request.app.state.gate
    try:
        begun = await gate.signin.password(gate.tenant_of(request.url.hostname or ""), filled.values["login"], filled.values["password"], visit_of(request))
    except TooManyRequests:
        return page(request, filled, following, TOO_MANY, 429)
    if begun is None:
        return page(request, filled, following, WRONG, 401)
    return go_on(request, begun, following)


async def again(request: Request) -> Response:
    """GET /confirm/on: prove it just now, and go on to a page of ours (`next`). For what another door asks a proof for."""
    await request.state.access.require_fresh(confirm.JUST_NOW)
    return redirect(request, own_path(request.query_params.get("next", ""), "/"))


async def with_passkey(request: Request) -> Response:
    """POST /sign-in/passkey: a passkey says who it is and proves it."""
    fields = await sent(request)
    following = own_path(fields.get("next", ""), "")
    gate = request.app.state.gate
    try:
        begun = await gate.signin.passkey(
            gate.tenant_of(request.url.hostname or ""), place_of(request), fields.get("state", ""), fields.get("answer", ""), visit_of(request)
        )
    except TooManyRequests:
        return page(request, form(), following, TOO_MANY, 429)
    return go_on(request, begun, following) if begun else page(request, form(), following, WRONG_PASSKEY, 401)


async def passkey_options(request: Request) -> Response:
    """POST /sign-in/passkey/options: what the browser needs to ask for a passkey, whosever it is. The same for everyone."""
    gate = request.app.state.gate
    asked = await gate.signin.passkeys.ask(gate.tenant_of(request.url.hostname or ""), place_of(request))
    return JSONResponse({"options": asked.options, "state": asked.state})


def go_on(request: Request, begun: Session | Pending, following: str) -> Response:
    """Into the app, or to the second step."""
    if isinstance(begun, Pending):
        response = redirect(request, "/sign-in/second" + after(following))
        session.keep(request, response, session.HALF, begun.token, 600)
        return response
    access = request.app.state.gate.access_of(begun.caller)
    response = redirect(request, following or home(access))
    session.begin(request, response, begun.token)
    return response


async def sign_out(request: Request) -> Response:
    """POST /sign-out: end the session here and at the gate, and have the browser forget what it kept."""
    return await _leave(request, "/", "signed-out")


async def lock(request: Request) -> Response:
    """POST /lock: the same, and whoever signs in next goes on where this was."""
    following = own_path((await sent(request)).get("next", ""), "")
    return await _leave(request, "/sign-in" + after(following), "locked")


async def _leave(request: Request, path: str, said: str) -> Response:
    if token := session.token_of(request):
        await request.app.state.gate.sign_out(token)
    response = redirect(request, path, said)
    session.end(request, response)
    response.headers["clear-site-data"] = '"cache"'
    return response


async def stay(request: Request) -> Response:
    """POST /session: somebody is there. That the request came moved the idle limit on already."""
    return JSONResponse({"staying": request.state.access is not None})


def page(request: Request, filled: Form, following: str, problem: str = "", status: int = 200) -> Response:
    """The sign-in page."""
    response = PAGES.render(request, "signin/signin.html", status=status, form=filled, next=following, problem=problem)
    if status == 429:
        response.headers["retry-after"] = "600"
    return response
