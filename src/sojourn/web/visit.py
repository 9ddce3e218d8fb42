"""Who knocks, as the gate needs to know it: address, browser, and where a passkey is good."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from sojourn.gate.passkeys import Place
from sojourn.gate.signin import Visit

if TYPE_CHECKING:
    from starlette.requests import Request

_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (("Windows", "Windows"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))


def visit_of(request: Request) -> Visit:
    """The visit behind a request. `address` is the peer's: behind a proxy, what the proxy vouches for (docs/operate.md)."""
    state = request.state
    return Visit(getattr(state, "door", "staff"), request.client.host if request.client else "", label_of(request.headers.get("user-agent", "")), state.request_id)


def place_of(request: Request) -> Place:
    """Where a passkey of this page is good, bound to this browser's cookie."""
    return Place(request.url.hostname or "", f"{request.url.scheme}://{request.url.netloc}", sha256(b"passkey" + request.state.csrf_secret.encode()).digest())


def label_of(agent: str) -> str:
    """Browser and system in two words, for people to recognize their own sessions by. Nothing finer is kept."""
    browser = next((name for mark, name in _BROWSERS if f"{mark}/" in agent), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{browser} on {system}" if system else browser
