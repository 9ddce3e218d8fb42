"""/schedule/feed: one's own calendar for another program; and the address that it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from sojourn.base.errors import NotFound
from sojourn.care.scheduling import feeds
from sojourn.doors.staff.schedule import frame
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request


async def show(request: Request) -> Response:
    """GET."""
    secret = await feeds.address(request.state.access)
    address = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}/calendar/{secret}" if secret else ""
    return frame.render(request, "/schedule", "feed.html", address=address, days=feeds.DAYS)


async def change(request: Request) -> Response:
    """POST: begin, renew or end it. Needs a fresh proof: the address is a secret that lasts."""
    form, access, gate = await sent(request), request.state.access, request.app.state.gate
    await access.require_fresh()
    if form.get("act") == "end":
        await feeds.end(access, gate)
    else:
        await feeds.begin(access, gate)
    return redirect(request, "/schedule/feed", "saved")


async def read(request: Request) -> Response:
    """GET /calendar/{secret}: busy times. An address that was taken back, one that ran out and one that never was answer alike."""
    calendar = await feeds.busy(request.app.state.gate, request.path_params["secret"])
    if calendar is None:
        raise NotFound
    return Response(calendar, media_type="text/calendar; charset=utf-8", headers={"content-disposition": 'inline; filename="busy.ics"'})
