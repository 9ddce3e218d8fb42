"""A screen: an address, its handler, and how the palette and the keyboard reach it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sojourn.base.errors import Forbidden, Unauthenticated

Handler = Callable[[Request], Awaitable[Response]]


class Screen(NamedTuple):
    """`verb`: its name in the palette, empty if it has no place there. `needs`: (type, action) pairs that the role must allow.

    `open`: whether a stranger may come. A screen whose path has an `{id}` is offered while that patient's chart is open.
    """

    path: str
    handler: Handler
    methods: tuple[str, ...] = ("GET",)
    verb: str = ""
    key: str = ""
    needs: tuple[tuple[str, str], ...] = ()
    open: bool = False
    group: str = ""

    def route(self) -> Route:
        """The Starlette route, its handler guarded."""
        return Route(self.path, self.handler if self.open else guarded(self), methods=list(self.methods))


def guarded(screen: Screen) -> Handler:
    """The handler behind its door: only for someone signed in whose role allows what the screen needs."""

    @wraps(screen.handler)
    async def checked(request: Request) -> Response:
        if request.state.access is None:
            raise Unauthenticated
        if not all(request.state.access.may(type_, action) for type_, action in screen.needs):
            raise Forbidden
        return await screen.handler(request)

    return checked
