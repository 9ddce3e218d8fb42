"""Who is in a group: each member's own appointments; joining, leaving, days that change.

Seats are counted over what the caller may see. A group that is fuller than they know takes one more like any other; collisions.py
tells those who may see all of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sojourn.base import errors
from sojourn.care.policies import Policies
from sojourn.care.scheduling import appointments, tracks, zones
from sojourn.care.scheduling.appointments import OPEN, STANDING, Booked, Wish
from sojourn.care.scheduling.series import CANCELLED, MOVED, Differs, Occurrence
from sojourn.care.scheduling.tracks import Track
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

_LONGEST = timedelta(days=366)


class Member(NamedTuple):
    """A client in a group: until when they are booked, and how many times are still to come."""

    patient: str
    last: datetime
    coming: int


def holidays(rules: Policies) -> dict[date, str]:
    """Days on which groups do not take place, with their names."""
    found = {}
    for text in rules.value("schedule.holidays"):
        day, _, name = str(text).partition(" ")
        try:
            found[date.fromisoformat(day)] = name or "Closed"
        except ValueError:
            continue  # a day that nobody can read closes nothing
    return found


async def coming(access: Access, track: Track, low: datetime) -> list[Booked]:
    """Members' appointments of a group from a moment on, as far as the caller may see them."""
    return await appointments.between(access, low, low + _LONGEST, track=track.id, statuses=STANDING)


def members(booked: Sequence[Booked]) -> list[Member]:
    """Who they are."""
    by: dict[str, list[Booked]] = {}
    for b in booked:
        if b.patient:
            by.setdefault(b.patient, []).append(b)
    return [Member(patient, max(b.start for b in theirs if b.start), len(theirs)) for patient, theirs in by.items()]


def seats(track: Track, booked: Sequence[Booked], occurrence: Occurrence) -> tuple[int, int | None]:
    """How many are booked for one time, and how many seats are left (None: as many as come)."""
    taken = len({b.patient for b in booked if b.start == occurrence.start and b.patient})
    return taken, max(0, track.capacity - taken) if track.capacity else None


async def join(access: Access, track: Track, patient: str, first: date, until: date, rules: Policies) -> int:
    """Book a client for every time of a group from a day to another; how many that is. What they have there already is left alone.

    Raises Malformed when there is no such time or there are too many. A full group is for the caller to know of, not for the record to refuse.
    """
    low, high = zones.day_bounds(first, track.series.where)[0], zones.day_bounds(until, track.series.where)[1]
    times = [o for o in track.series.between(low, high, holidays(rules)) if o.status != CANCELLED]
    if not times:
        raise errors.Malformed(f"{track.name} does not take place between these days.")
    there = {b.start for b in await appointments.between(access, low, high, track=track.id, actors=[f"Patient/{patient}"], statuses=STANDING)}
    series, program = new_id(), tracks.program_of(access, track)
    wishes = [Wish(patient, track.kind, o.start, o.end, track.leaders, track.room, track.series.where, program, "", track.id, series) for o in times if o.start not in there]
    if len(wishes) > appointments.MOST:
        raise errors.Malformed(f"That is {len(wishes)} times; at most {appointments.MOST} can be booked at once. Choose an earlier last day.")
    if wishes:
        await appointments.book(access, wishes)
    return len(wishes)


async def full(access: Access, track: Track, patient: str, first: date, until: date, rules: Policies) -> bool:
    """Whether a time between these days has no seat left, as far as the caller may see; the client's own seat is theirs."""
    if not track.capacity:
        return False
    low, high = zones.day_bounds(first, track.series.where)[0], zones.day_bounds(until, track.series.where)[1]
    booked = [b for b in await appointments.between(access, low, high, track=track.id, statuses=STANDING) if b.patient != patient]
    return any(seats(track, booked, o)[1] == 0 for o in track.series.between(low, high, holidays(rules)) if o.status != CANCELLED)


async def leave(access: Access, track: Track, patient: str, first: date, reason: str) -> int:
    """Cancel a client's times in a group from a day on; how many that was."""
    low = zones.day_bounds(first, track.series.where)[0]
    theirs = await appointments.between(access, low, low + _LONGEST, track=track.id, actors=[f"Patient/{patient}"], statuses=OPEN)
    await appointments.cancel(access, [b.id for b in theirs], reason)
    return len(theirs)


async def change_day(access: Access, track: Track, day: date, changed: Differs | None, rules: Policies) -> int:
    """Cancel or move one day of a group, or put it back; and the same for each member's appointment that the caller may see.

    The group changes first: what is missed here (by a fall, or because it may not be seen) follows from it by `align`. Returns how many followed.
    """
    before = track.series.on(day, holidays(rules))
    after_track = tracks.excepted(track, day, changed)
    await tracks.change(access, after_track)
    after = after_track.series.on(day, holidays(rules))
    if before is None or after is None:
        return 0
    theirs = await appointments.between(access, before.start, before.start + timedelta(minutes=1), track=track.id)
    changes = await _followed(access, theirs, before, after, track)
    if changes:
        await access.write(changes, action="booking")
    return len(changes)


async def _followed(access: Access, theirs: Sequence[Booked], before: Occurrence, after: Occurrence, track: Track) -> list[Change]:
    changes = []
    for b in theirs:
        again = b.status == "cancelled" and before.status == CANCELLED and after.status != CANCELLED and b.reason == before.reason
        if b.start != before.start or (b.status not in OPEN and not again):
            continue
        booked, resource = await appointments.one(access, b.id)
        if after.status == CANCELLED:
            changes.append(appointments.changed(booked, resource, status="cancelled", cancelationReason={"text": after.reason or "The group does not take place."}))
        else:
            where = track.series.where
            changes.append(appointments.changed(
                booked, resource, status="booked", cancelationReason=None, start=zones.written(after.start, where), end=zones.written(after.end, where),
                minutesDuration=int((after.end - after.start).total_seconds() // 60),
            ))  # fmt: skip
    return changes


async def align(access: Access, rules: Policies) -> int:
    """By the clock: appointments of groups follow days that changed, whoever may see them. How many followed."""
    closed, done = holidays(rules), 0
    for track in await tracks.every(access):
        s = track.series
        plain = s.__class__(s.days, s.at, s.minutes, s.zone, s.first, s.last, s.every)
        for day, changed in s.exceptions.items():
            before, after = plain.on(day), s.on(day, closed)
            if changed.kind not in (CANCELLED, MOVED) or before is None or after is None or before.start < access.now - timedelta(days=1):
                continue
            theirs = await appointments.between(access, before.start, before.start + timedelta(minutes=1), track=track.id, statuses=OPEN)
            if after.status == MOVED and after.start == before.start:
                continue
            changes = await _followed(access, theirs, before, after, track)
            if changes:
                await access.write(changes, action="booking")
            done += len(changes)
    return done


def week_of(tracks_: Sequence[Track], where_day: date, closed: Mapping[date, str]) -> list[tuple[Track, Occurrence]]:
    """A level's or program's week, Monday to Sunday, from the tracks that it has."""
    monday = where_day - timedelta(days=where_day.weekday())
    found = []
    for track in tracks_:
        low, high = zones.day_bounds(monday, track.series.where, 7)
        found += [(track, o) for o in track.series.between(low, high, closed)]
    return sorted(found, key=lambda pair: (pair[1].start, pair[0].name))
