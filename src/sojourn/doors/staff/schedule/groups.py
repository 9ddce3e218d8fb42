"""/schedule/groups: the week of groups; one with members, seats and days that differ."""

from __future__ import annotations

import asyncio
from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Any

from sojourn.base.digits import digits
from sojourn.base.errors import Malformed, VersionConflict
from sojourn.care import policies
from sojourn.care.scheduling import members, tracks, waitlist, zones
from sojourn.care.scheduling.series import CANCELLED, MOVED, NAMES, Differs, Series, said
from sojourn.care.scheduling.tracks import Track
from sojourn.doors.staff.schedule import frame
from sojourn.doors.staff.words import own_name
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

HERE = "/schedule/groups"


async def show(request: Request) -> Response:
    """GET: the week, by level of care if one is asked for."""
    access, query = request.state.access, request.query_params
    rules, every = await asyncio.gather(policies.of(access), tracks.every(access))
    where = frame.home(rules)
    day = frame.asked_day(query.get("date", ""), zones.local(access.now, where).date())
    monday = day - timedelta(days=day.weekday())
    level = query.get("level", "")
    levels_ = sorted({t.level for t in every if t.level})
    wanted = [t for t in every if not level or t.level == level]
    names = await frame.names(access, [], people=[p for t in wanted for p in t.leaders], rooms=[t.room for t in wanted if t.room])
    week = members.week_of(wanted, monday, members.holidays(rules))
    days = [(frame.spoken(monday + timedelta(days=n)), [(t, o, f"{zones.local(o.start, t.series.where):%H:%M}–{zones.local(o.end, t.series.where):%H:%M}") for t, o in week if zones.local(o.start, t.series.where).date() == monday + timedelta(days=n)]) for n in range(7)]
    return frame.render(request, HERE, "groups.html", days=[d for n, d in enumerate(days) if n < 5 or d[1]], tracks=wanted, said={t.id: said(t.series) for t in wanted}, names=names, level=level, levels=levels_, monday=monday, title_text=f"Week of {frame.spoken(monday)}",
                        previous=(monday - timedelta(days=7)).isoformat(), following=(monday + timedelta(days=7)).isoformat())  # fmt: skip


async def new(request: Request) -> Response:
    """GET /schedule/groups/new."""
    return await _new(request, {})


async def create(request: Request) -> Response:
    """POST /schedule/groups/new."""
    access = request.state.access
    form = await sent(request)
    weekdays = frozenset(n for n in range(7) if form.get(f"day{n}"))
    try:
        try:
            first = date.fromisoformat(form.get("first", ""))
            last = date.fromisoformat(form["last"]) if form.get("last") else None
            series = Series(weekdays, time.fromisoformat(form.get("at", "")), int(form.get("minutes", "")), form.get("zone", ""), first, last, int(form.get("every") or 1))
            zones.zone(series.zone)
            capacity = int(form.get("capacity") or 0)
        except ValueError:
            raise Malformed("A group needs a first day, a time, its length in minutes and a time zone that exists.") from None
        leaders = tuple(f"Practitioner/{form[k]}" for k in ("leader", "second") if form.get(k))
        organization = access.rules.programs[int(form["program"])].organization or "" if digits(form.get("program", "")) and int(form["program"]) in access.caller.programs else ""
        made = await tracks.create(access, Track("", "", form.get("name", "").strip()[:80], "group", series, capacity, form.get("level", "").strip()[:10], organization, leaders, form.get("room", ""), True))
    except Malformed as error:
        return await _new(request, form, error.message, 422)
    return redirect(request, f"{HERE}/{made}", "saved")


async def _new(request: Request, form: dict[str, str], problem: str = "", status: int = 200) -> Response:
    access = request.state.access
    rules, places = await asyncio.gather(policies.of(access), zones.places(access))
    found = await access.search("Practitioner", [("active", "true")], count=300) if access.may("Practitioner", "search") else None
    people = sorted(((s.id, own_name(s.resource)) for s in (found.matches if found else ())), key=lambda pair: pair[1])
    rooms = sorted(((i, own_name(p)) for i, p in places.items() if any(c.get("code") in ("ro", "si") for c in p.get("physicalType", {}).get("coding", ()))), key=lambda pair: pair[1])
    today = zones.local(access.now, frame.home(rules)).date().isoformat()
    values = {"zone": str(rules.value("schedule.time-zone")), "minutes": "90", "every": "1", "first": today, **form}
    return frame.render(request, HERE, "new_group.html", status=status, values=values, problem=problem, people=people, rooms=rooms, weekdays=list(enumerate(NAMES)), programs=[(str(p.number), p.name) for p in access.programs])


async def one(request: Request) -> Response:
    """GET /schedule/groups/{group}."""
    return await _one(request)


async def act(request: Request) -> Response:
    """POST /schedule/groups/{group}: cancel, move or restore a day; somebody leaves; somebody is served from the waitlist."""
    access, id_ = request.state.access, request.path_params["group"]
    form = await sent(request)
    rules, track = await asyncio.gather(policies.of(access), tracks.one(access, id_))
    today = zones.local(access.now, track.series.where).date()
    try:
        day = frame.asked_day(form.get("day", ""), today)
        match form.get("act"):
            case "cancel-day":
                if not form.get("reason", "").strip():
                    raise Malformed("Say why it does not take place.")
                await members.change_day(access, track, day, Differs(CANCELLED, form["reason"].strip()[:200]), rules)
            case "move-day":
                try:
                    to = Differs(MOVED, form.get("reason", "").strip()[:200], date.fromisoformat(form.get("to", "")), time.fromisoformat(form.get("at", "")), int(form.get("minutes") or 0))
                except ValueError:
                    raise Malformed("Choose the day and time to which it is moved.") from None
                await members.change_day(access, track, day, to, rules)
            case "restore-day":
                await members.change_day(access, track, day, None, rules)
            case "leave":
                await members.leave(access, track, form.get("patient", ""), today, form.get("reason", "") or "Left the group")
            case "serve":
                entry = next((w for w in await waitlist.waiting(access, track=id_) if w.booked.id == form.get("entry")), None)
                if entry is None:
                    raise Malformed("This entry is not on the list any more.")
                await members.join(access, track, entry.booked.patient, today, today + timedelta(days=27), rules)
                await waitlist.done(access, entry.booked.id, f"Booked into {track.name}", served=True)
            case "unwait":
                await waitlist.done(access, form.get("entry", ""), form.get("reason", ""), served=False)
            case _:
                raise Malformed("Choose what to do.")
    except (Malformed, VersionConflict) as error:
        return await _one(request, error.message, 422)
    return redirect(request, f"{HERE}/{id_}", "saved")


async def _one(request: Request, problem: str = "", status: int = 200) -> Response:
    access, id_ = request.state.access, request.path_params["group"]
    rules, track, waits = await asyncio.gather(policies.of(access), tracks.one(access, id_), waitlist.waiting(access, track=id_))
    where, closed = track.series.where, members.holidays(rules)
    today = zones.local(access.now, where).date()
    low = zones.day_bounds(today, where)[0]
    booked = await members.coming(access, track, low)
    names = await frame.names(access, [*booked, *(w.booked for w in waits)], people=track.leaders, rooms=[track.room] if track.room else [])
    times = track.series.between(low, zones.day_bounds(today, where, 35)[1], closed)
    rows: list[dict[str, Any]] = []
    for o in times:
        taken, left = members.seats(track, booked, o)
        wall = zones.local(o.start, where)
        rows.append({"day": o.day.isoformat(), "text": f"{frame.spoken(wall.date())}, {wall:%H:%M}–{zones.local(o.end, where):%H:%M}", "taken": taken, "left": left, "status": o.status, "reason": o.reason,
                     "differs": o.day in track.series.exceptions, "session": wall.date() <= today})  # fmt: skip
    who = sorted(members.members(booked), key=lambda m: names.patients.get(m.patient, "~"))
    return frame.render(
        request, HERE, "group.html", status=status, track=track, said=said(track.series), rows=rows, problem=problem, names=names, waits=waits, may_plan=access.may("Schedule", "update"), may_book=access.may("Appointment", "update"),
        members=[(m.patient, names.patients.get(m.patient, ""), m.coming, frame.spoken(zones.local(m.last, where).date())) for m in who if m.patient in names.patients], chosen=request.query_params.get("day", ""), may_lead=access.may("GroupSession", "lead"),
    )  # fmt: skip
