"""When somebody works in an ordinary week: PractitionerRole.availableTime, read for free times.

https://hl7.org/fhir/R4/practitionerrole-definitions.html#PractitionerRole.availableTime. Whoever has no hours works in those of the organization.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.base import errors
from sojourn.care.scheduling import zones
from sojourn.care.staffing import model
from sojourn.gate.access import Access
from sojourn.gate.changes import Change

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NEEDS: Final = (("PractitionerRole", "search"), ("PractitionerRole", "update"))


class Hours(NamedTuple):
    """On one weekday (Monday is 0), from when to when by the clock on the wall."""

    day: int
    start: time
    end: time


class Worker(NamedTuple):
    """Somebody with their ordinary role. id, version: of the PractitionerRole."""

    id: str
    version: str
    who: str
    hours: tuple[Hours, ...]
    resource: dict[str, Any]


def of_role(role: Mapping[str, Any]) -> tuple[Hours, ...]:
    """The hours that a role names; what cannot be read is no hour."""
    found = []
    for row in role.get("availableTime", ()):
        days = [DAYS.index(d) for d in row.get("daysOfWeek", DAYS) if d in DAYS]
        try:
            start, end = (time(0), time.max) if row.get("allDay") else (time.fromisoformat(str(row["availableStartTime"])), time.fromisoformat(str(row["availableEndTime"])))
        except (KeyError, ValueError):
            continue
        found += [Hours(day, start, end) for day in days if start < end]
    return tuple(sorted(found))


def workers(roles: Iterable[tuple[str, str, dict[str, Any]]]) -> dict[str, Worker]:
    """By reference of a practitioner, from (id, version, PractitionerRole); entries of the roster are none."""
    found: dict[str, Worker] = {}
    for id_, version, role in roles:
        who = str(role.get("practitioner", {}).get("reference", ""))
        if who and model.read(role) is None and role.get("active", True):
            hours = of_role(role)
            if who not in found or hours:
                found[who] = Worker(id_, version, who, hours, role)
    return found


def works(hours: Sequence[Hours], start: datetime, end: datetime, where: ZoneInfo) -> bool:
    """Whether somebody with these hours works for a whole span; always, for somebody without any."""
    a, b = zones.local(start, where), zones.local(end, where)
    return not hours or any(h.day == a.weekday() and h.start <= a.time() and b.time() <= h.end for h in hours if a.date() == b.date())


async def every(access: Access) -> dict[str, Worker]:
    """Everybody of the caller's programs. One search."""
    organizations = ",".join(p.organization for p in access.programs if p.organization)
    found = await access.search("PractitionerRole", [("organization", organizations), ("active", "true")], count=300)
    return workers((s.id, s.version, s.resource) for s in found.matches)


async def change(access: Access, worker: Worker, hours: Sequence[Hours]) -> None:
    """Keep somebody's week; none: those of the organization. Raises Malformed, VersionConflict."""
    if any(h.start >= h.end or not 0 <= h.day < len(DAYS) for h in hours):
        raise errors.Malformed("Hours begin before they end.")
    rows = [{"daysOfWeek": [DAYS[h.day]], "availableStartTime": f"{h.start:%H:%M:%S}", "availableEndTime": f"{h.end:%H:%M:%S}"} for h in sorted(hours)]
    kept = {k: v for k, v in {**worker.resource, "availableTime": rows}.items() if k != "availableTime" or v}
    await access.write([Change("update", "PractitionerRole", worker.id, kept, if_match=worker.version)], action="staffing")
