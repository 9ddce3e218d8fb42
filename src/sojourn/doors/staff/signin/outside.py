"""Sign in with the organization's own identity provider: out to it, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sojourn.base import clock, crypto
from sojourn.base.crypto import BadSeal
from sojourn.base.errors import Forbidden, NotFound, TooManyRequests
from sojourn.doors.staff.settings import own_path
from sojourn.doors.staff.signin.signin import TOO_MANY, form, go_on, page
from sojourn.web import session
from sojourn.web.oidc import Begun, OutsideFailed, Vouched, provider_of
from sojourn.web.page import redirect
from sojourn.web.visit import visit_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.caller import Tenant

WRONG = "That sign-in did not work. Try again, or sign in with your login and password."
"""Said alike when the provider refuses, when its answer is not sound, and when nobody of that name has an account here."""
NOT_THE_SAME = "That was somebody else. Nothing was done; sign in there as yourself and try again."
CONFIRMED = "/confirm/outside/done"
_LASTS = 600


def _back(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}/sign-in/outside/return"


async def begin(request: Request) -> Response:
    """GET /sign-in/outside: to the provider. What has to come back is kept in the browser, sealed."""
    return await _begin(request, own_path(request.query_params.get("next", ""), ""))


async def confirm(request: Request) -> Response:
    """GET /confirm/outside: the same for somebody signed in, who is to show anew who they are."""
    return await _begin(request, CONFIRMED, again=True)


async def _begin(request: Request, following: str, *, again: bool = False) -> Response:
    provider = provider_of(request)
    if provider is None:
        raise NotFound
    try:
        begun = await provider.begin(_back(request), again=again)
    except OutsideFailed:
        return page(request, form(), following, "The identity provider does not answer. Try again in a moment, or sign in with your login and password.", 503)
    tenant = _tenant(request)
    kept = json.dumps([*begun[1:], following, clock.now().timestamp(), again]).encode()
    response = redirect(request, "/")
    response.headers["location"] = begun.address
    session.keep(request, response, "outside", request.app.state.gate.house.key.seal("outside", kept, str(tenant.number).encode()), _LASTS)
    return response


def _tenant(request: Request) -> Tenant:
    tenant: Tenant = request.app.state.gate.tenant_of(request.url.hostname or "")
    return tenant


async def _confirmed(request: Request, issuer: str, vouched: Vouched) -> Response:
    """The provider vouched anew: only for the same person does it count."""
    access = request.state.access
    if access is None or not await request.app.state.gate.signin.outside_again(access.caller, issuer, vouched.subject, vouched.login, visit_of(request)):
        raise Forbidden(NOT_THE_SAME)
    response = redirect(request, CONFIRMED)
    session.drop(request, response, "outside")
    return response


async def back(request: Request) -> Response:
    """GET /sign-in/outside/return: back from the provider, once."""
    gate, tenant, visit = request.app.state.gate, _tenant(request), visit_of(request)
    provider = provider_of(request)
    if provider is None:
        raise NotFound
    following = ""
    try:
        sealed = session.kept(request, "outside")
        state, nonce, verifier, following, when, again = json.loads(gate.house.key.open("outside", sealed, str(tenant.number).encode()))
        if clock.now().timestamp() - when > _LASTS or not await gate.signin.first_time(tenant, crypto.sha256(b"outside\0" + state.encode())):
            raise OutsideFailed
        vouched = await provider.finish(request.query_params, Begun("", state, nonce, verifier), _back(request), again=again)
        if again:
            return await _confirmed(request, provider.issuer, vouched)
        begun = await gate.signin.outside(tenant, provider.issuer, vouched.subject, vouched.login, vouched.strong, visit)
    except TooManyRequests:
        return page(request, form(), following, TOO_MANY, 429)
    except (OutsideFailed, BadSeal, ValueError):
        await gate.signin.refused(tenant, visit, "outside")
        begun = None
    response = go_on(request, begun, following) if begun else page(request, form(), following, WRONG, 401)
    session.drop(request, response, "outside")
    return response
