"""A screen: an address, its handler, and how the palette and the keyboard reach it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sojourn.base.errors import Forbidden, NotFound, StaleCredential, Unauthenticated
from sojourn.doors.staff import clocks, joining
from sojourn.doors.staff.emergency import standing
from sojourn.gate import together
from sojourn.web import session

Handler = Callable[[Request], Awaitable[Response]]


class Screen(NamedTuple):
    """`verb`: its name in the palette, empty if it has no place there. `needs`: (type, action) pairs that the role must allow.

    `open`: whether a stranger may come. A screen whose path has an `{id}` is offered while that patient's chart is open.
    `hand`: whether it may be shown on a device that is in somebody else's hands (handover/locked.py); no other screen answers there.
    """

    path: str
    handler: Handler
    methods: tuple[str, ...] = ("GET",)
    verb: str = ""
    key: str = ""
    needs: tuple[tuple[str, str], ...] = ()
    open: bool = False
    group: str = ""
    hand: bool = False

    def route(self) -> Route:
        """The Starlette route, its handler guarded."""
        return Route(self.path, anybodys(self) if self.open else guarded(self), methods=list(self.methods))


async def known_anew(request: Request) -> None:
    """Where the caller stands, as whoever they are now: if a role or rule changed since they were looked up, they are looked up again before
    anything is done, so that what they sent goes on under the rights that they have now. Raises Unauthenticated where the session is over."""
    try:
        await standing.look(request)
    except StaleCredential:
        gate, access = request.app.state.gate, request.state.access
        gate.identity.forget(access.caller)
        request.state.access = await gate.renewed(access)
        if request.state.access is None:
            raise Unauthenticated from None
        await standing.look(request)


def anybodys(screen: Screen) -> Handler:
    """The handler of a screen for strangers too; whoever is signed in sees there, too, which emergencies are in force."""

    @wraps(screen.handler)
    async def shown(request: Request) -> Response:
        if request.state.access is not None:
            try:
                await known_anew(request)
            except Unauthenticated:
                session.forget(request)
        if request.state.access is not None and request.method == "GET":
            together.keep(request.state.access)
        return await screen.handler(request)

    return shown


def guarded(screen: Screen) -> Handler:
    """The handler behind its door: only for someone signed in whose role allows what the screen needs."""

    @wraps(screen.handler)
    async def checked(request: Request) -> Response:
        if request.state.access is None:
            raise Unauthenticated
        if getattr(request.state, "handed", None) is not None and not screen.hand:
            raise NotFound
        await known_anew(request)
        if not all(request.state.plain_access.may(type_, action) for type_, action in screen.needs):
            raise Forbidden
        if request.method == "GET":
            together.keep(request.state.access)
        await clocks.enter(request, joining.look(request))
        if (elsewhere := joining.onward(request)) is not None:
            return elsewhere
        try:
            return await screen.handler(request)
        except NotFound:
            if (other := joining.beside(request)) is None:
                raise
            return other

    return checked
