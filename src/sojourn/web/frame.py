"""The middleware stack, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request

from sojourn.base import ids
from sojourn.base.errors import Conflict, NotAllowed, NotFound, ProofNeeded, SojournError, StaleCredential, Unauthenticated
from sojourn.base.log import logger
from sojourn.web import confirm
from sojourn.web.page import redirect
from sojourn.web.session import Sessions, token_of

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sojourn.web.page import Pages

_log = logger("web")

POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types htmx"
)
"""No inline script or style, nothing from elsewhere, no framing (https://www.w3.org/TR/CSP3/)."""

def leading_to(target: str, nonce: str) -> str:
    """The policy of a page whose form leads on to a registered address elsewhere: browsers hold redirects after a form to it, too."""
    scheme, _, rest = target.partition(":")
    place = f"{scheme}://{rest.removeprefix('//').partition('/')[0].partition('?')[0]}" if scheme in ("https", "http") else f"{scheme}:"
    return POLICY.format(nonce=nonce).replace("form-action 'self'", f"form-action 'self' {place}")


HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cache-control": "no-store",
}


def middleware(pages: Pages, door: str, also: tuple[str, ...] = ()) -> list[Middleware]:
    """What surrounds every page of a door, outermost first. also: doors whose sessions are good here, too."""
    return [
        Middleware(Headers),
        Middleware(GZipMiddleware, minimum_size=800, compresslevel=5),
        Middleware(Errors, pages=pages),
        Middleware(Sessions, door=door, also=also),
    ]


class Headers:
    """Gives each request an id and a nonce, and each answer its security headers. Pages are never kept by a cache."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["nonce"] = ids.new_id("nonce")
        state.setdefault("request_id", ids.new_id("request"))
        added = HEADERS | {"content-security-policy": POLICY.format(nonce=state["nonce"]), "x-request-id": state["request_id"]}
        if scope.get("scheme") == "https":
            added["strict-transport-security"] = "max-age=31536000; includeSubDomains"

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                extra = [(k.encode(), v.encode()) for k, v in added.items() if k.encode() not in present]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self.app(scope, receive, adding)


class Errors:
    """Turns an error into a page that says what happened and what can be done. What is absent and what is withheld look alike."""

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self.app = app
        self.pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watching(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watching)
        except Exception as error:  # noqa: BLE001 - the last resort of every page
            if started:
                raise
            response = await self._answer(Request(scope, receive), error)
            await response(scope, receive, send)

    async def _answer(self, request: Request, error: Exception) -> Response:
        if isinstance(error, ProofNeeded) and getattr(request.state, "access", None) is not None:
            try:
                return await confirm.ask(self.pages, request)
            except Exception as failed:  # noqa: BLE001 - as above
                error = failed
        return self.page(request, error)

    def page(self, request: Request, error: Exception) -> Response:
        """The answer to an error. Only a fault of ours is logged with its trace."""
        known = as_ours(error)
        if isinstance(known, StaleCredential) and getattr(request.state, "access", None) is not None:
            # What this person may act as has changed: look again, and ask again. If the session is over, that leads to the sign-in.
            request.app.state.gate.identity.forget(request.state.access.caller)
            if request.method == "GET":
                return redirect(request, request.url.path + (f"?{request.url.query}" if request.url.query else ""))
            known = Conflict(MEANWHILE)  # not sent again by us: part of it may have been done
        if known.status == Unauthenticated.status:
            ended = "session-ended" if token_of(request) else ""
            return redirect(request, f"/sign-in?next={request.url.path}" if request.method == "GET" else "/sign-in", ended)
        if known.status >= 500:
            _log.error("page failed", error, request=request.state.request_id)
        response = self.pages.render(request, "error.html", block="main", status=known.status, error=known, title=TITLES.get(known.status, "Not done"))
        response.headers["hx-retarget"] = "#main"
        return response


MEANWHILE = "What you may do here was changed in this very moment. Go back and look what was kept before you send it again."
NOTHING_HERE = "There is nothing at this address that you can see. Check the address, or search for whom or what you need."
"""Said alike of a page that does not exist, a record that does not, and one that may not be seen."""

TITLES = {
    403: "Not allowed",
    404: "Not found",
    410: "Not found",
    413: "Too large",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Try again in a moment",
}


def as_ours(error: Exception) -> SojournError:
    """The error of our family that says the same. A deleted record is not found: that it existed is nobody's business here."""
    if isinstance(error, SojournError):
        return NotFound(NOTHING_HERE) if error.status in (404, 410) else error
    if isinstance(error, HTTPException):
        return NotFound(NOTHING_HERE) if error.status_code == 404 else NotAllowed() if error.status_code == 405 else SojournError()
    return SojournError()
