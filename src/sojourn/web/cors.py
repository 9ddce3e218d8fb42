"""Scripts of registered apps may ask the API from their web origin; others learn nothing (CORS)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ANYBODYS: Final = ("/fhir/.well-known/", "/oauth/jwks", "/oauth/style.json", "/fhir/metadata")
"""What tells nothing of anybody: every origin may read it."""
REGISTERED: Final = ("/fhir", "/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/register", "/oauth/permissions", "/cds-services")
DISCOVERY: Final = "/cds-services"
"""Which CDS services there are: every origin may read it (CDS Hooks 2.0, CORS)."""
_SHOWN = "ETag, Location, Content-Location, Last-Modified, Retry-After, WWW-Authenticate, X-Progress, X-Request-Id"
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_SENT = (
    "Authorization, Accept, Content-Type, If-Match, If-None-Match, If-None-Exist, If-Modified-Since, Prefer, Cache-Control, X-Request-Id"
)


class Cors:
    """Middleware. allowed: whether scripts of an origin may ask at a host. No cookie ever counts there, so none is let along."""

    def __init__(self, app: ASGIApp, allowed: Callable[[str, str], Awaitable[bool]]) -> None:
        self._app, self._allowed = app, allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(REGISTERED + ANYBODYS):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        if not origin:
            await self._app(scope, receive, send)
            return
        open_ = path.startswith(ANYBODYS) or path == DISCOVERY
        good = open_ or await self._allowed(headers.get(b"host", b"").decode("latin-1"), origin)
        added = [(b"access-control-allow-origin", b"*" if open_ else origin.encode("latin-1")), (b"access-control-expose-headers", _SHOWN.encode())] if good else []
        added.append((b"vary", b"Origin"))
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            if good:
                added += [(b"access-control-allow-methods", _METHODS.encode()), (b"access-control-allow-headers", _SENT.encode()), (b"access-control-max-age", b"600")]
            await send({"type": "http.response.start", "status": 204 if good else 403, "headers": [*added, (b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                # The pages of others' frames are kept out by a header that would keep these answers from them, too.
                kept = [(k, v) for k, v in message["headers"] if not (good and k.lower() == b"cross-origin-resource-policy")]
                message = {**message, "headers": [*kept, *added]}
            await send(message)

        await self._app(scope, receive, adding)
