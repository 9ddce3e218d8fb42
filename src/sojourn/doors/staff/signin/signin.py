"""Sign in and out. An unknown account and a wrong password get the same answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sojourn.base.errors import TooManyRequests
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.settings import own_path
from sojourn.gate.throttle import Throttle
from sojourn.web import session
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

FIELDS = (
    Field("login", "Login", "Enter your login.", autocomplete="username"),
    Field("password", "Password", "Enter your password.", type="password", autocomplete="current-password", max_length=1024),
)
WRONG = "The login or the password is not right. Check both and try again."
TOO_MANY = "There were too many attempts. Wait a few minutes, then try again."
PER_ADDRESS = Throttle(limit=60, window=timedelta(minutes=10))
"""Beside the gate's own limit per login: against one password tried on many logins."""


def form() -> Form:
    """An empty sign-in form."""
    return Form(FIELDS)


async def show(request: Request) -> Response:
    """GET /sign-in. `next`: the page to go to afterwards."""
    if request.state.access is not None:
        return redirect(request, "/patients")
    return _page(request, form(), own_path(request.query_params.get("next", ""), ""))


async def sign_in(request: Request) -> Response:
    """POST /sign-in: begin a session, with a new token each time."""
    fields = await sent(request)
    filled, following = form(), own_path(fields.get("next", ""), "")
    if not filled.fill(fields):
        return _page(request, filled, following, status=422)
    address = request.client.host if request.client else ""
    gate = request.app.state.gate
    try:
        PER_ADDRESS.attempt(address)
        begun = await gate.sign_in(gate.tenant_of(request.url.hostname or ""), filled.values["login"], filled.values["password"])
    except TooManyRequests:
        return _page(request, filled, following, TOO_MANY, 429)
    if begun is None:
        return _page(request, filled, following, WRONG, 401)
    PER_ADDRESS.forgive(address)
    response = redirect(request, following or "/patients")
    session.begin(request, response, begun.token)
    return response


async def sign_out(request: Request) -> Response:
    """POST /sign-out: end the session here and at the gate, and have the browser forget what it kept."""
    if token := session.token_of(request):
        await request.app.state.gate.sign_out(token)
    response = redirect(request, "/", "signed-out")
    session.end(request, response)
    response.headers["clear-site-data"] = '"cache"'
    return response


def _page(request: Request, filled: Form, following: str, problem: str = "", status: int = 200) -> Response:
    response = PAGES.render(request, "signin/signin.html", status=status, form=filled, next=following, problem=problem)
    if status == 429:
        response.headers["retry-after"] = "600"
    return response
