"""The second step of signing in: a code, a recovery code or a passkey; or setting up the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import segno
from markupsafe import Markup
from starlette.responses import JSONResponse

from sojourn.base.errors import TooManyRequests
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.settings import own_path
from sojourn.doors.staff.signin.signin import TOO_MANY, after, home
from sojourn.gate.signin import Pending
from sojourn.web import session
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect
from sojourn.web.visit import place_of, visit_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

CODE = Field("code", "Code from your authenticator app", "Enter the six digits that your app shows.", autocomplete="one-time-code", max_length=12)
RECOVERY = Field("recovery", "Recovery code", "Enter one of your recovery codes.", "One of the ten that you printed or wrote down. Each works once.", max_length=40)
WRONG = "That code is not right, or was used already. Wait for the next one and try again."
WRONG_RECOVERY = "That is none of your recovery codes, or it was used already."
WRONG_PASSKEY = "That passkey is not one of yours. Try again, or choose another way."


async def _pending(request: Request) -> Pending | None:
    gate = request.app.state.gate
    found: Pending | None = await gate.signin.pending(gate.tenant_of(request.url.hostname or ""), session.kept(request, session.HALF), request.state.door)
    return found


async def show(request: Request) -> Response:
    """GET /sign-in/second. Without a first step it leads back there."""
    pending = await _pending(request)
    following = own_path(request.query_params.get("next", ""), "")
    return await _page(request, pending, following) if pending else redirect(request, "/sign-in" + after(following))


async def complete(request: Request) -> Response:
    """POST /sign-in/second."""
    fields = await sent(request)
    following = own_path(fields.get("next", ""), "")
    pending = await _pending(request)
    if pending is None:
        return redirect(request, "/sign-in" + after(following), "session-ended")
    try:
        return await (_with_factor(request, pending, fields, following) if pending.kinds else _set_up(request, pending, fields, following))
    except TooManyRequests:
        return await _page(request, pending, following, TOO_MANY, 429)


async def _with_factor(request: Request, pending: Pending, fields: dict[str, str], following: str) -> Response:
    gate = request.app.state.gate
    kind = "passkey" if fields.get("answer") else "recovery" if fields.get("recovery", "").strip() else "totp"
    answer = fields.get({"passkey": "answer", "recovery": "recovery", "totp": "code"}[kind], "").strip()
    tenant = gate.tenant_of(request.url.hostname or "")
    begun = await gate.signin.second(tenant, pending, kind, answer, visit_of(request), place=place_of(request), state=fields.get("state", ""))
    if begun is None:
        wrong = {"passkey": WRONG_PASSKEY, "recovery": WRONG_RECOVERY, "totp": WRONG if answer else CODE.missing}[kind]
        return await _page(request, pending, following, wrong, 401)
    response = redirect(request, following or home(gate.access_of(begun.caller)))
    session.begin(request, response, begun.token)
    return response


async def _set_up(request: Request, pending: Pending, fields: dict[str, str], following: str) -> Response:
    gate = request.app.state.gate
    done = await gate.signin.second_set_up(gate.tenant_of(request.url.hostname or ""), pending, fields.get("code", ""), visit_of(request))
    if done is None:
        return await _page(request, pending, following, WRONG if fields.get("code", "").strip() else CODE.missing, 401)
    begun, codes = done
    request.state.access = gate.access_of(begun.caller)
    request.state.csrf_secret = begun.token
    response = PAGES.render(request, "signin/codes.html", codes=codes, back=following or home(request.state.access), first=True)
    session.begin(request, response, begun.token)
    return response


async def passkey_options(request: Request) -> Response:
    """POST /sign-in/second/passkey: for one of the passkeys of whoever is half signed in."""
    gate, pending = request.app.state.gate, await _pending(request)
    if pending is None:
        return JSONResponse({}, 401)
    asked = await gate.signin.passkeys.ask(gate.tenant_of(request.url.hostname or ""), place_of(request), pending.account)
    return JSONResponse({"options": asked.options, "state": asked.state})


async def _page(request: Request, pending: Pending, following: str, problem: str = "", status: int = 200) -> Response:
    gate = request.app.state.gate
    form = Form((CODE, RECOVERY))
    app = await gate.signin.set_up_app(gate.tenant_of(request.url.hostname or ""), pending)
    response = PAGES.render(
        request, "signin/second.html", status=status, form=form, kinds=pending.kinds, app=app, code_image=square(app.uri) if app else "", next=following, problem=problem
    )
    if status == 429:
        response.headers["retry-after"] = "600"
    return response


def square(uri: str) -> Markup:
    """A QR code as SVG without styles of its own; black on white in every theme, or cameras cannot read it."""
    return Markup(segno.make(uri, error="m").svg_inline(border=4, omitsize=True, dark="#000", light="#fff", title="QR code for your authenticator app"))  # noqa: S704
