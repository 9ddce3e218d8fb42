"""Tracks: groups with their week, room, people and seats, each a FHIR Schedule.

A track says when and where, never who comes: each member has an Appointment of their own that points at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care.resources import code_of, concept, ref
from sojourn.care.scheduling.series import Differs, Series, parts, rule
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

BASE: Final = "https://sojourn.example/fhir/StructureDefinition/"
SERIES: Final = BASE + "series"
"""When a Schedule takes place: rule (RRULE), start (wall clock), minutes, zone, level, capacity, program, and exceptions."""


class Track(NamedTuple):
    """A group of one program. leaders: references of practitioners; room: id of a Location, or ''; organization: reference of its program.

    capacity: seats, 0 = as many as come. version: what a change is made from.
    """

    id: str
    version: str
    name: str
    kind: str
    series: Series
    capacity: int
    level: str
    organization: str
    leaders: tuple[str, ...]
    room: str
    active: bool


def read(schedule: Mapping[str, Any], version: str = "") -> Track | None:
    """The track that a Schedule is; None for a Schedule that keeps something else."""
    outer = next((e for e in schedule.get("extension", ()) if e.get("url") == SERIES), None)
    if outer is None:
        return None
    said: dict[str, Any] = {}
    exceptions: dict[date, Differs] = {}
    for inner in outer.get("extension", ()):
        if inner.get("url") == "exception":
            day, changed = _exception(inner)
            exceptions[day] = changed
        else:
            said[inner["url"]] = next((v for k, v in inner.items() if k.startswith("value")), None)
    weekdays, every, last = parts(str(said["rule"]))
    horizon = schedule.get("planningHorizon", {})
    series = Series(weekdays, time.fromisoformat(str(said["start"])), int(said["minutes"]), str(said["zone"]), date.fromisoformat(str(horizon["start"])[:10]), last, every, exceptions)
    actors = [str(a.get("reference", "")) for a in schedule.get("actor", ())]
    kind = next((code_of(c) for c in schedule.get("serviceType", ())), "group")
    return Track(
        str(schedule["id"]), version, str(schedule.get("comment", "")), kind, series, int(said.get("capacity") or 0), str(said.get("level") or ""), id_text(said.get("program")),
        tuple(a for a in actors if a.startswith("Practitioner/")), next((a.removeprefix("Location/") for a in actors if a.startswith("Location/")), ""), bool(schedule.get("active", True)),
    )  # fmt: skip


def id_text(reference: Any) -> str:
    """The text of a reference, or ''."""
    return str(reference.get("reference", "")) if isinstance(reference, dict) else ""


def _exception(inner: Mapping[str, Any]) -> tuple[date, Differs]:
    said = {e["url"]: next((v for k, v in e.items() if k.startswith("value")), None) for e in inner.get("extension", ())}
    to = said.get("to-day")
    clock = said.get("to-time")
    return date.fromisoformat(str(said["day"])), Differs(
        str(said["status"]), str(said.get("reason") or ""), date.fromisoformat(str(to)) if to else None, time.fromisoformat(str(clock)) if clock else None, int(said.get("minutes") or 0)
    )


def resource(track: Track) -> dict[str, Any]:
    """The Schedule that a track is kept as."""
    s = track.series
    inner: list[dict[str, Any]] = [
        {"url": "rule", "valueString": rule(s)}, {"url": "start", "valueTime": f"{s.at:%H:%M:%S}"}, {"url": "minutes", "valueInteger": s.minutes}, {"url": "zone", "valueCode": s.zone},
    ]  # fmt: skip
    inner += [{"url": "level", "valueString": track.level}] if track.level else []
    inner += [{"url": "capacity", "valueInteger": track.capacity}] if track.capacity else []
    inner += [{"url": "program", "valueReference": {"reference": track.organization}}] if track.organization else []
    for day, changed in sorted(s.exceptions.items()):
        one = [{"url": "day", "valueDate": day.isoformat()}, {"url": "status", "valueCode": changed.kind}]
        one += [{"url": "reason", "valueString": changed.reason}] if changed.reason else []
        one += [{"url": "to-day", "valueDate": changed.day.isoformat()}] if changed.day else []
        one += [{"url": "to-time", "valueTime": f"{changed.at:%H:%M:%S}"}] if changed.at else []
        if changed.minutes:
            one.append({"url": "minutes", "valueInteger": changed.minutes})  # type: ignore[dict-item]
        inner.append({"url": "exception", "extension": one})
    actors = [{"reference": leader} for leader in track.leaders] + ([ref("Location", track.room)] if track.room else [])
    horizon = {"start": s.first.isoformat(), **({"end": s.last.isoformat()} if s.last else {})}
    return {
        "resourceType": "Schedule", "id": track.id, "extension": [{"url": SERIES, "extension": inner}], "active": track.active,
        "serviceType": [concept(track.kind, "Group" if track.kind == "group" else track.kind)], "actor": actors, "planningHorizon": horizon, "comment": track.name,
    }  # fmt: skip


async def every(access: Access, *, ids: Iterable[str] = (), actor: Sequence[str] = (), inactive: bool = False) -> list[Track]:
    """Tracks that the caller may see, by name; of some people or places, or those asked for, if named. One search."""
    if not access.may("Schedule", "search"):
        return []
    wanted = sorted(set(ids))
    params = [("_id", ",".join(wanted))] if wanted else [("actor", ",".join(actor))] if actor else []
    found = await access.search("Schedule", [*params, *([] if inactive else [("active", "true")])], count=500)
    tracks = [t for stored in found.matches if (t := read(stored.resource, stored.version)) is not None]
    return sorted(tracks, key=lambda t: (t.name, t.id))


async def one(access: Access, id_: str) -> Track:
    """One track. Raises NotFound."""
    stored = await access.read("Schedule", id_)
    found = read(stored.resource, stored.version)
    if found is None:
        raise errors.NotFound("There is no such group.")
    return found


async def create(access: Access, track: Track) -> str:
    """Make a track; its id. Raises Malformed for one that nobody leads or that has no day, Forbidden."""
    checked(track)
    made = track._replace(id=new_id())
    await access.write([Change("create", "Schedule", made.id, resource(made))], action="schedule")
    return made.id


async def change(access: Access, track: Track) -> None:
    """Keep a changed track. Raises VersionConflict where somebody else changed it in between, Malformed, NotFound."""
    checked(track)
    await access.write([Change("update", "Schedule", track.id, resource(track), if_match=track.version or None)], action="schedule")


def checked(track: Track) -> None:
    """Raise Malformed for a track that could not take place."""
    if not track.name.strip() or not track.series.days or not (track.leaders or track.room) or not 5 <= track.series.minutes <= 720:
        raise errors.Malformed("A group needs a name, at least one weekday, somebody who leads it or a room, and between 5 minutes and 12 hours.")
    if track.series.last is not None and track.series.last < track.series.first:
        raise errors.Malformed("A group cannot end before it begins.")


def excepted(track: Track, day: date, changed: Differs | None) -> Track:
    """The track with one day cancelled or moved; None: as the rule says again. Raises Malformed for a day on which it does not take place."""
    if not track.series.falls_on(day):
        raise errors.Malformed(f"{track.name} does not take place on {day.isoformat()}.")
    exceptions = {d: e for d, e in track.series.exceptions.items() if d != day} | ({day: changed} if changed else {})
    s = track.series
    return track._replace(series=Series(s.days, s.at, s.minutes, s.zone, s.first, s.last, s.every, exceptions))


def program_of(access: Access, track: Track) -> int | None:
    """The number of the program to which what its members have here belongs."""
    return next((n for n, p in access.rules.programs.items() if p.organization == track.organization), None)


def taking_place(tracks: Iterable[Track], low: datetime, high: datetime, holidays: Mapping[date, str]) -> list[tuple[Track, Any]]:
    """(track, occurrence) of everything that begins in a span, cancelled ones too, in order of time."""
    found = [(t, o) for t in tracks for o in t.series.between(low, high, holidays)]
    return sorted(found, key=lambda pair: (pair[1].start, pair[0].name))
