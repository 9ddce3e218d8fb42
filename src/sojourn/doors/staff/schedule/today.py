"""What the schedule puts on Today: one's own day, hours behind, double bookings."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from sojourn.care import policies
from sojourn.care.scheduling import appointments, collisions, hours, members, tracks, zones
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.lines import Line
from sojourn.doors.staff.schedule import frame

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_MOST = 8


async def mine(access: Access) -> list[Line]:
    """The caller's own visits and groups of today, from now on."""
    agent = access.caller.agent
    if not agent:
        return []
    rules = await policies.of(access)
    where = frame.home(rules)
    low, high = zones.day_bounds(zones.local(access.now, where).date(), where)
    booked, led = await asyncio.gather(appointments.between(access, low, high, actors=[agent], statuses=("booked", "arrived")), tracks.every(access, actor=[agent]))
    groups = [(t, o) for t, o in tracks.taking_place(led, low, high, members.holidays(rules)) if o.status != "cancelled" and o.end > access.now]
    held = {(t.id, o.start) for t, o in groups}
    alone = [b for b in booked if b.start and b.end and b.end > access.now and (b.track, b.start) not in held]
    names = await patient_names(access, [b.patient for b in alone[:_MOST]])
    lines = [(o.start, Line(t.name, f"/schedule/groups/{t.id}?day={o.day.isoformat()}", due=frame.clock(o.start, where))) for t, o in groups]
    lines += [(b.start or low, Line(b.text, f"/patients/{b.patient}", names[b.patient], frame.clock(b.start or low, where), "good" if b.status == "arrived" else "plain", "here" if b.status == "arrived" else "")) for b in alone if b.patient in names]
    return [line for _, line in sorted(lines, key=lambda pair: pair[0])][:_MOST]


async def behind(access: Access) -> list[Line]:
    """Clients of the caller's programs who are behind on the hours that their level of care asks for, late in the week."""
    rules = await policies.of(access)
    where = frame.home(rules)
    today = zones.local(access.now, where).date()
    if today.weekday() < 2:
        return []
    rows = [r for r in await hours.of_program(access, today - timedelta(days=today.weekday()), rules, where) if r.short >= 60][:_MOST]
    names = await patient_names(access, [r.patient for r in rows])
    return [Line(f"{r.minutes / 60:.1f} of {r.minimum / 60:g} hours this week", f"/patients/{r.patient}/appointments", names[r.patient], f"{r.short / 60:.1f} h behind", "amber") for r in rows if r.patient in names]


async def double(access: Access) -> list[Line]:
    """How many double bookings wait for whoever may put them right."""
    found = await collisions.listed(access)
    return [Line(f"{len(found)} double {'booking' if len(found) == 1 else 'bookings'} to put right", "/schedule/double", tone="amber")] if found else []
