"""The other end of an invitation or reset: set a password, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.security.security import DIFFERENT, PASSWORDS
from sojourn.doors.staff.signin.signin import go_on
from sojourn.gate import accounts
from sojourn.gate.identity import Session
from sojourn.gate.signin import Pending
from sojourn.web import session
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect
from sojourn.web.visit import visit_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


CODE = Field("code", "Code", "Enter the code.", "You get it from somebody else than the link: in person, or by telephone. Eight letters and digits.", max_length=20)
PORTAL, APPS = "portal", "/oauth/apps"
"""The door of clients and of those who act for them, and where they begin."""


def _portal(request: Request, begun: Session | Pending | None) -> Response:
    """In by the door of the portal, or to its sign-in where a second step is asked for."""
    response = redirect(request, APPS)
    if isinstance(begun, Session):
        session.begin(request, response, begun.token)
    return response


async def show(request: Request) -> Response:
    """GET and POST /welcome/{secret}. A link that is not good (any more) is not told from one that never was."""
    gate, secret = request.app.state.gate, request.path_params["secret"]
    tenant, visit = gate.tenant_of(request.url.hostname or ""), visit_of(request)
    link = await accounts.link(gate.house, tenant, secret, visit.door)
    if link is None:
        return PAGES.render(request, "accounts/no_welcome.html", status=404)
    if link.person:
        if request.state.access is not None:  # whoever made it would else be the client with the next key
            return PAGES.render(request, "accounts/not_here.html", status=403)
        visit = visit._replace(door=PORTAL)
    form, problem = Form((CODE, *PASSWORDS) if link.held else PASSWORDS), ""
    if request.method == "POST" and form.fill(await sent(request)):
        problem = DIFFERENT
        if form.values["new"] == form.values["again"]:
            account, problem = await accounts.accept(gate.house, tenant, secret, visit.door, form.values["new"], visit.request, form.values.get("code", ""))
            if account:
                begun = await gate.signin.proved(tenant, account, ("password",), visit)
                if link.person:
                    return _portal(request, begun)
                return go_on(request, begun, "") if begun else redirect(request, "/sign-in")
            if not problem:
                return PAGES.render(request, "accounts/no_welcome.html", status=404)
    status = 422 if form.errors or problem else 200
    return PAGES.render(request, "accounts/welcome.html", status=status, link=link, form=form, problem=problem, secret=secret)
