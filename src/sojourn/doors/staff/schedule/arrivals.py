"""/schedule/arrivals: who is expected today; here and missed with one press each."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base.errors import Malformed, VersionConflict
from sojourn.care import policies
from sojourn.care.scheduling import appointments, zones
from sojourn.doors.staff.schedule import frame, one
from sojourn.doors.staff.words import own_name
from sojourn.gate import elsewhere
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_STATUSES = ("booked", "pending", "arrived", "checked-in", "noshow", "fulfilled")


class Line(NamedTuple):
    """One visit. late: whether its time has passed and nobody said anything."""

    id: str
    time: str
    who: str
    patient: str
    what: str
    people: str
    where: str
    tag: tuple[str, str]
    status: str
    late: bool


async def show(request: Request) -> Response:
    """GET."""
    return await _page(request)


async def act(request: Request) -> Response:
    """POST: something about one of them; htmx gets the list anew."""
    access = request.state.access
    form = await sent(request)
    problem = ""
    try:
        await one.done(access, form.get("id", ""), form, await policies.of(access))
    except (Malformed, VersionConflict) as error:
        problem = error.message
    if request.headers.get("hx-request") != "true" and not problem:
        return redirect(request, f"/schedule/arrivals?date={form.get('date', '')}&site={form.get('site', '')}", "saved")
    return await _page(request, problem, form)


async def _page(request: Request, problem: str = "", form: dict[str, str] | None = None) -> Response:
    access, query = request.state.access, form or dict(request.query_params)
    rules = await policies.of(access)
    where = frame.home(rules)
    today = zones.local(access.now, where).date()
    day, site = frame.asked_day(query.get("date", ""), today), query.get("site", "")
    low, high = zones.day_bounds(day, where)
    every = await zones.places(access)
    sites = sorted((own_name(p), id_) for id_, p in every.items() if any(c.get("code") == "si" for c in p.get("physicalType", {}).get("coding", ())))
    booked = [b for b in await appointments.between(access, low, high, statuses=_STATUSES) if b.patient and b.kind != elsewhere.CODE and (not site or any(_site(r, every) == site for r in b.rooms))]
    names = await frame.names(access, booked, rooms=[])
    lines = []
    for b in booked:
        assert b.start is not None
        late = b.status in appointments.OPEN and b.start < access.now - timedelta(minutes=10)
        lines.append(Line(
            b.id, frame.clock(b.start, where), names.patients.get(b.patient, "Reserved"), b.patient if b.patient in names.patients else "", b.text, ", ".join(filter(None, (names.people.get(p, "") for p in b.people))),
            ", ".join(filter(None, (names.rooms.get(r, "") for r in b.rooms))), ("Not here yet", "amber") if late else frame.STATUS.get(b.status, (b.status, "plain")), b.status, late,
        ))  # fmt: skip
    counts = {s: sum(1 for line in lines if line.status in of) for s, of in (("expected", appointments.OPEN), ("here", ("arrived", "checked-in")), ("missed", ("noshow",)))}
    return frame.render(request, "/schedule/arrivals", "arrivals.html", block="list", lines=lines, day=day, site=site, sites=sites, problem=problem, counts=counts, day_text=frame.spoken(day), is_today=day == today)


def _site(room: str, places: dict[str, dict[str, object]]) -> str:
    """The site that a room is in: the last place that it is part of."""
    seen: set[str] = set()
    while room and room not in seen:
        seen.add(room)
        above = places.get(room, {}).get("partOf")
        inside = str(above.get("reference", "")).removeprefix("Location/") if isinstance(above, dict) else ""
        if not inside:
            return room
        room = inside
    return room
