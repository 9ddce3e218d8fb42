"""GET /desk: what waits for the privacy officer, one card for each page of the desk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.doors.staff.desk.frame import DeskPage, Waiting, render
from sojourn.doors.staff.desk.registry import DESK

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access


async def show(request: Request) -> Response:
    """The cards that count, those that need somebody first; then the pages that only look things up."""
    access: Access = request.state.access
    counted = [page for page in DESK if page.waiting]
    numbers = await asyncio.gather(*(waiting(access, page) for page in counted))
    cards = sorted(zip(counted, numbers, strict=True), key=lambda card: not card[1].needs_you)
    return render(request, None, "desk/landing.html", cards=cards, others=[page for page in DESK if not page.waiting])


async def waiting(access: Access, page: DeskPage) -> Waiting:
    """What waits at one page."""
    assert page.waiting is not None  # noqa: S101 - asked only of pages that count
    return await page.waiting(access)
