"""/groups: group sessions that one leads, today's and those that are not finished."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from sojourn.base.errors import Malformed
from sojourn.care import policies
from sojourn.care.groups import opening
from sojourn.care.scheduling import members, tracks, zones
from sojourn.doors.staff.lines import Line
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.schedule import frame
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access


async def show(request: Request) -> Response:
    """GET."""
    return await _page(request)


async def begin(request: Request) -> Response:
    """POST /groups/begin: write down a group of a day; the one that is there already, if it was begun."""
    access, form = request.state.access, await sent(request)
    today = zones.local(access.now, frame.home(await policies.of(access))).date()
    try:
        id_ = await opening.begin(access, form.get("group", ""), frame.asked_day(form.get("day", ""), today))
    except Malformed as error:
        return await _page(request, error.message, 422)
    return redirect(request, f"/groups/{id_}")


async def _page(request: Request, problem: str = "", status: int = 200) -> Response:
    access = request.state.access
    rules = await policies.of(access)
    where = frame.home(rules)
    today = zones.local(access.now, where).date()
    low, high = zones.day_bounds(today, where)
    open_, lately, every = await asyncio.gather(opening.listed(access), opening.listed(access, access.now - timedelta(days=14), high), tracks.every(access))
    agent = access.caller.agent or ""
    due = [(t, o) for t, o in tracks.taking_place(every, low - timedelta(days=2), high, members.holidays(rules)) if agent in t.leaders and o.status != "cancelled"]
    begun = {(one.session.schedule, one.session.starts) for one in (*open_, *lately)}
    names = {t.id: t.name for t in every}
    row = [(one, names.get(one.session.schedule, "Group"), _when(one, where)) for one in open_]
    done = [(one, names.get(one.session.schedule, "Group"), _when(one, where)) for one in reversed(lately) if one.session.closed]
    waits = [(t, o, f"{frame.spoken(zones.local(o.start, where).date())}, {frame.clock(o.start, where)}–{frame.clock(o.end, where)}") for t, o in due if (t.id, o.start) not in begun]
    return PAGES.render(request, "groups/list.html", status=status, open=row, done=done, waits=waits, problem=problem)


async def unfinished(access: Access) -> list[Line]:
    """For Today: sessions that the caller leads and that are not finished."""
    where = frame.home(await policies.of(access))
    agent = access.caller.agent or ""
    found = [one for one in await opening.listed(access) if agent in one.session.leaders]
    names = {t.id: t.name for t in await tracks.every(access, ids={one.session.schedule for one in found})} if found else {}
    late = access.now - timedelta(hours=24)
    return [
        Line(names.get(one.session.schedule, "Group"), f"/groups/{one.session.id}", note=f"{one.open} to write, {one.signed} signed", due=_when(one, where), tone="amber" if one.session.starts < late else "plain")
        for one in found[:8]
    ]  # fmt: skip


def _when(one: opening.Listed, where: ZoneInfo) -> str:
    return f"{frame.spoken(zones.local(one.session.starts, where).date())}, {frame.clock(one.session.starts, where)}"
