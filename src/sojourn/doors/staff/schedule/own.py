"""/schedule/availability/{who}: one person's hours and absences, for them and for who plans."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Forbidden, Malformed, NotFound, VersionConflict
from sojourn.care import policies
from sojourn.care.scheduling import appointments, availability, away, zones
from sojourn.care.scheduling.availability import Hours
from sojourn.care.scheduling.series import NAMES
from sojourn.doors.staff.schedule import frame
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from starlette.requests import Request
    from starlette.responses import Response


_AHEAD = timedelta(days=370)
_BOOKED = 20
"""Appointments in an absence that are listed at most."""


async def mine(request: Request) -> Response:
    """GET /schedule/availability/mine: the caller's own page."""
    agent = request.state.access.caller.agent or ""
    if not agent.startswith("Practitioner/"):
        raise Forbidden("This account stands for nobody who works here.")
    return redirect(request, f"/schedule/availability/{agent.partition('/')[2]}")


async def show(request: Request) -> Response:
    """GET."""
    return await _page(request)


async def act(request: Request) -> Response:
    """POST: keep hours, end them, be away, be back."""
    access, who = request.state.access, f"Practitioner/{request.path_params['who']}"
    form = await sent(request)
    where = frame.home(await policies.of(access))
    try:
        match form.get("do"):
            case "hours":
                first = _day(form.get("first", ""), access.today)
                await availability.add(access, who, _hours(form), site=form.get("site", ""), first=first, until=_day(form["until"], first) if form.get("until") else None)
            case "end":
                await availability.finish(access, form.get("entry", ""), _day(form.get("last", ""), access.today))
            case "away":
                await availability.be_away(access, who, *_absence(form, where))
            case "back":
                await availability.be_back(access, form.get("entry", ""))
            case _:
                raise Malformed("Choose what to do.")
    except (Malformed, VersionConflict) as error:
        return await _page(request, error.message, 422, form)
    return redirect(request, f"/schedule/availability/{request.path_params['who']}", "saved")


def _day(text: str, otherwise: date) -> date:
    if not text:
        return otherwise
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed("Write days whole, such as 2026-03-08.") from None


def _clock(text: str, otherwise: time) -> time:
    if not text:
        return otherwise
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise Malformed("Write the hours as times, such as 08:30.") from None


def _hours(form: dict[str, str]) -> list[Hours]:
    if not form.get("start") or not form.get("end"):
        raise Malformed("Say from when to when.")
    start, end = _clock(form["start"], time(0)), _clock(form["end"], time(0))
    return [Hours(n, start, end) for n in range(7) if form.get(f"day{n}") == "yes"]


def _absence(form: dict[str, str], where: ZoneInfo) -> tuple[datetime, datetime]:
    """From the first moment to the last; whole days where no time is given."""
    if not form.get("from"):
        raise Malformed("Say from which day you are away.")
    first = _day(form["from"], date.min)
    last = _day(form.get("to", ""), first)
    start = zones.at(first, _clock(form.get("from_at", ""), time(0)), where)
    end = zones.at(last, _clock(form["to_at"], time(0)), where) if form.get("to_at") else zones.at(last + timedelta(days=1), time(0), where)
    return start, end


async def _page(request: Request, problem: str = "", status: int = 200, form: dict[str, str] | None = None) -> Response:
    access, id_ = request.state.access, request.path_params["who"]
    who, until = f"Practitioner/{id_}", access.now + _AHEAD
    (worker, weeks), gone, names, places, rules, booked = await asyncio.gather(
        availability.of_person(access, who), away.spans(access, [who], access.now, until), frame.staff_names(access, [id_]), zones.places(access), policies.of(access),
        appointments.between(access, access.now, until, actors=[who], statuses=appointments.OPEN, count=500) if access.may("Appointment", "search") else _nothing(),
    )  # fmt: skip
    if who not in names:
        raise NotFound
    where = frame.home(rules)
    sites = {i: str(p.get("name", "")) for i, p in places.items() if not p.get("partOf")}
    shown: dict[str, Any] = {
        "who": id_, "name": names[who], "me": who == access.caller.agent, "may": availability.may(access, who), "week": _spoken(worker.hours), "day_begins": f"{int(rules.number('schedule.day-begins')):02}:00",
        "day_ends": f"{int(rules.number('schedule.day-ends')):02}:00", "weeks": [(w, _spoken(w.hours), sites.get(w.site, "Any site") if w.site else "Any site", _span(w.first, w.until)) for w in weeks if w.until is None or w.until >= access.today],
        "gone": [(b.id, _moments(b.start, b.end, where)) for b in sorted(gone, key=lambda b: (b.start or access.now, b.id))],
        "met": [(b.id, f"{frame.spoken(zones.local(b.start, where).date())}, {frame.clock(b.start, where)}") for b in appointments_in(booked, gone)[:_BOOKED] if b.start], "sites": sorted(sites.items(), key=lambda pair: pair[1]),
        "days": list(enumerate(n[:3] for n in NAMES)), "today": access.today.isoformat(), "sent": form or {}, "problem": problem,
    }  # fmt: skip
    return frame.render(request, "/schedule/availability/mine" if shown["me"] else "/schedule/availability", "own.html", status=status, **shown)


def appointments_in(booked: Sequence[appointments.Booked], gone: Sequence[appointments.Booked]) -> list[appointments.Booked]:
    """Of what is booked that which meets an absence."""
    return [b for b in booked if b.start and b.end and any(g.start and g.end and g.start < b.end and b.start < g.end for g in gone)]


async def _nothing() -> list[appointments.Booked]:
    return []


def _spoken(hours: Sequence[Hours]) -> str:
    """`Mon, Wed 08:00–12:00; Fri 09:00–17:00`."""
    spans: dict[tuple[time, time], list[str]] = {}
    for h in sorted(hours):
        spans.setdefault((h.start, h.end), []).append(NAMES[h.day][:3])
    return "; ".join(f"{', '.join(dict.fromkeys(days))} {start:%H:%M}–{end:%H:%M}" for (start, end), days in spans.items())


def _span(first: date, until: date | None) -> str:
    begin = f"from {first.day} {first:%b %Y}"
    return f"{begin} to {until.day} {until:%b %Y}" if until else begin


def _moments(start: datetime | None, end: datetime | None, where: ZoneInfo) -> str:
    if start is None or end is None:
        return ""
    a, b = zones.local(start, where), zones.local(end, where)
    if a.time() == time(0) and b.time() == time(0):
        last = b.date() - timedelta(days=1)
        return frame.spoken(a.date()) if last == a.date() else f"{frame.spoken(a.date())} to {frame.spoken(last)}"
    return f"{frame.spoken(a.date())}, {a:%H:%M} to {f'{b:%H:%M}' if a.date() == b.date() else f'{frame.spoken(b.date())}, {b:%H:%M}'}"
