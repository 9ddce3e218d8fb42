"""What programs ask: tokens, what one is, giving it back, registering. Errors as RFC 6749, 5.2."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response

from sojourn.base import ids
from sojourn.base.errors import SojournError, TooManyRequests
from sojourn.base.log import logger
from sojourn.doors.smart.wellknown import root, tenant_of
from sojourn.gate.apps import ending, registering, registry, tokens
from sojourn.gate.apps.refusing import Refused, UnknownClient
from sojourn.gate.caller import APP_DOOR

if TYPE_CHECKING:
    from starlette.requests import Request

    from sojourn.gate.apps.registry import App

Handler = Callable[["Request", dict[str, str], str], Awaitable[Response]]

_log = logger("smart")
_MOST = 64 * 1024
_NO_STORE = {"cache-control": "no-store", "pragma": "no-cache", "x-content-type-options": "nosniff"}


def asked(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The handler with the form of the request and its number; every error as an answer that a program understands."""

    async def answered(request: Request) -> Response:
        number = ids.new_id("request")
        try:
            return await handler(request, await _form(request), number)
        except TooManyRequests as error:
            return _error("temporarily_unavailable", "Too many attempts; wait as long as Retry-After says.", 429, number, {"retry-after": str(max(error.after, 60))})
        except UnknownClient as error:
            return _error(error.error, error.message, 401, number, {"www-authenticate": 'Basic realm="Sojourn"'})
        except Refused as error:
            return _error(error.error, error.message, error.status, number)
        except SojournError as error:
            known = error.status < 500
            return _error("invalid_request" if known else "server_error", error.message, error.status if known else 503, number)
        except Exception as error:  # noqa: BLE001 - the last resort: nothing of the error leaves, its kind is logged
            _log.error("request failed", error, request=number)
            return _error("server_error", "Something went wrong on our side; nothing was changed.", 500, number)

    return answered


def _error(code: str, description: str, status: int, number: str, more: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": code, "error_description": description}, status, headers={**_NO_STORE, "x-request-id": number, **(more or {})})


async def _form(request: Request) -> dict[str, str]:
    """The parameters in the body, each once (RFC 6749, 3.2). Raises Refused."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST:
            raise Refused("invalid_request", "The request is too large.")
    request.state.body = body
    if not request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return {}
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50)
    except (UnicodeDecodeError, ValueError):
        raise Refused("invalid_request", "The form cannot be read.") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise Refused("invalid_request", "A parameter stands there more than once.")
    return dict(pairs)


async def _client(request: Request, form: dict[str, str]) -> App:
    gate = request.app.state.gate
    endpoint = root(request) + "/oauth/token"
    address = request.client.host if request.client else ""
    found: App = await gate.clients.authenticated(tenant_of(request), form, request.headers.get("authorization", ""), endpoint, request.app.state.outbound.kept, address)
    return found


async def _bearing(request: Request, secret: str) -> App:
    """The app whose access token this is. Raises UnknownClient."""
    gate = request.app.state.gate
    access = await gate.bearer(secret)
    door: str = access.caller.door if access else ""
    app = await registry.one(gate.house.db, tenant_of(request), door.removeprefix(APP_DOOR)) if door.startswith(APP_DOOR) else None
    if app is None or not app.active:
        raise UnknownClient
    return app


async def token(request: Request, form: dict[str, str], number: str) -> Response:
    """POST /oauth/token."""
    grant = form.get("grant_type", "")
    give = {"authorization_code": tokens.for_code, "refresh_token": tokens.for_refresh}.get(grant)
    if give is None and grant != "client_credentials":
        raise Refused("unsupported_grant_type" if grant else "invalid_request", "grant_type is authorization_code, refresh_token or client_credentials.")
    if grant == "client_credentials" and not form.get("client_assertion"):
        raise UnknownClient("A service proves who it is with a signed assertion (private_key_jwt).")
    app = await _client(request, form)
    house, tenant = request.app.state.gate.house, tenant_of(request)
    given = await give(house, tenant, app, form, number) if give else await tokens.for_service(house, tenant, app, form.get("scope", ""), number)
    return JSONResponse(given.answer, headers={**_NO_STORE, "x-request-id": number})


async def introspect(request: Request, form: dict[str, str], number: str) -> Response:
    """POST /oauth/introspect (RFC 7662). An app also proves who it is with an access token of its own (SMART App Launch 2.2, token introspection)."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    app = await _bearing(request, secret.strip()) if scheme.lower() == "bearer" else await _client(request, form)
    answer = await ending.introspected(request.app.state.gate.house, tenant_of(request), app, form.get("token", ""))
    return JSONResponse(answer, headers={**_NO_STORE, "x-request-id": number})


async def revoke(request: Request, form: dict[str, str], number: str) -> Response:
    """POST /oauth/revoke (RFC 7009). What is not there or not the app's is answered alike."""
    app = await _client(request, form)
    if not form.get("token"):
        raise Refused("invalid_request", "Say which token.")
    await ending.given_back(request.app.state.gate.house, tenant_of(request), app, form["token"], number)
    return Response(status_code=200, headers={**_NO_STORE, "x-request-id": number})


async def register(request: Request, form: dict[str, str], number: str) -> Response:
    """POST /oauth/register (RFC 7591)."""
    try:
        metadata: Any = json.loads(request.state.body) if not form else None
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise Refused("invalid_client_metadata", "Send the registration as a JSON object.")
    gate = request.app.state.gate
    app, secret = await registering.requested(
        gate.house, tenant_of(request), metadata, sandbox=request.app.state.about.demo, address=request.client.host if request.client else "", request=number
    )
    return JSONResponse(registering.as_metadata(app, secret), 201, headers={**_NO_STORE, "x-request-id": number})
