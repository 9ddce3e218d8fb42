"""GET /today: what needs whoever is signed in, every section fetched at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.today.sections import SECTIONS, Section

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.doors.staff.lines import Line
    from sojourn.gate.access import Access


def allowed(access: Access) -> list[Section]:
    """The sections that the role has."""
    return [s for s in SECTIONS if all(access.may(type_, action) for type_, action in s.needs)]


async def show(request: Request) -> Response:
    """The sections of the role; those with nothing in them say so, or are not there."""
    access = request.state.access
    sections = allowed(access)
    found = await asyncio.gather(*(s.fetch(access) for s in sections))
    filled = sorted(((s, lines) for s, lines in zip(sections, found, strict=True) if lines or s.nothing), key=lambda pair: _rank(pair[1]))
    return PAGES.render(request, "today/today.html", filled=filled, waiting=sum(len(lines) for _, lines in filled))


def _rank(lines: list[Line]) -> int:
    """What is late stands first, what is empty last; within these the order of the registry, so that places stay known."""
    return 2 if not lines else 0 if any(line.tone == "red" for line in lines) else 1
