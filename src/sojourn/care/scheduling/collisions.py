"""Double bookings, found by the clock, for those who may see both sides.

Booking never asks whether something hidden is in the way, so it answers alike in both cases. Here the clock, which sees everything,
looks at what was booked lately. What it finds is no record: it stands in a list of its own, of which each caller gets only the entries
whose both sides they may see.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sojourn.base import errors
from sojourn.care.policies import Policies
from sojourn.care.scheduling import appointments, tracks, zones
from sojourn.care.scheduling.appointments import STANDING, Booked
from sojourn.gate import drafts, findings
from sojourn.gate.access import Access

KIND = "appointments"
FULL = "seats"
NEEDS = (("Collision", "resolve"),)
_BACK = timedelta(minutes=2)
"""What was under way when it looked last is looked at again."""
_LOOKED = "schedule-looked"
"""The clock's own note of how far it has looked: a restart loses nothing."""
_AHEAD = timedelta(days=120)
_AT_ONCE = 1000


class Collision(NamedTuple):
    """Appointments of one client, person or room at one time; or all members of a group that has fewer seats. what: client, person, room, seats."""

    id: str
    what: str
    sides: tuple[Booked, ...]
    found: datetime
    alike: tuple[str, ...] = ()
    """Further ones between the same two groups: their members all collide, which is said once."""


def pairs(changed: Sequence[Booked], near: Sequence[Booked], rooms: Collection[str]) -> list[tuple[str, Booked, Booked]]:
    """What overlaps something else: (what they share, the one, the other), each pair once. Members of one group share its room and people.

    rooms: places that hold one visit at a time; a site holds many.
    """
    found, seen = [], set()
    for b in changed:
        if b.start is None or b.end is None or b.status not in STANDING:
            continue
        for other in near:
            same = other.id == b.id or other.status not in STANDING or other.start is None or other.end is None
            if same or not (b.start < other.end and other.start < b.end):  # type: ignore[operator]
                continue
            together = bool(b.track) and b.track == other.track
            what = "client" if b.patient and b.patient == other.patient else "" if together else "person" if set(b.people) & set(other.people) else "room" if set(b.rooms) & set(other.rooms) & set(rooms) else ""
            key = (what, *sorted((b.id, other.id)))
            if what and key not in seen:
                seen.add(key)
                found.append((what, b, other))
    return found


def is_room(place: Mapping[str, Any]) -> bool:
    """Whether a Location is a room (https://hl7.org/fhir/R4/valueset-location-physical-type.html)."""
    return any(c.get("code") == "ro" for c in place.get("physicalType", {}).get("coding", ()))


async def look(access: Access, rules: Policies) -> int:
    """By the clock, as the account that sees everything: what collides among what was booked lately goes on the list. How many are new."""
    before = await drafts.kept(access, _LOOKED)
    since = datetime.fromisoformat(before.body.decode()) - _BACK if before else access.now - timedelta(days=2)
    changed = await _changed(access, since)
    rooms = {id_ for id_, place in (await zones.places(access)).items() if is_room(place)} if changed else set()
    new = 0
    for b in changed:
        if b.start is None or b.end is None or b.start > access.now + _AHEAD:
            continue
        actors = [f"Patient/{b.patient}", *b.people, *(f"Location/{r}" for r in b.rooms if r in rooms)] if b.patient else [*b.people]
        near = await appointments.between(access, b.start - appointments.LONGEST, b.end, actors=actors, statuses=STANDING)
        for what, one, other in pairs([b], near, rooms):
            new += await findings.add(access, f"{KIND}:{what}", sorted((f"Appointment/{one.id}", f"Appointment/{other.id}")))
    new += await _seats(access, [b for b in changed if b.track])
    with suppress(errors.VersionConflict):  # another process looked at the same time
        await drafts.keep(access, _LOOKED, access.now.isoformat().encode(), seen=before.stamp if before else "")
    return new


async def _changed(access: Access, since: datetime) -> list[Booked]:
    """Everything that was booked or changed since, page by page."""
    params = [("_lastUpdated", f"ge{since.isoformat()}"), ("date", f"ge{(access.now - timedelta(hours=12)).isoformat()}"), ("status", ",".join(STANDING))]
    changed: list[Booked] = []
    cursor: str | None = None
    while True:
        found = await access.search("Appointment", params, count=500, cursor=cursor)
        changed += [appointments.read(s.resource, s.version) for s in found.matches]
        cursor = found.next
        if not cursor:
            return changed


async def _seats(access: Access, booked: Sequence[Booked]) -> int:
    new = 0
    for track in await tracks.every(access, ids={b.track for b in booked}) if booked else []:
        for start in sorted({b.start for b in booked if b.track == track.id and b.start}):
            there = await appointments.between(access, start, start + timedelta(minutes=1), track=track.id, statuses=STANDING)
            members = {b.patient: b for b in there if b.patient}
            if track.capacity and len(members) > track.capacity:  # all of them: whoever misses one would learn that there is one more
                new += await findings.add(access, f"{KIND}:{FULL}", sorted(f"Appointment/{b.id}" for b in members.values()))
    return new


async def listed(access: Access) -> list[Collision]:
    """What waits to be put right, of which the caller may see every side. Raises Forbidden for whose role does not include it."""
    await access.check("resolve", "Collision")
    rows = await findings.open_(access, KIND)
    wanted = sorted({s.partition("/")[2] for row in rows for s in row.subjects})
    seen: dict[str, Booked] = {}
    for first in range(0, len(wanted), _AT_ONCE):
        found = await access.search("Appointment", [("_id", ",".join(wanted[first : first + _AT_ONCE]))], count=_AT_ONCE)
        seen |= {s.id: appointments.read(s.resource, s.version) for s in found.matches}
    once: dict[Any, Collision] = {}
    for row in rows:
        sides = [seen[s.partition("/")[2]] for s in row.subjects if s.partition("/")[2] in seen]
        if len(sides) == len(row.subjects) and _still(row.kind, sides, access.now):
            key = (row.kind, frozenset((b.track or b.id, b.start) for b in sides))
            known = once.get(key)
            once[key] = known._replace(alike=(*known.alike, row.id)) if known else Collision(row.id, row.kind.partition(":")[2], tuple(sides), row.found)
    return list(once.values())


def _still(kind: str, sides: Sequence[Booked], now: datetime) -> bool:
    """Whether it is one yet: nothing was moved or cancelled since, and it is not over."""
    times = [(b.start, b.end) for b in sides if b.status in STANDING and b.start is not None and b.end is not None]
    if len(times) != len(sides) or max(end for _, end in times) < now:
        return False
    return kind.endswith(FULL) or max(start for start, _ in times) < min(end for _, end in times)


async def resolve(access: Access, id_: str, note: str) -> None:
    """Take one off the list, with what was done. Raises NotFound for one of which the caller may not see every side."""
    chosen = next((c for c in await listed(access) if c.id == id_), None)
    if chosen is None:
        raise errors.NotFound("This is not on the list any more.")
    for one in (chosen.id, *chosen.alike):
        await findings.close(access, one, note)
