"""How a person likes the screen: density, theme and single-key shortcuts, each remembered in a cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

CHOICES = {
    "density": ("compact", "comfortable"),
    "theme": ("auto", "light", "dark"),
    "keys": ("on", "off"),
}
"""Every preference with its values; the first is the default."""


class Preferences(NamedTuple):
    """One value of CHOICES each. Scripts may read and write these cookies: they hold nothing private."""

    density: str
    theme: str
    keys: str


def preferences(request: Request) -> Preferences:
    """What the cookies say; the default for anything absent or unknown."""
    chosen = {name: request.cookies.get(name, "") for name in CHOICES}
    return Preferences(**{name: chosen[name] if chosen[name] in values else values[0] for name, values in CHOICES.items()})


def remember(response: Response, name: str, value: str) -> None:
    """Keep a choice for a year; anything that is not in CHOICES is ignored."""
    if value in CHOICES.get(name, ()):
        response.set_cookie(name, value, max_age=31536000, path="/", samesite="lax")
