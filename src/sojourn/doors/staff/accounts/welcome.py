"""The other end of an invitation or reset: set a password, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.security.security import DIFFERENT, PASSWORDS
from sojourn.doors.staff.signin.signin import go_on
from sojourn.gate import accounts
from sojourn.web.forms import Form, sent
from sojourn.web.page import redirect
from sojourn.web.visit import visit_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def show(request: Request) -> Response:
    """GET and POST /welcome/{secret}. A link that is not good (any more) is not told from one that never was."""
    gate, secret = request.app.state.gate, request.path_params["secret"]
    tenant, visit = gate.tenant_of(request.url.hostname or ""), visit_of(request)
    link = await accounts.link(gate.house, tenant, secret, visit.door)
    if link is None:
        return PAGES.render(request, "accounts/no_welcome.html", status=404)
    form, problem = Form(PASSWORDS), ""
    if request.method == "POST" and form.fill(await sent(request)):
        problem = DIFFERENT
        if form.values["new"] == form.values["again"]:
            account, problem = await accounts.accept(gate.house, tenant, secret, visit.door, form.values["new"], visit.request)
            if account:
                begun = await gate.signin.proved(tenant, account, ("password",), visit)
                return go_on(request, begun, "") if begun else redirect(request, "/sign-in")
            if not problem:
                return PAGES.render(request, "accounts/no_welcome.html", status=404)
    status = 422 if form.errors or problem else 200
    return PAGES.render(request, "accounts/welcome.html", status=status, link=link, form=form, problem=problem, secret=secret)
