"""Appointments: booked, moved, checked in, missed or cancelled; each the client's own.

What stands in the way is asked of what the caller may see, and only that. A booking that collides with something hidden succeeds like
any other; collisions.py finds it later, for those who may see both sides.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.care.policies import Policies
from sojourn.care.resources import code_of, concept, id_of, moment
from sojourn.care.scheduling import zones
from sojourn.care.staffing.model import AWAY
from sojourn.gate import origins
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

STANDING: Final = ("booked", "arrived", "checked-in", "pending", "proposed", "fulfilled")
"""Statuses in which an appointment takes up the time of its people."""
OPEN: Final = ("booked", "pending", "proposed")
SERIES: Final = "https://sojourn.example/fhir/StructureDefinition/appointment-series"
"""On each appointment of one booking: the id that they share."""
LONGEST: Final = timedelta(hours=12)
MOST = 60
"""Appointments that one booking may make."""


class Kind(NamedTuple):
    """What can be booked. minutes: how long it usually lasts."""

    code: str
    text: str
    minutes: int


class Booked(NamedTuple):
    """An Appointment as rooms and screens need it. start, end: moments in UTC, None for what waits without a time. track: of a group, or ''.

    where: the wall-clock text that was written with it has its own offset, so `written` reads right where it takes place.
    """

    id: str
    version: str
    status: str
    kind: str
    text: str
    start: datetime | None
    end: datetime | None
    patient: str
    people: tuple[str, ...]
    rooms: tuple[str, ...]
    track: str
    series: str
    reason: str
    comment: str
    priority: int
    written: str
    updated: str

    @property
    def minutes(self) -> int:
        """How long it lasts."""
        return int((self.end - self.start).total_seconds() // 60) if self.start and self.end else 0


@lru_cache(maxsize=1)
def kinds() -> tuple[Kind, ...]:
    """What can be booked."""
    rows = tomllib.loads((Path(__file__).parent / "kinds.toml").read_text("utf-8"))["kind"]
    return tuple(Kind(str(r["code"]), str(r["text"]), int(r["minutes"])) for r in rows)


def kind_text(code: str) -> str:
    """The words for a kind."""
    return next((k.text for k in kinds() if k.code == code), "Appointment")


def _when(value: Any) -> datetime | None:
    text = str(value or "")
    return datetime.fromisoformat(text) if len(text) > 15 else None


def read(resource: dict[str, Any], version: str = "") -> Booked:
    """An Appointment, read; nothing raises for one that others made."""
    actors = [str(p.get("actor", {}).get("reference", "")) for p in resource.get("participant", ())]
    types = [t for t in resource.get("serviceType", ()) if isinstance(t, dict)]
    kind = next((c for t in types if (c := code_of(t))), "") or next((str(c.get("code", "")) for t in types for c in t.get("coding", ())), "")
    text = kind_text(kind) if any(k.code == kind for k in kinds()) else next((str(t.get("text", "")) for t in types if t.get("text")), "") or str(resource.get("description", "")) or "Appointment"
    series = next((str(e.get("valueString", "")) for e in resource.get("extension", ()) if e.get("url") == SERIES), "")
    return Booked(
        str(resource["id"]), version, str(resource.get("status", "")), kind, text, _when(resource.get("start")), _when(resource.get("end")),
        next((a.removeprefix("Patient/") for a in actors if a.startswith("Patient/")), ""), tuple(a for a in actors if a.startswith("Practitioner/")),
        tuple(a.removeprefix("Location/") for a in actors if a.startswith("Location/")),
        next((i for s in resource.get("supportingInformation", ()) if (i := id_of(s, "Schedule"))), ""), series,
        str(resource.get("cancelationReason", {}).get("text", "")), str(resource.get("comment", "")), int(resource.get("priority") or 0), str(resource.get("start", "")),
        str(resource.get("meta", {}).get("lastUpdated", "")),
    )  # fmt: skip


async def between(access: Access, low: datetime, high: datetime, *, actors: Sequence[str] = (), track: str = "", statuses: Sequence[str] = (), count: int = 1000) -> list[Booked]:
    """What begins in a span of time, in order, as far as the caller may see it; of some people or places, or of one group. One search."""
    params = [("date", f"ge{low.isoformat()}"), ("date", f"lt{high.isoformat()}")]
    params += [("actor", ",".join(actors))] if actors else []
    params += [("supporting-info", f"Schedule/{track}")] if track else []
    params += [("status", ",".join(statuses))] if statuses else []
    found = await access.search("Appointment", params, count=count)
    read_ = (read(stored.resource, stored.version) for stored in found.matches)
    return sorted((b for b in read_ if b.start is not None), key=lambda b: (b.start, b.id))


async def of_patient(access: Access, patient: str, *, since: datetime | None = None, count: int = 200) -> list[Booked]:
    """A client's appointments, the soonest last; since: those that begin later, or have no time."""
    found = await access.search("Appointment", [("patient", patient), ("_sort", "-date")], count=count)
    every = [read(stored.resource, stored.version) for stored in found.matches]
    return [b for b in every if since is None or b.start is None or b.start >= since]


class Clash(NamedTuple):
    """What is already there at that time: with whom or where (a reference), from when to when. It names no other client.

    kind: 'booked', 'away', or 'hours' where somebody does not work then.
    """

    actor: str
    start: datetime
    end: datetime
    kind: str = "booked"


async def clashes(access: Access, start: datetime, end: datetime, actors: Sequence[str], *, but: Iterable[str] = ()) -> list[Clash]:
    """Visible appointments of any of these people or places that overlap. One search."""
    near = await between(access, start - LONGEST, end, actors=actors, statuses=STANDING)
    return overlapping(near, start, end, actors, but=but)


def overlapping(near: Iterable[Booked], start: datetime, end: datetime, actors: Sequence[str], *, but: Iterable[str] = ()) -> list[Clash]:
    """Which of these overlap a span, once for each person or place that they share."""
    apart = set(but)
    found = []
    for b in near:
        if b.id in apart or b.status not in STANDING or b.start is None or b.end is None or not (b.start < end and start < b.end):
            continue
        mine = {f"Patient/{b.patient}", *b.people, *(f"Location/{room}" for room in b.rooms)}
        found += [Clash(actor, b.start, b.end, AWAY if b.kind == AWAY else "booked") for actor in actors if actor in mine]
    return found


def free(near: Sequence[Booked], low: datetime, high: datetime, minutes: int, actors: Sequence[str], where: ZoneInfo, hours: tuple[int, int], *,
         works: Callable[[datetime, datetime], bool] | None = None, most: int = 6) -> list[datetime]:  # fmt: skip
    """The first quarter hours at which all of them are free as far as the caller sees, within working hours on weekdays, or when `works` says so."""
    found: list[datetime] = []
    moment_ = low.replace(second=0, microsecond=0) + timedelta(minutes=-low.minute % 15)
    while moment_ < high and len(found) < most:
        wall = zones.local(moment_, where)
        end = moment_ + timedelta(minutes=minutes)
        ends = zones.local(end, where)
        within = works(moment_, end) if works is not None else wall.weekday() < 5 and hours[0] <= wall.hour and (ends.hour, ends.minute) <= (hours[1], 0) and ends.date() == wall.date()
        if within and not overlapping(near, moment_, end, actors):
            found.append(moment_)
            moment_ = end + timedelta(minutes=-end.minute % 15)
        else:
            moment_ += timedelta(minutes=15)
    return found


class Wish(NamedTuple):
    """What is to be booked. program: to which it belongs, which decides who may know of it. series: '' for one alone."""

    patient: str
    kind: str
    start: datetime
    end: datetime
    people: tuple[str, ...]
    room: str
    where: ZoneInfo
    program: int | None
    comment: str = ""
    track: str = ""
    series: str = ""
    modality: str = ""


def resource(access: Access, wish: Wish, *, status: str = "booked", id_: str = "") -> dict[str, Any]:
    """The Appointment that a wish becomes."""
    actors = [f"Patient/{wish.patient}", *wish.people, *([f"Location/{wish.room}"] if wish.room else [])]
    body: dict[str, Any] = {
        "resourceType": "Appointment", "status": status, "serviceType": [concept(wish.kind, kind_text(wish.kind))], "description": kind_text(wish.kind),
        "start": zones.written(wish.start, wish.where), "end": zones.written(wish.end, wish.where), "minutesDuration": int((wish.end - wish.start).total_seconds() // 60),
        "created": moment(access), "participant": [{"actor": {"reference": actor}, "status": "accepted"} for actor in actors],
    }  # fmt: skip
    if id_:
        body["id"] = id_
    if wish.comment:
        body["comment"] = wish.comment
    if wish.track:
        body["supportingInformation"] = [{"reference": f"Schedule/{wish.track}"}]
    if wish.series:
        body["extension"] = [{"url": SERIES, "valueString": wish.series}]
    if wish.modality:
        body["appointmentType"] = concept(wish.modality, wish.modality.replace("-", " ").capitalize())
    return body


async def book(access: Access, wishes: Sequence[Wish]) -> list[str]:
    """Book them together or not at all; their ids. It never asks whether something hidden is in the way. Raises Malformed, Forbidden."""
    if not wishes or len(wishes) > MOST:
        raise errors.Malformed(f"Between 1 and {MOST} appointments can be booked at once.")
    for wish in wishes:
        if not wish.start < wish.end <= wish.start + LONGEST:
            raise errors.Malformed("An appointment ends after it begins, and lasts at most 12 hours.")
        if wish.program is not None and wish.program not in access.caller.programs:
            raise errors.Forbidden("Appointments are booked for a program in which one works.")
    made = [Change("create", "Appointment", new_id(), resource(access, wish), program=wish.program) for wish in wishes]
    await access.write(made, action="booking")
    return [change.id for change in made]


async def one(access: Access, id_: str) -> tuple[Booked, dict[str, Any]]:
    """One appointment, read and as it is. Raises NotFound."""
    stored = await access.read("Appointment", id_)
    return read(stored.resource, stored.version), stored.resource


def changed(booked: Booked, before: dict[str, Any], **elements: Any) -> Change:
    """A change of an appointment, made from the version that was read; None takes an element out."""
    after = {k: v for k, v in {**before, **elements}.items() if v is not None}
    return Change("update", "Appointment", booked.id, after, if_match=booked.version or None)


async def move(access: Access, id_: str, start: datetime, minutes: int, where: ZoneInfo) -> None:
    """Another time. Raises Malformed for one that is over or cancelled, VersionConflict where somebody was faster."""
    booked, before = await one(access, id_)
    if booked.status not in OPEN:
        raise errors.Malformed("Only an appointment that is still to come can be moved.")
    end = start + timedelta(minutes=minutes)
    await access.write([changed(booked, before, start=zones.written(start, where), end=zones.written(end, where), minutesDuration=minutes)], action="booking")


async def check_in(access: Access, id_: str) -> None:
    """The client is here. Twice is once."""
    booked, before = await one(access, id_)
    if booked.status == "arrived":
        return
    if booked.status not in OPEN and booked.status != "noshow":
        raise errors.Malformed("Only an appointment that is still open can be checked in.")
    await access.write([changed(booked, before, status="arrived")], action="booking")


async def undo(access: Access, id_: str) -> None:
    """Checked in, missed or cancelled by mistake: as it was booked."""
    booked, before = await one(access, id_)
    if booked.status in ("arrived", "noshow", "cancelled"):
        await access.write([changed(booked, before, status="booked", cancelationReason=None)], action="booking")


async def cancel(access: Access, ids: Sequence[str], reason: str) -> None:
    """Cancel, with a reason; several of a series together. Raises Malformed without a reason."""
    if not reason.strip():
        raise errors.Malformed("Say why it is cancelled.")
    changes = []
    for id_ in ids:
        booked, before = await one(access, id_)
        if booked.status not in ("cancelled", "fulfilled", "noshow", "entered-in-error"):
            changes.append(changed(booked, before, status="cancelled", cancelationReason={"text": reason.strip()[:200]}))
    if changes:
        await access.write(changes, action="booking")


async def missed(access: Access, booked: Booked, before: dict[str, Any], rules: Policies, owner: str | None) -> list[Change]:
    """The changes that say that a client did not come: the appointment, and work for somebody to reach out. None if it is said already.

    The work belongs to the same program as the appointment: it is known to whom the appointment is.
    """
    if booked.status not in (*OPEN, "arrived"):
        return []
    due = access.now + timedelta(days=rules.number("schedule.outreach-days"))
    program = await origins.program_of(access, "Appointment", booked.id)
    work = tasks.new(access, "outreach", "Reach out after a missed visit", patient=booked.patient or None, owner=owner, role=None if owner else access.caller.role,
                     due=due, focus=f"Appointment/{booked.id}", program=program)  # fmt: skip
    return [changed(booked, before, status="noshow"), work]


async def no_show(access: Access, id_: str, rules: Policies, owner: str | None) -> None:
    """The client did not come: the appointment says so, and somebody has to reach out. Twice is once."""
    booked, before = await one(access, id_)
    if changes := await missed(access, booked, before, rules, owner):
        await access.write(changes, action="booking")


def later_of_series(of_series: Iterable[Booked], chosen: Booked) -> list[str]:
    """The ids of this appointment and of those of its booking that come after it."""
    return [b.id for b in of_series if b.id == chosen.id or (chosen.series and b.series == chosen.series and b.start and chosen.start and b.start > chosen.start)]


