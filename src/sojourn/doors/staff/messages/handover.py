"""The hand-over of a unit on one page, to read aloud or print; and words for whoever comes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base import ids
from sojourn.base.errors import Malformed
from sojourn.care.messages import addressing, handover, sending
from sojourn.doors.staff.lines import remaining
from sojourn.doors.staff.messages.listing import spoken
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.waiting import place
from sojourn.doors.staff.words import born_with_age, full_name
from sojourn.gate import messages
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_SHOWN = 4


async def show(request: Request) -> Response:
    """GET /shift: `unit` names another unit than the first."""
    return await _page(request, request.query_params.get("unit", ""))


async def send(request: Request) -> Response:
    """POST /shift: words for the next shift, as a message to a role or whoever is on call."""
    access, form = request.state.access, await sent(request)
    try:
        about = await addressing.about(access, "")
        thread = await sending.send(access, form.get("key", ""), about, [form.get("to", "")], "Hand-over", form.get("text", ""), urgent=False)
    except Malformed as error:
        return await _page(request, form.get("unit", ""), error.message, form.get("text", ""), 422)
    return redirect(request, f"/messages/{thread}", "message-sent")


async def _page(request: Request, unit: str, problem: str = "", text: str = "", status: int = 200) -> Response:
    access = request.state.access
    report = await handover.report(access, unit)
    colleagues = await messages.directory(access)
    rows = [
        (c, full_name(c.person), born_with_age(c.person), [(w.text, place(w), *remaining(w.due, access.now)) for w in c.works[:_SHOWN]], max(len(c.works) - _SHOWN, 0))
        for c in report.clients
    ]  # fmt: skip
    groups = addressing.groups(access, await addressing.about(access, ""), colleagues, {})
    return PAGES.render(request, "messages/shift.html", status=status, report=report, rows=rows, groups=groups, key=ids.new_token()[:24], now=spoken(access.now), problem=problem, text=text)
