"""When somebody works: their ordinary week, and dated hours of their own by site.

Both are PractitionerRole.availableTime (https://hl7.org/fhir/R4/practitionerrole-definitions.html#PractitionerRole.availableTime). The ordinary week
stands on the role that somebody has in a program. Dated hours are PractitionerRoles of their own (code `working-hours`) with a period and, if they
hold at one site alone, that Location; on the days of their period they count instead of the ordinary week. Whoever has neither works in the hours of
the organization. Absences are entries of the roster (care/staffing), whoever wrote them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.base import errors
from sojourn.care.resources import CARE, code_of, id_of
from sojourn.care.scheduling import zones
from sojourn.care.staffing import changing, model
from sojourn.gate import documenting
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NEEDS: Final = (("PractitionerRole", "search"), ("PractitionerRole", "update"))
OWN: Final = (("PractitionerRole", "search"), ("Availability", "keep"))
"""What a role must allow to keep one's own hours and absences."""
HOURS: Final = "working-hours"


class Hours(NamedTuple):
    """On one weekday (Monday is 0), from when to when by the clock on the wall; of dated hours at which site ('' any), from which day and until which."""

    day: int
    start: time
    end: time
    site: str = ""
    first: date = date.min
    until: date = date.max

    def holds(self, day: date) -> bool:
        """Whether a day is one of its period."""
        return self.first <= day <= self.until


class Week(NamedTuple):
    """Dated hours as one entry. until: None, if they have no end."""

    id: str
    version: str
    who: str
    site: str
    first: date
    until: date | None
    hours: tuple[Hours, ...]


class Worker(NamedTuple):
    """Somebody with their ordinary role. id, version: of the PractitionerRole, '' without one. hours: the ordinary week; dated: hours of their own."""

    id: str
    version: str
    who: str
    hours: tuple[Hours, ...]
    resource: dict[str, Any]
    dated: tuple[Hours, ...] = ()


def of_role(role: Mapping[str, Any]) -> tuple[Hours, ...]:
    """The hours that a role names; what cannot be read is no hour."""
    site, (first, until) = next((i for place in role.get("location", ()) if (i := id_of(place, "Location"))), ""), _period(role)
    found = []
    for row in role.get("availableTime", ()):
        days = [DAYS.index(d) for d in row.get("daysOfWeek", DAYS) if d in DAYS]
        try:
            start, end = (time(0), time.max) if row.get("allDay") else (time.fromisoformat(str(row["availableStartTime"])), time.fromisoformat(str(row["availableEndTime"])))
        except (KeyError, ValueError):
            continue
        found += [Hours(day, start, end, *((site, first, until) if is_dated(role) else ())) for day in days if start < end]
    return tuple(sorted(found))


def is_dated(role: Mapping[str, Any]) -> bool:
    """Whether a PractitionerRole is dated hours."""
    return any(code_of(c, CARE) == HOURS for c in role.get("code", ()))


def _period(role: Mapping[str, Any]) -> tuple[date, date]:
    def day(name: str, otherwise: date) -> date:
        try:
            return date.fromisoformat(str(role.get("period", {}).get(name, ""))[:10])
        except ValueError:
            return otherwise

    return day("start", date.min), day("end", date.max)


def workers(roles: Iterable[tuple[str, str, dict[str, Any]]]) -> dict[str, Worker]:
    """By reference of a practitioner, from (id, version, PractitionerRole); entries of the roster are none."""
    found: dict[str, Worker] = {}
    dated: dict[str, list[Hours]] = {}
    for id_, version, role in roles:
        who = str(role.get("practitioner", {}).get("reference", ""))
        if not who or model.read(role) is not None or not role.get("active", True):
            continue
        hours = of_role(role)
        if is_dated(role):
            dated.setdefault(who, []).extend(hours)
        elif who not in found or hours:
            found[who] = Worker(id_, version, who, hours, role)
    return {who: found.get(who, Worker("", "", who, (), {}))._replace(dated=tuple(sorted(dated.get(who, ())))) for who in found.keys() | dated.keys()}


def works(worker: Worker | None, start: datetime, end: datetime, where: ZoneInfo, otherwise: tuple[int, int], *, site: str = "", zone_of: Mapping[str, ZoneInfo] | None = None) -> bool:
    """Whether somebody works for a whole span: by their dated hours if any are for that day, else by their ordinary week, else as the organization does.

    otherwise: the hours at which the organization begins and ends on weekdays. site: where the visit is to be, '' = anywhere; zone_of: by which clock a site goes.
    """
    day = zones.local(start, where).date()
    dated = [h for h in worker.dated if h.holds(day)] if worker else []
    own = [h for h in dated if not site or h.site in ("", site)] if dated else list(worker.hours) if worker else []
    if dated or own:
        return any(_within(h, start, end, (zone_of or {}).get(h.site, where)) for h in own)
    a, b = zones.local(start, where), zones.local(end, where)
    return a.weekday() < 5 and otherwise[0] <= a.hour and (b.hour, b.minute) <= (otherwise[1], 0) and a.date() == b.date()  # noqa: PLR2004 - Saturday


def _within(h: Hours, start: datetime, end: datetime, where: ZoneInfo) -> bool:
    a, b = zones.local(start, where), zones.local(end, where)
    return a.date() == b.date() and h.day == a.weekday() and h.holds(a.date()) and h.start <= a.time() and b.time() <= h.end


async def every(access: Access) -> dict[str, Worker]:
    """Everybody of the caller's programs, with the hours of their own. Two searches at once."""
    organizations = ",".join(p.organization for p in access.programs if p.organization)
    ordinary, own = await asyncio.gather(access.search("PractitionerRole", [("organization", organizations), ("active", "true")], count=300), dated(access, access.today))
    people = workers((s.id, s.version, s.resource) for s in ordinary.matches)
    return {who: with_dated(worker, own) for who, worker in people.items()}


async def dated(access: Access, since: date) -> dict[str, tuple[Hours, ...]]:
    """Everybody's dated hours that are not over on a day, by reference of the practitioner. One search; none for a role that may not ask."""
    if not access.may("PractitionerRole", "search"):
        return {}
    found = await access.search("PractitionerRole", [("role", f"{CARE}|{HOURS}"), ("active", "true"), ("date", f"ge{since.isoformat()}")], count=1000)
    return {who: worker.dated for who, worker in workers((s.id, s.version, s.resource) for s in found.matches).items()}


def with_dated(worker: Worker, own: Mapping[str, tuple[Hours, ...]]) -> Worker:
    """Somebody with the dated hours that are theirs."""
    return worker._replace(dated=own.get(worker.who, ()))


async def of_person(access: Access, who: str) -> tuple[Worker, list[Week]]:
    """One person's hours, and their dated ones as entries, the earliest first. One search."""
    if not access.may("PractitionerRole", "search"):
        return Worker("", "", who, (), {}), []
    found = (await access.search("PractitionerRole", [("practitioner", who), ("active", "true")], count=300)).matches
    weeks = []
    for stored in found:
        if is_dated(stored.resource):
            hours, (first, until) = of_role(stored.resource), _period(stored.resource)
            site = next((i for place in stored.resource.get("location", ()) if (i := id_of(place, "Location"))), "")
            weeks.append(Week(stored.id, stored.version, who, site, first, until if until != date.max else None, hours))
    known = workers((s.id, s.version, s.resource) for s in found).get(who)
    return known or Worker("", "", who, (), {}), sorted(weeks, key=lambda w: (w.first, w.site, w.id))


def may(access: Access, who: str) -> bool:
    """Whether the caller may change somebody's hours: who plans for everybody, and each for themselves."""
    return all(access.may(t, a) for t, a in changing.NEEDS) or (who == access.caller.agent and access.may(OWN[1][0], OWN[1][1]))


def _writer(access: Access, who: str) -> Access:
    """By whom it is written: the caller, or for one's own hours the gate's clerk, since one may not change the roster of others. Raises Forbidden."""
    if not may(access, who):
        raise errors.Forbidden("You can change your own hours only.")
    if all(access.may(t, a) for t, a in changing.NEEDS):
        return access
    return documenting.clerk(access)


async def add(access: Access, who: str, hours: Sequence[Hours], *, site: str, first: date, until: date | None) -> None:
    """Keep dated hours of somebody. Raises Malformed, Forbidden."""
    if not hours:
        raise errors.Malformed("Choose at least one day of the week.")
    if any(h.start >= h.end or not 0 <= h.day < len(DAYS) for h in hours):
        raise errors.Malformed("Hours begin before they end.")
    if until is not None and until < first:
        raise errors.Malformed("The last day comes after the first.")
    made: dict[str, Any] = {
        "resourceType": "PractitionerRole", "active": True, "practitioner": {"reference": who}, "code": [{"coding": [{"system": CARE, "code": HOURS}], "text": "Working hours"}],
        "period": {"start": first.isoformat(), **({"end": until.isoformat()} if until else {})}, **({"location": [{"reference": f"Location/{site}"}]} if site else {}),
        "availableTime": [{"daysOfWeek": [DAYS[h.day]], "availableStartTime": f"{h.start:%H:%M:%S}", "availableEndTime": f"{h.end:%H:%M:%S}"} for h in sorted(hours)],
    }  # fmt: skip
    await changing.nobodys(_writer(access, who)).write([Change("create", "PractitionerRole", new_id(), made)], action="staffing")


async def finish(access: Access, id_: str, last: date) -> None:
    """End dated hours with a day; those that would not have begun by then are taken out. Raises NotFound, Malformed, Forbidden, VersionConflict."""
    stored = await access.read("PractitionerRole", id_)
    if not is_dated(stored.resource):
        raise errors.NotFound("There are no such hours.")
    writer = _writer(access, str(stored.resource.get("practitioner", {}).get("reference", "")))
    first, until = _period(stored.resource)
    if last >= until:
        raise errors.Malformed("They end before that day already.")
    over = {**stored.resource, "active": False} if last < first else {**stored.resource, "period": {"start": first.isoformat(), "end": last.isoformat()}}
    await writer.write([Change("update", "PractitionerRole", id_, over, if_match=stored.version)], action="staffing")


async def be_away(access: Access, who: str, start: datetime, end: datetime) -> None:
    """Put an absence on the roster. Raises Malformed, Forbidden."""
    await changing.add(_writer(access, who), [model.Entry("", "", model.AWAY, who, None, (), start, end)])


async def be_back(access: Access, id_: str) -> None:
    """End an absence now; one that has not begun is taken out. Raises NotFound, Malformed, Forbidden."""
    entry = model.read((await access.read("PractitionerRole", id_)).resource)
    if entry is None or entry.kind != model.AWAY:
        raise errors.NotFound("There is no such absence.")
    await changing.end(_writer(access, entry.who), id_, access.now)


async def change(access: Access, worker: Worker, hours: Sequence[Hours]) -> None:
    """Keep somebody's ordinary week; none: the hours of the organization. Raises Malformed, VersionConflict."""
    if any(h.start >= h.end or not 0 <= h.day < len(DAYS) for h in hours):
        raise errors.Malformed("Hours begin before they end.")
    rows = [{"daysOfWeek": [DAYS[h.day]], "availableStartTime": f"{h.start:%H:%M:%S}", "availableEndTime": f"{h.end:%H:%M:%S}"} for h in sorted(hours)]
    kept = {k: v for k, v in {**worker.resource, "availableTime": rows}.items() if k != "availableTime" or v}
    await access.write([Change("update", "PractitionerRole", worker.id, kept, if_match=worker.version)], action="staffing")
