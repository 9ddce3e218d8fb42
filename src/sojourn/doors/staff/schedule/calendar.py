"""GET /schedule: a day by people, a day by rooms, or one person's week."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.care import policies
from sojourn.care.scheduling import appointments, tracks, zones
from sojourn.care.scheduling.appointments import Booked
from sojourn.care.scheduling.members import holidays
from sojourn.care.scheduling.series import Occurrence
from sojourn.care.scheduling.tracks import Track
from sojourn.doors.staff.schedule import frame, grid
from sojourn.doors.staff.schedule.frame import Names
from sojourn.doors.staff.schedule.grid import Item

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

VIEWS = (("day", "Day", "d"), ("week", "Week", "w"), ("rooms", "Rooms", "r"))
_SHOWN = (*appointments.STANDING, "noshow")
Times = list[tuple[Track, Occurrence]]


class Asked(NamedTuple):
    """What the address asks for. who: the id of a practitioner, '' = everybody."""

    view: str
    day: date
    who: str

    def path(self, **other: object) -> str:
        """The address of this with something else."""
        a = self._replace(**other)  # type: ignore[arg-type]
        return f"/schedule?view={a.view}&date={a.day.isoformat()}" + (f"&who={a.who}" if a.who else "")


def asked(request: Request, today: date) -> Asked:
    """What the address asks for; a person who sees clients begins with their own day."""
    query, access = request.query_params, request.state.access
    view = query.get("view", "")
    own = (access.caller.agent or "").removeprefix("Practitioner/") if access.may("GroupSession", "lead") else ""
    who = query.get("who", own if "view" not in query else "")
    view = view if view in {v for v, _, _ in VIEWS} else "week" if own else "day"
    coming = today + timedelta(days=(7 - today.weekday()) % 7) if view == "week" and today.weekday() > 4 else today  # on a weekend the next week counts
    return Asked(view, frame.asked_day(query.get("date", ""), coming), own if view == "week" and not who else who)


async def show(request: Request) -> Response:
    """GET /schedule."""
    access = request.state.access
    rules = await policies.of(access)
    where = frame.home(rules)
    today = zones.local(access.now, where).date()
    a = asked(request, today)
    first = a.day - timedelta(days=a.day.weekday()) if a.view == "week" else a.day
    low, high = zones.day_bounds(first, where, 7 if a.view == "week" else 1)
    actors = [f"Practitioner/{a.who}"] if a.who and a.view != "rooms" else []
    booked, every = await asyncio.gather(appointments.between(access, low, high, actors=actors, statuses=_SHOWN), tracks.every(access))
    times = [(t, o) for t, o in tracks.taking_place(every, low, high, holidays(rules)) if not actors or actors[0] in t.leaders]
    known = await frame.names(access, booked, people=[*actors, *(p for t in every for p in t.leaders)], rooms=[t.room for t in every if t.room])
    if a.view == "rooms":
        known = known._replace(rooms={i: n for i, n in known.rooms.items() if i in known.apart})
    columns = _days(booked, times, known, first, where, today) if a.view == "week" else _columns(access, a, booked, times, known)
    shown = grid.laid_out(columns, where, int(rules.number("schedule.day-begins")), int(rules.number("schedule.day-ends")))
    step = 7 if a.view == "week" else 1
    title = f"Week of {frame.spoken(first)}" if a.view == "week" else f"{a.day:%A} {a.day.day} {a.day:%B}"
    people = sorted(known.people.items(), key=lambda pair: pair[1])
    return frame.render(
        request, "/schedule", "calendar.html", grid=shown, views=[(t, a.path(view=v), k, v == a.view) for v, t, k in VIEWS], title_text=title, asked=a, people=people,
        previous=a.path(day=a.day - timedelta(days=step)), following=a.path(day=a.day + timedelta(days=step)), now_path=a.path(day=today), zone_name=str(where),
        whose=known.people.get(f"Practitioner/{a.who}", ""),
    )  # fmt: skip


def items(booked: Sequence[Booked], times: Times, names: Names) -> list[Item]:
    """Visits, and groups as one block each with how many are booked, as far as the caller may see them."""
    found = []
    for track, o in times:
        coming = len({b.patient for b in booked if b.track == track.id and b.start == o.start and b.status != "noshow"})
        off = o.status == "cancelled"
        note = (o.reason or "Cancelled") if off else f"{coming} booked" + (f" of {track.capacity}" if track.capacity else "")
        found.append(Item(o.start, o.end, track.name, note, f"/schedule/groups/{track.id}?day={o.day.isoformat()}", "off" if off else "group"))
    held = {(t.id, o.start) for t, o in times}
    for b in booked:
        if b.start and b.end and (b.track, b.start) not in held:
            word, tone = frame.STATUS.get(b.status, ("", "plain"))
            note = b.text if b.status == "booked" else f"{b.text}, {word.lower()}"
            found.append(Item(b.start, b.end, names.patients.get(b.patient, "Reserved"), note, f"/schedule/appointments/{b.id}", tone))
    return found


def _days(booked: Sequence[Booked], times: Times, names: Names, monday: date, where: ZoneInfo, today: date) -> list[tuple[str, str, date, list[Item], bool]]:
    every = items(booked, times, names)
    days = [monday + timedelta(days=n) for n in range(7)]
    by = {day: [i for i in every if zones.local(i.start, where).date() == day] for day in days}
    return [(frame.spoken(day), "", day, by[day], day == today) for day in days if day.weekday() < 5 or by[day]]


def _columns(access: Access, a: Asked, booked: Sequence[Booked], times: Times, names: Names) -> list[tuple[str, str, date, list[Item], bool]]:
    """One column for each person or room that has something that day; the caller's own first."""
    labels = names.rooms if a.view == "rooms" else names.people
    found = []
    for key, label in sorted(labels.items(), key=lambda pair: (pair[0] != access.caller.agent, pair[1])):
        if a.view == "rooms":
            mine, groups = [b for b in booked if key in b.rooms], [(t, o) for t, o in times if t.room == key]
        else:
            mine, groups = [b for b in booked if key in b.people], [(t, o) for t, o in times if key in t.leaders]
        if mine or groups or (a.who and key == f"Practitioner/{a.who}"):
            found.append((label, "", a.day, items(mine, groups, names), False))
    return found
