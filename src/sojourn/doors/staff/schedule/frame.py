"""What pages of the schedule share: places, names, moments as the wall clock shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.care.policies import Policies
from sojourn.care.scheduling import availability, collisions, zones
from sojourn.care.scheduling.appointments import Booked
from sojourn.care.staffing import zones as clocks
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import own_name

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

SEE = (("Appointment", "search"),)
BOOK = (("Appointment", "search"), ("Appointment", "create"))
CHANGE = (("Appointment", "search"), ("Appointment", "update"))
PLAN = (("Schedule", "search"), ("Schedule", "update"))
TALK = (("Communication", "search"), ("Communication", "update"))
DELIVERED = (("Encounter", "search"), ("EpisodeOfCare", "search"))

PLACES = (
    ("/schedule", "Calendar", "", SEE),
    ("/schedule/arrivals", "Arrivals", "a", CHANGE),
    ("/schedule/groups", "Groups", "u", (("Schedule", "search"),)),
    ("/groups", "Group sessions", "g g", (("GroupSession", "lead"), ("Patient", "search"))),
    ("/schedule/waitlist", "Waitlist", "i", SEE),
    ("/schedule/reminders", "Reminders", "m", TALK),
    ("/schedule/hours", "Hours", "h", DELIVERED),
    ("/schedule/availability", "Availability", "", availability.NEEDS),
    ("/schedule/availability/mine", "Your hours", "", availability.OWN),
    ("/schedule/double", "Double bookings", "b", collisions.NEEDS),
)

STATUS = {
    "booked": ("Booked", "plain"), "proposed": ("Proposed", "plain"), "pending": ("Asked for", "plain"), "arrived": ("Here", "good"), "checked-in": ("Here", "good"),
    "fulfilled": ("Took place", "good"), "noshow": ("Missed", "amber"), "cancelled": ("Cancelled", "plain"), "waitlist": ("Waiting", "amber"), "entered-in-error": ("Mistake", "plain"),
}  # fmt: skip


class Names(NamedTuple):
    """What to call people and places, by id; references of practitioners are whole."""

    patients: dict[str, str]
    people: dict[str, str]
    rooms: dict[str, str]
    apart: frozenset[str] = frozenset()
    """Of the places those that are rooms, and not whole sites."""


async def names(access: Access, booked: Iterable[Booked], *, people: Iterable[str] = (), rooms: Iterable[str] = ()) -> Names:
    """The names of everybody in these, as far as the caller may see them. One search for each kind."""
    rows = list(booked)
    who = {p.removeprefix("Practitioner/") for p in (*people, *(p for b in rows for p in b.people))}
    where = {*rooms, *(r for b in rows for r in b.rooms)}
    patients, people_, places = await asyncio.gather(patient_names(access, [b.patient for b in rows if b.patient]), staff_names(access, who), zones.places(access, where) if where else _none())
    return Names(patients, people_, {k: own_name(v) for k, v in places.items()}, frozenset(k for k, v in places.items() if collisions.is_room(v)))


async def _none() -> dict[str, Any]:
    return {}


async def staff_names(access: Access, ids: Iterable[str]) -> dict[str, str]:
    """By reference."""
    wanted = sorted(set(ids))
    if not wanted or not access.may("Practitioner", "search"):
        return {}
    found = await access.search("Practitioner", [("_id", ",".join(wanted))], count=300)
    return {f"Practitioner/{s.id}": own_name(s.resource) for s in found.matches}


def home(rules: Policies) -> ZoneInfo:
    """The zone of pages that are not about one place: of the site where one works, else what the organization set."""
    return clocks.here() if clocks.of_a_site() else zones.zone(str(rules.value("schedule.time-zone")))


def asked_day(text: str, today: date) -> date:
    """The day that an address names, else today."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return today


def clock(moment: datetime, where: ZoneInfo) -> str:
    """`09:30`."""
    return f"{zones.local(moment, where):%H:%M}"


def spoken(day: date) -> str:
    """`Tue 1 Dec`."""
    return f"{day:%a} {day.day} {day:%b}"


def tabs(access: Access, here: str) -> list[tuple[str, str, str, bool]]:
    """The places of the schedule that the role may go to."""
    return [(title, path, key, path == here) for path, title, key, needs in PLACES if all(access.may(t, a) for t, a in needs)]


def render(request: Request, here: str, template: str, *, block: str = "", status: int = 200, **values: Any) -> Response:
    """A page of the schedule."""
    return PAGES.render(request, f"schedule/{template}", block=block, status=status, places=tabs(request.state.access, here), here_path=here, **values)
