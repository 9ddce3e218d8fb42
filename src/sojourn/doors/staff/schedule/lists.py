"""Lists of the schedule: who waits, whom to remind, hours delivered, and double bookings."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from sojourn.base.errors import Malformed
from sojourn.care import policies
from sojourn.care.scheduling import collisions, hours, reminders, tracks, waitlist, zones
from sojourn.care.scheduling.appointments import Booked
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.schedule import frame
from sojourn.doors.staff.words import full_name
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from starlette.requests import Request
    from starlette.responses import Response

_CALLS = (("reached", "Reached"), ("message", "Left a message"), ("not-reached", "Not reached"))


async def waiting(request: Request) -> Response:
    """GET /schedule/waitlist."""
    access = request.state.access
    waits, every = await asyncio.gather(waitlist.waiting(access), tracks.every(access))
    names = await frame.names(access, [w.booked for w in waits])
    groups = {t.id: t.name for t in every}
    rows = [(w, names.patients[w.booked.patient], groups.get(w.booked.track, w.booked.text)) for w in waits if w.booked.patient in names.patients]
    return frame.render(request, "/schedule/waitlist", "waitlist.html", rows=rows)


async def unwait(request: Request) -> Response:
    """POST /schedule/waitlist: somebody waits no longer."""
    form = await sent(request)
    await waitlist.done(request.state.access, form.get("entry", ""), form.get("reason", ""), served=False)
    return redirect(request, "/schedule/waitlist", "saved")


async def calls(request: Request) -> Response:
    """GET /schedule/reminders: the list to call from."""
    access = request.state.access
    due = await reminders.waiting(access)
    wanted = sorted({d.patient for d in due})
    people = {s.id: s.resource for n in range(0, len(wanted), 100) for s in (await access.search("Patient", [("_id", ",".join(wanted[n : n + 100]))], count=100)).matches}
    names = {i: full_name(p) for i, p in people.items()}
    rows = [(d, names[d.patient], how.to, dict(reminders.MEANS)[how.means], how.means == "phone-message") for d in due if d.patient in people and (how := reminders.agreement(people[d.patient])) is not None]
    return frame.render(request, "/schedule/reminders", "reminders.html", rows=rows, answers=_CALLS, sends=access.house.channels)


async def called(request: Request) -> Response:
    """POST /schedule/reminders: what came of a call."""
    form = await sent(request)
    text = dict(_CALLS).get(form.get("act", ""))
    if text is None:
        raise Malformed("Choose what came of it.")
    await reminders.close(request.state.access, form.get("reminder", ""), text, reached=form["act"] != "not-reached")
    return redirect(request, "/schedule/reminders", "saved")


async def delivered(request: Request) -> Response:
    """GET /schedule/hours: everybody whose level of care asks for hours, those furthest behind first."""
    access = request.state.access
    rules = await policies.of(access)
    where = frame.home(rules)
    day = frame.asked_day(request.query_params.get("date", ""), zones.local(access.now, where).date())
    monday = day - timedelta(days=day.weekday())
    rows = await hours.of_program(access, monday, rules, where)
    names = await patient_names(access, [r.patient for r in rows])
    shown = [(r, names[r.patient]) for r in rows if r.patient in names]
    return frame.render(request, "/schedule/hours", "hours.html", rows=shown, behind=sum(1 for r, _ in shown if r.short), title_text=f"Week of {frame.spoken(monday)}",
                        previous=(monday - timedelta(days=7)).isoformat(), following=(monday + timedelta(days=7)).isoformat(), days=[frame.spoken(monday + timedelta(days=n))[:3] for n in range(7)])  # fmt: skip


_COLLISIONS = 50
"""On one page, those that come first: who puts one right sees the next."""


async def double(request: Request) -> Response:
    """GET /schedule/double."""
    access = request.state.access
    every = sorted(await collisions.listed(access), key=lambda c: min((b.start for b in c.sides if b.start), default=access.now))
    found = every[:_COLLISIONS]
    names = await frame.names(access, [b for c in found for b in c.sides])
    where = frame.home(await policies.of(access))
    rows = [(c, [(b.id, names.patients.get(b.patient, "Reserved"), _said(b, names, where)) for b in c.sides]) for c in found]
    return frame.render(request, "/schedule/double", "double.html", rows=rows, more=len(every) - len(found), words={"client": "One client at two places", "person": "One person at two places", "room": "One room twice", "seats": "More members than seats"})


async def settled(request: Request) -> Response:
    """POST /schedule/double: it may stay so, or was put right."""
    form = await sent(request)
    await collisions.resolve(request.state.access, form.get("collision", ""), form.get("note", ""))
    return redirect(request, "/schedule/double", "saved")


def _said(b: Booked, names: frame.Names, where: ZoneInfo) -> str:
    when = f"{frame.spoken(zones.local(b.start, where).date())}, {frame.clock(b.start, where)}–{frame.clock(b.end, where)}" if b.start and b.end else ""
    return ", ".join(filter(None, (b.text, when, *(names.people.get(p, "") for p in b.people), *(names.rooms.get(r, "") for r in b.rooms))))
