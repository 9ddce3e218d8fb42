"""GET and POST /patients/{id}/orders/new: order from the laboratory, once or again and again."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import TYPE_CHECKING

from sojourn.base.errors import Forbidden, Malformed
from sojourn.care.orders import catalog, ordering
from sojourn.care.orders.ordering import Wish
from sojourn.care.staffing import zones
from sojourn.doors.staff.cards import asking
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import code_text
from sojourn.gate.changes import new_id
from sojourn.gate.exchange import telling
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access


async def show(request: Request) -> Response:
    """The empty sheet."""
    return await _page(request)


async def send(request: Request) -> Response:
    """Order it; the order is shown next."""
    access, patient = request.state.access, request.path_params["id"]
    await banner.fetch(access, patient)
    said = await sent(request)
    try:
        id_ = await ordering.order(access, patient, _wish(said))
    except (Malformed, Forbidden) as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/patients/{patient}/orders/{id_}", "ordered")


def _wish(said: dict[str, str]) -> Wish:
    try:
        day = date.fromisoformat(said.get("day", ""))
    except ValueError:
        raise Malformed("Write the day on which the specimen is collected.") from None
    return Wish(
        said.get("panel", ""), day, said.get("priority", "routine"), said.get("collector", "staff"), said.get("fasting") == "yes", said.get("condition", ""), said.get("why", "")[:500],
        said.get("note", "")[:1000], said.get("rhythm", ""), said.get("key", "")[:60], said.get("laboratory", "")[:80],
    )  # fmt: skip


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, panels, problems, laboratories, advised = await asyncio.gather(banner.fetch(access, patient), catalog.panels(access), _problems(access, patient), telling.laboratories(access), asking.anybody(request, "order-sign"))
    today = access.now.astimezone(zones.of(None)).date().isoformat()
    return PAGES.render(
        request, "orders/sheet.html", status=status, banner=about, parts=allowed(access), here="results", panels=panels, problems=problems, rhythms=list(catalog.rhythms().values()),
        priorities=list(ordering.PRIORITIES.items()), collectors=list(ordering.COLLECTORS.items()), said={"day": today, "key": new_id()} | (said or {}), today=today, problem=problem, laboratories=laboratories, ours=any(p.here for p in panels), advised=advised,
    )  # fmt: skip


async def _problems(access: Access, patient: str) -> list[tuple[str, str]]:
    if not access.may("Condition", "search"):
        return []
    found = await access.search("Condition", [("patient", patient), ("category", "problem-list-item"), ("clinical-status", "active,recurrence,relapse")], count=50)
    return sorted(((s.id, code_text(s.resource.get("code") or {})) for s in found.matches), key=lambda p: p[1].casefold())
