"""Signing in on the way to an app: patients here, people who work here at their own sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse

from sojourn.base.errors import TooManyRequests
from sojourn.doors.smart.pages import page
from sojourn.doors.smart.wellknown import tenant_of
from sojourn.gate.apps import asking
from sojourn.gate.identity import Session
from sojourn.gate.signin import Pending
from sojourn.web import session
from sojourn.web.forms import Field, Form, sent
from sojourn.web.visit import visit_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.apps.registry import App

FIELDS = (
    Field("login", "Login", "Enter your login.", autocomplete="username"),
    Field("password", "Password", "Enter your password.", type="password", autocomplete="current-password", max_length=1024),
)
CODE = (
    Field("code", "Code from your authenticator app", "", autocomplete="one-time-code", max_length=12),
    Field("recovery", "Or a recovery code", "", "One of the ten that you printed or wrote down. Each works once.", max_length=40),
)
WRONG = "The login or the password is not right. Check both and try again."
WRONG_CODE = "That code is not right, or was used already. Wait for the next one and try again."
TOO_MANY = "There were too many attempts. Wait a few minutes, then try again."
NO_SECOND = "You need a second step to sign in here, and have none yet. Ask the organization to help you set it up."
APPS = "/oauth/apps"


def _on(sealed: str) -> str:
    """Where it goes on: to the app that asked, or to one's own list of apps."""
    return f"/oauth/authorize?{urlencode({'request': sealed})}" if sealed else APPS


async def ask(request: Request, app: App | None, sealed: str, *, form: Form | None = None, problem: str = "", status: int = 200, again: bool = False) -> Response:
    """The page that asks who it is. app: the one that somebody goes on to; None for one's own list. again: who is signed in has to show it once more."""
    if again and request.state.access is not None and request.state.access.caller.kind == "staff":
        return RedirectResponse(f"/confirm/on?next={quote(_on(sealed), safe='')}", 303)  # their own sign-in would only send them back
    uses = app.uses if app else ("patient", "staff")
    staff = f"/sign-in?next={quote(_on(sealed), safe='')}"
    if uses == ("staff",) and request.state.access is None:
        return RedirectResponse(staff, 303)
    response = page(request, "signin.html", status=status, app=app, sealed=sealed, form=form or Form(FIELDS), problem=problem, patients="patient" in uses, staff=staff if "staff" in uses else "")
    if status == 429:
        response.headers["retry-after"] = "600"
    return response


async def _app(request: Request, sealed: str) -> App | None:
    return (await asking.opened(request.app.state.gate.house, tenant_of(request), sealed))[0] if sealed else None


async def send(request: Request) -> Response:
    """POST /oauth/sign-in."""
    fields = await sent(request)
    sealed, form = fields.get("request", ""), Form(FIELDS)
    app = await _app(request, sealed)
    if not form.fill(fields):
        return await ask(request, app, sealed, form=form, status=422)
    gate, tenant = request.app.state.gate, tenant_of(request)
    try:
        begun: Session | Pending | None = await gate.signin.password(tenant, form.values["login"], form.values["password"], visit_of(request))
    except TooManyRequests:
        return await ask(request, app, sealed, form=form, problem=TOO_MANY, status=429)
    if begun is None:
        return await ask(request, app, sealed, form=form, problem=WRONG, status=401)
    if isinstance(begun, Pending):
        if not begun.kinds:
            return await ask(request, app, sealed, form=form, problem=NO_SECOND, status=401)
        response: Response = RedirectResponse(f"/oauth/second?{urlencode({'request': sealed})}", 303)
        session.keep(request, response, session.HALF, begun.token, 600)
        return response
    return _in(request, begun, sealed)


def _in(request: Request, begun: Session, sealed: str) -> Response:
    response = RedirectResponse(_on(sealed), 303)
    session.begin(request, response, begun.token)
    return response


async def second(request: Request) -> Response:
    """GET and POST /oauth/second: a code, after the password."""
    gate, tenant = request.app.state.gate, tenant_of(request)
    fields = await sent(request) if request.method == "POST" else {}
    sealed = fields.get("request", "") or request.query_params.get("request", "")
    pending = await gate.signin.pending(tenant, session.kept(request, session.HALF), request.state.door)
    if pending is None:
        return RedirectResponse(_on(sealed), 303)
    if request.method == "GET":
        return page(request, "second.html", form=Form(CODE), sealed=sealed, problem="", kinds=pending.kinds)
    kind = "recovery" if fields.get("recovery", "").strip() else "totp"
    answer = fields.get("recovery" if kind == "recovery" else "code", "").strip()
    try:
        begun = await gate.signin.second(tenant, pending, kind, answer, visit_of(request))
    except TooManyRequests:
        return page(request, "second.html", status=429, form=Form(CODE), sealed=sealed, problem=TOO_MANY, kinds=pending.kinds)
    if begun is None:
        return page(request, "second.html", status=401, form=Form(CODE), sealed=sealed, problem=WRONG_CODE, kinds=pending.kinds)
    return _in(request, begun, sealed)
