"""GET and POST /orders/catalog: what can be ordered here, and changing that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base.errors import Malformed, VersionConflict
from sojourn.care.orders import catalog
from sojourn.doors.staff.pages import PAGES
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def show(request: Request) -> Response:
    """The list."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Add a panel, or take one off the list."""
    access, said = request.state.access, await sent(request)
    try:
        if said.get("do") == "end":
            panel = next((p for p in await catalog.panels(access) if p.key == said.get("panel")), None)
            if panel is None:
                raise Malformed("It is not on the list any more.")
            await catalog.end(access, panel)
        else:
            await catalog.add(access, said.get("title", "")[:200], said.get("specimen", "")[:100], fasting=said.get("fasting") == "yes", code=said.get("code", "")[:20], source=said.get("source", "")[:300])
    except Malformed as error:
        return await _page(request, error.message, 422, said)
    except VersionConflict:
        return await _page(request, "Somebody changed it at this moment. The list is as it is now.", 412)
    return redirect(request, "/orders/catalog", "saved")


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access = request.state.access
    return PAGES.render(request, "orders/catalog.html", status=status, panels=await catalog.panels(access), may=all(access.may(t, a) for t, a in catalog.WRITES), problem=problem, said=said or {})
