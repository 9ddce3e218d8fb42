"""A page of the desk: its place in the navigation, its card on the landing page, and what waits there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.screens import Handler, Screen

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

OVERSEE = (("*", "oversee"),)
"""What a role must include to sit at the desk: the action `oversee` on every type."""


class Waiting(NamedTuple):
    """What a card says: a number, what it counts, and whether it needs somebody."""

    number: int
    words: str
    needs_you: bool = False


class DeskPage(NamedTuple):
    """One page of the desk. `waiting`: what its card counts; None for a page that only looks things up."""

    path: str
    title: str
    about: str
    waiting: Callable[[Access], Awaitable[Waiting]] | None = None


def screen(page: DeskPage, handler: Handler, *, key: str = "", methods: tuple[str, ...] = ("GET",)) -> Screen:
    """The screen of a page, in the palette by its title."""
    return Screen(page.path, handler, methods, verb=page.title, key=key, needs=OVERSEE, group="Privacy desk")


def below(page: DeskPage, rest: str, handler: Handler, methods: tuple[str, ...] = ("GET",)) -> Screen:
    """A screen under a page: one entry of its list, or what is done there. It has no place of its own in the palette."""
    return Screen(page.path + rest, handler, methods, needs=OVERSEE)


_laid_out: list[DeskPage] = []


def lay_out(pages: Sequence[DeskPage]) -> tuple[DeskPage, ...]:
    """Put these pages into the navigation, in this order: the registry does, which knows every page, and which no page knows."""
    _laid_out[:] = pages
    return tuple(pages)


def render(request: Request, page: DeskPage | None, template: str, *, block: str = "", status: int = 200, **values: Any) -> Response:
    """A page inside the desk's navigation. A template of the desk extends `desk/frame.html`."""
    return PAGES.render(request, template, block=block, status=status, desk=_laid_out, here=page.path if page else "/desk", **values)
