"""GET /exchange/subscriptions: who is told of changes, and who does not take it. POST: try one again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sojourn.base.errors import NotFound
from sojourn.doors.staff.exchange.words import age
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time
from sojourn.gate.subscriptions import overseeing
from sojourn.gate.subscriptions.model import ACTIVE, ERROR
from sojourn.gate.subscriptions.overseeing import NEEDS
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.subscriptions.overseeing import Listed

__all__ = ["NEEDS", "act", "show"]


async def show(request: Request, status: int = 200, problem: str = "") -> Response:
    """The list, those that do not work first."""
    access = request.state.access
    found = await overseeing.every(access)
    return PAGES.render(request, "exchange/subscribers.html", status=status, problem=problem, rows=[_row(s, access.now) for s in found], more=len(found) == overseeing.LISTED)


async def act(request: Request) -> Response:
    """Try one again, now."""
    form = await sent(request)
    try:
        await overseeing.again(request.state.access, str(form.get("subscription", ""))[:80])
    except NotFound as error:
        return await show(request, 409, error.message)
    return redirect(request, "/exchange/subscriptions", "saved")


def _row(one: Listed, now: datetime) -> dict[str, object]:
    if one.state == ERROR:
        state, why = ("Told nothing", "red"), one.reason
    elif one.tries:
        state, why = ("Tried again", "amber"), f"{one.tries} {'try' if one.tries == 1 else 'tries'} in vain; the next {'now' if one.due <= now else 'at ' + day_and_time(one.due.isoformat())}."
    elif one.state == ACTIVE:
        state, why = ("Works", "good"), ""
    else:
        state, why = ("Asked whether it is there", "plain"), ""
    return {"id": one.id, "name": one.name, "host": one.host, "topic": one.topic, "state": state, "why": why, "broken": one.broken, "age": age(one.begun, now), "ends": day_and_time(one.expires.isoformat())}
