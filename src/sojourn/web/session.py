"""A cookie becomes an Access; every unsafe request proves that it came from one of our pages."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.requests import Request

from sojourn.base import ids
from sojourn.base.errors import Forbidden, TooLarge

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from sojourn.gate.access import Access
    from sojourn.gate.gate import Gate

MAX_FORM = 1 << 20
MAX_KEPT = 3 * MAX_FORM
"""Of a form that carries another one, encrypted (web/confirm.py)."""
MAX_FILES = 40 * MAX_FORM
"""Of a form with files, at the addresses that take some (FILES)."""
FILES = re.compile(r"(?:/tray|/papers/take|-tables|/vocabulary/maps|/bench/signed)$")
_FIRST = re.compile(rb'^--[^\r\n]{1,80}\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n([A-Za-z0-9_=-]{1,200})\r\n--', re.IGNORECASE)
"""The token as the first part of a form with files (RFC 7578)."""
HALF = "half"
"""The cookie of a half-done sign-in. It opens nothing but the second step."""
HANDED = "handover"
"""The door of a device that is in somebody else's hands. Its Access opens nothing but the one page (doors/staff/handover)."""
_SAFE = ("GET", "HEAD", "OPTIONS")


class StaleForm(Forbidden):
    """This form is no longer valid. Go back, reload the page and send it again; nothing was saved."""


def cookie_name(request: Request, name: str) -> str:
    """Over HTTPS the name binds the cookie to this host and forbids insecure ones (`__Host-`, RFC 6265bis)."""
    return f"__Host-{name}" if request.url.scheme == "https" else name


def token_of(request: Request) -> str:
    """The session token that the browser sent, or an empty string."""
    return request.cookies.get(cookie_name(request, "sojourn"), "")


def begin(request: Request, response: Response, token: str) -> None:
    """Put a session token into the browser until it is closed. Scripts cannot read it; other sites cannot send it with a form."""
    secure = request.url.scheme == "https"
    response.set_cookie(cookie_name(request, "sojourn"), token, httponly=True, secure=secure, samesite="lax", path="/")
    drop(request, response, HALF)


def end(request: Request, response: Response) -> None:
    """Take the session token out of the browser."""
    secure = request.url.scheme == "https"
    response.delete_cookie(cookie_name(request, "sojourn"), path="/", httponly=True, secure=secure, samesite="lax")


def keep(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """Put a value into the browser for a short while; scripts cannot read it."""
    secure = request.url.scheme == "https"
    response.set_cookie(cookie_name(request, name), value, max_age=seconds, httponly=True, secure=secure, samesite="lax", path="/")


def kept(request: Request, name: str) -> str:
    """A value that was put there, or an empty string."""
    return request.cookies.get(cookie_name(request, name), "")


def drop(request: Request, response: Response, name: str) -> None:
    """Take it out again."""
    if kept(request, name):
        response.delete_cookie(cookie_name(request, name), path="/", httponly=True, secure=request.url.scheme == "https", samesite="lax")


def forget(request: Request) -> None:
    """Go on as with a stranger: the session is over, which was found out only now."""
    request.state.access = None
    request.state.csrf_secret = request.state.visit


def csrf_token(secret: str) -> str:
    """A token for forms, derived from a cookie's secret and masked anew each time so that compression cannot reveal it (BREACH)."""
    proof = _proof(secret)
    mask = ids.random_bytes("csrf", len(proof))
    return urlsafe_b64encode(mask + bytes(a ^ b for a, b in zip(mask, proof, strict=True))).decode()


def csrf_holds(secret: str, token: str) -> bool:
    """Whether a token was made from this secret."""
    try:
        raw = urlsafe_b64decode(token.encode())
    except (BadBase64, ValueError):
        return False
    half = len(raw) // 2
    return bool(secret) and hmac.compare_digest(bytes(a ^ b for a, b in zip(raw[:half], raw[half:], strict=False)), _proof(secret))


def _proof(secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"csrf", sha256)


class Sessions:
    """Middleware: finds the session, hands its Access to the handlers as `request.state.access`, and guards unsafe methods.

    The gate is found at `app.state.gate`. A browser without a session gets a random `visit` cookie, from which the token of
    the sign-in form is derived.
    """

    def __init__(self, app: ASGIApp, door: str, also: tuple[str, ...] = ()) -> None:
        """also: doors whose sessions are good here, too."""
        self.app = app
        self.door = door
        self._doors = (door, *also)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        token = token_of(request)
        visit_name = cookie_name(request, "visit")
        visit = request.cookies.get(visit_name, "")
        fresh_visit = "" if visit else ids.new_id("visit")
        access = await self._access(request, token) if token else None
        request.state.handed_to = None
        if access is not None and access.caller.door == HANDED:
            request.state.handed_to, access = access, None
        request.state.visit = visit or fresh_visit
        secret = token if access or request.state.handed_to else request.state.visit
        request.state.access = access
        request.state.door = self.door
        request.state.csrf_secret = secret
        if request.method not in _SAFE:
            receive = await guarded(request, receive, secret)
        await self.app(scope, receive, _adding_cookie(request, send, visit_name, fresh_visit) if fresh_visit else send)

    async def _access(self, request: Request, token: str) -> Access | None:
        """The Access of a session begun at this door, or of a device handed over at it, in the organization whose host name this is."""
        gate: Gate = request.app.state.gate
        access = await gate.session(token, getattr(request.state, "request_id", None), used=request.headers.get("x-unattended") != "true")
        doors = (*self._doors, HANDED) if self.door == "staff" else self._doors
        here = access is not None and access.caller.door in doors and access.tenant is gate.tenant_of(request.url.hostname or "")
        return access if here else None


async def guarded(request: Request, receive: Receive, secret: str) -> Receive:
    """Check an unsafe request, and return a `receive` that gives its body again. Raises StaleForm or TooLarge."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise StaleForm
    kind = request.headers.get("content-type", "")
    files = kind.startswith("multipart/form-data") and FILES.search(request.url.path) is not None
    body = await _body(receive, MAX_KEPT if request.url.path.endswith("/confirm") else MAX_FILES if files else MAX_FORM)
    request.state.sent = body
    sent = request.headers.get("x-csrf-token", "")
    if not sent and files and (first := _FIRST.match(body[:1000])):
        sent = first[1].decode()
    if not sent and kind.startswith("application/x-www-form-urlencoded"):
        sent = dict(parse_qsl(body.decode("utf-8", "replace"))).get("csrf", "")
    if not csrf_holds(secret, sent):
        raise StaleForm
    return _again(body, receive)


async def _body(receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise TooLarge
        more = message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _adding_cookie(request: Request, send: Send, name: str, value: str) -> Send:
    secure = "; Secure" if request.url.scheme == "https" else ""

    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            cookie = f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}"
            message = {**message, "headers": [*message["headers"], (b"set-cookie", cookie.encode())]}
        await send(message)

    return adding
