"""Your security: password, authenticator app, passkeys, recovery codes, and where you are signed in."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from sojourn.base import clock
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.signin.second import CODE, WRONG, square
from sojourn.gate import calling, security
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect
from sojourn.web.visit import place_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

PASSWORDS = (
    Field("new", "New password", "Enter the new password.", "Three or four words that have nothing to do with each other are easy to remember.", "password", "new-password", 1024),
    Field("again", "The same once more", "Enter the new password once more.", type="password", autocomplete="new-password", max_length=1024),
)
NAME = Field("name", "A name for it", "", "For you to know it by, such as “Work laptop”.", max_length=60)
DIFFERENT = "The two passwords are not the same. Enter both again."
NO_PASSKEY = "The passkey could not be kept. Try again; if it fails again, this device may have one here already."
METHODS = {"password": "password", "totp": "authenticator app", "recovery": "recovery code", "passkey": "passkey", "outside": "identity provider", "mfa": ""}


def ago(moment: datetime | None) -> str:
    """How long ago, in the words one would use."""
    if moment is None:
        return "not yet"
    minutes = int((clock.now() - moment).total_seconds() // 60)
    if minutes < 2:
        return "just now"
    for size, word in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            n = minutes // size
            return f"{n} {word}{'s' if n > 1 else ''} ago"
    return ""


def ways(methods: tuple[str, ...]) -> str:
    """How somebody signed in, in words."""
    return " and ".join(dict.fromkeys(w for m in methods if (w := METHODS.get(m, m)))) or "unknown"


async def show(request: Request) -> Response:
    """GET /security."""
    return PAGES.render(request, "security/security.html", own=await security.own(request.state.access), reached=await calling.places(request.state.access), ago=ago, ways=ways)


async def password(request: Request) -> Response:
    """GET and POST /security/password."""
    access: Access = request.state.access
    form, problem = Form(PASSWORDS), ""
    if request.method == "GET":
        await access.require_fresh()
        return PAGES.render(request, "security/password.html", form=form, problem="")
    if form.fill(await sent(request)):
        problem = DIFFERENT if form.values["new"] != form.values["again"] else await security.change_password(access, form.values["new"])
        if not problem:
            return redirect(request, "/security", "password-changed")
    return PAGES.render(request, "security/password.html", status=422, form=form, problem=problem)


async def begin_app(request: Request) -> Response:
    """POST /security/app: a new authenticator app, to scan."""
    app = await security.begin_app(request.state.access)
    return PAGES.render(request, "security/app.html", form=Form((CODE,)), app=app, code_image=square(app.uri), problem="")


async def confirm_app(request: Request) -> Response:
    """POST /security/app/code: the first code of the new app."""
    access: Access = request.state.access
    form = Form((CODE,))
    filled = form.fill(await sent(request))
    if filled and await security.confirm_app(access, form.values["code"]):
        return await _recovery_if_none(request)
    app = await security.app_begun(access)
    return PAGES.render(request, "security/app.html", status=422, form=form, app=app, code_image=square(app.uri), problem=WRONG if filled else "")


async def _recovery_if_none(request: Request) -> Response:
    """After the first second factor, the codes for the day on which it is lost."""
    access: Access = request.state.access
    if (await security.own(access)).recovery:
        return redirect(request, "/security", "saved")
    return _codes(request, await security.new_recovery(access))


async def new_passkey(request: Request) -> Response:
    """GET /security/passkeys/new."""
    await request.state.access.require_fresh()
    return PAGES.render(request, "security/passkey.html", form=Form((NAME,)), problem="")


async def passkey_options(request: Request) -> Response:
    """POST /security/passkeys/options: what the browser needs to make one."""
    asked = await security.ask_passkey(request.state.access, place_of(request))
    return JSONResponse({"options": asked.options, "state": asked.state})


async def add_passkey(request: Request) -> Response:
    """POST /security/passkeys."""
    fields = await sent(request)
    form = Form((NAME,))
    if form.fill(fields) and await security.add_passkey(request.state.access, place_of(request), form.values["name"], fields.get("state", ""), fields.get("answer", "")):
        return await _recovery_if_none(request)
    return PAGES.render(request, "security/passkey.html", status=422, form=form, problem=NO_PASSKEY)


async def end_factor(request: Request) -> Response:
    """POST /security/factors/{factor}/end."""
    await security.end_factor(request.state.access, request.path_params["factor"])
    return redirect(request, "/security", "saved")


async def recovery(request: Request) -> Response:
    """POST /security/recovery: new codes; the old ones are worth nothing from now on."""
    return _codes(request, await security.new_recovery(request.state.access))


def _codes(request: Request, codes: list[str]) -> Response:
    return PAGES.render(request, "signin/codes.html", codes=codes, back="/security", first=False)


async def end_sessions(request: Request) -> Response:
    """POST /security/sessions: sign out one other session, or everywhere else."""
    handle = (await sent(request)).get("handle") or None
    await security.end_sessions(request.state.access, handle)
    return redirect(request, "/security", "signed-out-there" if handle else "signed-out-elsewhere")
