"""Every page of the staff app as somebody finds it: links are followed from page to page, and each address is told by its route."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import asyncpg
from starlette.routing import compile_path

from sojourn.doors.staff.routes import SCREENS
from sojourn.doors.staff.screens import Screen

LEAVES = ("/sign-out", "/developers", "/-/patterns", "/sign-in", "/welcome", "/confirm")
_LINK = re.compile(r'(?:href|hx-get)="([^"#]+)')
_ROUTES: list[tuple[re.Pattern[str], Screen]] = [(compile_path(screen.path)[0], screen) for screen in SCREENS if "GET" in screen.methods]


class Answer(NamedTuple):
    """What came back. html: '' for what is no page."""

    status: int
    html: str


class Found(NamedTuple):
    """A page that somebody can open: the path of its route, and an address of it."""

    route: str
    address: str


def route_of(address: str) -> str:
    """The path of the route that answers an address, or ''."""
    path = urlsplit(address).path
    return next((screen.path for pattern, screen in _ROUTES if pattern.match(path)), "")


def pages() -> list[str]:
    """The path of every page for people who signed in, once each."""
    return sorted({screen.path for screen in SCREENS if "GET" in screen.methods and not screen.open and not screen.path.startswith(LEAVES)})


async def walk(get: Callable[[str], Awaitable[Answer]], *, each: int = 3, extra: tuple[str, ...] = (), leaves: tuple[str, ...] = LEAVES) -> list[Found]:
    """Open pages from those without an id on, at most `each` of a route, and follow what they link to. Only what answers 200 is found.

    extra: addresses to begin with, too. leaves: beginnings of paths that are not followed. Links are followed in the order in which they stand, so the same record gives the same walk.
    """
    waiting = deque([*(path for path in pages() if "{" not in path), *extra])
    seen, opened, found = set(waiting), Counter[str](), list[Found]()
    while waiting:
        address = waiting.popleft()
        route = route_of(address)
        if not route or opened[route] >= each:
            continue
        answer = await get(address)
        if answer.status != 200:
            continue
        opened[route] += 1
        found.append(Found(route, address))
        for link in _LINK.findall(answer.html):
            there = urlsplit(urljoin(address, link.replace("&amp;", "&")))
            path = there.path + (f"?{there.query}" if there.query else "")
            if not there.netloc and path not in seen and not path.startswith(leaves) and not path.startswith("/static/"):
                seen.add(path)
                waiting.append(path)
    return found


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements sent to PostgreSQL meanwhile, by this process; without those that begin and end a transaction, and without the trail's."""
    asked: list[str] = []
    kinds = ("fetch", "fetchrow", "fetchval")
    before = {kind: getattr(asyncpg.Connection, kind) for kind in kinds}

    def counting(inner: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def ask(connection: object, statement: str, *args: object, **more: object) -> object:
            if "gate.audit_rows" not in statement:
                asked.append(statement)
            return await inner(connection, statement, *args, **more)

        return ask

    for kind in kinds:
        setattr(asyncpg.Connection, kind, counting(before[kind]))
    try:
        yield asked
    finally:
        for kind in kinds:
            setattr(asyncpg.Connection, kind, before[kind])
