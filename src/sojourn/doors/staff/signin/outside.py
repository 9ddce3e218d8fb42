"""Sign in with the organization's own identity provider: out to it, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sojourn.base import clock, crypto
from sojourn.base.crypto import BadSeal
from sojourn.base.errors import NotFound, TooManyRequests
from sojourn.doors.staff.settings import own_path
from sojourn.doors.staff.signin.signin import TOO_MANY, form, go_on, page
from sojourn.web import session
from sojourn.web.oidc import Begun, OutsideFailed, provider_of
from sojourn.web.page import redirect
from sojourn.web.visit import visit_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.caller import Tenant

WRONG = "That sign-in did not work. Try again, or sign in with your login and password."
"""Said alike when the provider refuses, when its answer is not sound, and when nobody of that name has an account here."""
_LASTS = 600


def _back(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}/sign-in/outside/return"


async def begin(request: Request) -> Response:
    """GET /sign-in/outside: to the provider. What has to come back is kept in the browser, sealed."""
    provider = provider_of(request)
    if provider is None:
        raise NotFound
    following = own_path(request.query_params.get("next", ""), "")
    try:
        begun = await provider.begin(_back(request))
    except OutsideFailed:
        return page(request, form(), following, "The identity provider does not answer. Try again in a moment, or sign in with your login and password.", 503)
    tenant = _tenant(request)
    kept = json.dumps([*begun[1:], following, clock.now().timestamp()]).encode()
    response = redirect(request, "/")
    response.headers["location"] = begun.address
    session.keep(request, response, "outside", request.app.state.gate.house.key.seal("outside", kept, str(tenant.number).encode()), _LASTS)
    return response


def _tenant(request: Request) -> Tenant:
    tenant: Tenant = request.app.state.gate.tenant_of(request.url.hostname or "")
    return tenant


async def back(request: Request) -> Response:
    """GET /sign-in/outside/return: back from the provider, once."""
    gate, tenant, visit = request.app.state.gate, _tenant(request), visit_of(request)
    provider = provider_of(request)
    if provider is None:
        raise NotFound
    following = ""
    try:
        sealed = session.kept(request, "outside")
        state, nonce, verifier, following, when = json.loads(gate.house.key.open("outside", sealed, str(tenant.number).encode()))
        if clock.now().timestamp() - when > _LASTS or not await gate.signin.first_time(tenant, crypto.sha256(b"outside\0" + state.encode())):
            raise OutsideFailed
        vouched = await provider.finish(request.query_params, Begun("", state, nonce, verifier), _back(request))
        begun = await gate.signin.outside(tenant, provider.issuer, vouched.subject, vouched.login, vouched.strong, visit)
    except TooManyRequests:
        return page(request, form(), following, TOO_MANY, 429)
    except (OutsideFailed, BadSeal, ValueError):
        await gate.signin.refused(tenant, visit, "outside")
        begun = None
    response = go_on(request, begun, following) if begun else page(request, form(), following, WRONG, 401)
    session.drop(request, response, "outside")
    return response
