"""Begin a group session, and open it with what the charts of its members offer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sojourn.base import errors
from sojourn.care.groups import model
from sojourn.care.groups.model import Own, Shared
from sojourn.care.levels import Stay
from sojourn.care.levels import stay as stay_of
from sojourn.care.resources import id_of
from sojourn.care.scheduling import appointments, tracks
from sojourn.gate import groupsessions
from sojourn.gate.access import Access
from sojourn.gate.groupsessions import MISSED, OPEN, SIGNED, Part, Session

_COMING = (*appointments.STANDING, "noshow")
_AT_ONCE = 200


class Choice(NamedTuple):
    """Something in a chart that a note can point at. about: ids of Conditions that an objective is about."""

    id: str
    text: str
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One client of a session whom the caller may see, with their part. names: all that they are called."""

    part: Part
    own: Own
    name: str
    names: tuple[str, ...]
    stay: Stay | None
    objectives: tuple[Choice, ...]
    diagnoses: tuple[Choice, ...]
    danger: bool
    """Whether an answer of the day pointed to danger."""

    @property
    def open(self) -> bool:
        """Whether it can still be written."""
        return self.part.state == OPEN

    @property
    def chosen(self) -> tuple[Choice, ...]:
        """The objectives that were chosen, of those that are in the chart."""
        return tuple(o for o in self.objectives if o.id in self.own.objectives)


@dataclass(frozen=True, slots=True)
class Sitting:
    """A session as its facilitator sees it."""

    session: Session
    shared: Shared
    members: tuple[Member, ...]

    def member(self, part: str) -> Member:
        """One of them. Raises NotFound."""
        found = next((m for m in self.members if m.part.id == part), None)
        if found is None:
            raise errors.NotFound("There is nobody of this name in the group.")
        return found


class Listed(NamedTuple):
    """A session, and how many parts of it are open, signed and missed: of the clients whom the caller may see."""

    session: groupsessions.Listed
    open: int
    signed: int
    missed: int


async def listed(access: Access, low: datetime | None = None, high: datetime | None = None) -> list[Listed]:
    """Sessions that begin in a span; without one those that are not finished.

    A member whom the caller may not see is not counted, as they are not on the session itself.
    """
    sessions = await groupsessions.listed(access, low, high)
    members = [[(state, model.own(body).patient) for state, body in s.parts] for s in sessions]
    wanted, seen = sorted({patient for one in members for _, patient in one}), set[str]()
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        seen |= {s.id for s in (await access.search("Patient", [("_id", ",".join(some))], count=len(some))).matches}
    counted = [[state for state, patient in one if patient in seen] for one in members]
    return [Listed(s, *(states.count(state) for state in (OPEN, SIGNED, MISSED))) for s, states in zip(sessions, counted, strict=True)]


async def begin(access: Access, track_id: str, day: date) -> str:
    """The session of a group on a day, begun if it was not; its id. Raises NotFound, Malformed for a day on which there is none."""
    track = await tracks.one(access, track_id)
    occurrence = track.series.on(day)
    if occurrence is None or occurrence.status == "cancelled":
        raise errors.Malformed("The group does not take place on this day.")
    if occurrence.start > access.now + timedelta(hours=12):
        raise errors.Malformed("A session is written down on its day, or later.")
    program = tracks.program_of(access, track) or 0
    shared = Shared(track=track.id, name=track.name, room=track.room, zone=track.series.zone)
    return await groupsessions.begin(access, program, track.id, occurrence.start, occurrence.end, track.leaders, model.packed(shared))


async def open_(access: Access, id_: str) -> Sitting:
    """Everything of a session. Whoever was booked since is added. Raises NotFound, Forbidden."""
    session, parts = await groupsessions.open_(access, id_)
    shared = model.shared(session.body)
    booked = await appointments.between(access, session.starts, session.starts + timedelta(minutes=1), track=shared.track, statuses=_COMING) if shared.track else []
    known = {model.own(p.body).patient for p in parts}
    fresh = [b for b in booked if b.patient and b.patient not in known]
    if fresh and not session.closed:
        for b in fresh:
            await add(access, session, b.patient, b.id)
        session, parts = await groupsessions.open_(access, id_)
    return Sitting(session, shared, await _members(access, session, parts))


async def add(access: Access, session: Session, patient: str, appointment: str = "") -> None:
    """Somebody came who was not booked, or was booked since. Twice is once. Raises NotFound for whom the caller may not see."""
    await access.read("Patient", patient)
    secret = access.house.key.derive(f"group-part:{access.tenant.number}:{session.id}:{patient}", 48).hex()
    part = Part(secret[:24], OPEN, secret[24:54], model.packed(Own(patient, appointment)), "")
    try:
        await groupsessions.keep_part(access, session.id, part)
    except errors.VersionConflict:
        return  # they are in it


async def _members(access: Access, session: Session, parts: list[Part]) -> tuple[Member, ...]:
    owns = [(p, model.own(p.body)) for p in parts]
    patients = sorted({o.patient for _, o in owns})
    if not patients:
        return ()
    subjects = ",".join(f"Patient/{p}" for p in patients)
    people, episodes, goals, problems, risks = await asyncio.gather(
        access.search("Patient", [("_id", ",".join(patients))], count=len(patients)), _found(access, "EpisodeOfCare", [("patient", subjects), ("status", "active,onhold")]),
        _found(access, "Goal", [("subject", subjects), ("lifecycle-status", "active,accepted,planned,proposed")]), _found(access, "Condition", [("subject", subjects), ("clinical-status", "active,recurrence,relapse")]),
        _found(access, "RiskAssessment", [("subject", subjects), ("date", f"ge{(session.starts - timedelta(hours=2)).isoformat()}")]),
    )  # fmt: skip
    persons = {s.id: s.resource for s in people.matches}
    organization = access.rules.programs[session.program].organization if session.program in access.rules.programs else None
    stays = [stay_of(e) for e in episodes]
    made = []
    for part, own in owns:
        person = persons.get(own.patient)
        if person is None:
            continue  # whom the caller may not see is not there
        here = [s for s in stays if s.patient == own.patient]
        stay = next((s for s in here if f"Organization/{s.organization}" == organization), next(iter(here), None))
        made.append(Member(
            part, own, _name(person), _names(person), stay,
            tuple(Choice(str(g["id"]), str(g.get("description", {}).get("text", "")) or "Objective", tuple(i for a in g.get("addresses", ()) if (i := id_of(a, "Condition")))) for g in goals if id_of(g.get("subject")) == own.patient)[:9],
            tuple(Choice(str(c["id"]), _coded(c.get("code", {}))) for c in problems if id_of(c.get("subject")) == own.patient)[:9], any(id_of(r.get("subject")) == own.patient for r in risks),
        ))  # fmt: skip
    return tuple(sorted(made, key=lambda m: (m.name.casefold(), m.part.id)))


async def _found(access: Access, type_: str, params: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return (await access.search(type_, params, count=500)).resources if access.may(type_, "search") else []


def _coded(concept: Mapping[str, Any]) -> str:
    return str(concept.get("text") or next((c.get("display") or c.get("code") for c in concept.get("coding", ())), "") or "Diagnosis")


def _name(person: Mapping[str, Any]) -> str:
    name: Mapping[str, Any] = next((n for n in person.get("name", ()) if n.get("use", "official") == "official"), next(iter(person.get("name", ())), {}))
    return ", ".join(filter(None, (str(name.get("family", "")), " ".join(str(g) for g in name.get("given", ()))))) or "No name recorded"


def _names(person: Mapping[str, Any]) -> tuple[str, ...]:
    """Each word of each of their names, and what they like to be called."""
    words = [w for n in person.get("name", ()) for text in (n.get("family", ""), n.get("text", ""), *n.get("given", ())) for w in str(text).replace(",", " ").split()]
    return tuple(dict.fromkeys(w for w in words if len(w) > 2))




def when(day: date, text: str, zone: Any) -> datetime | None:
    """A wall-clock time of a day as a moment there; None for what is no time."""
    try:
        return datetime.fromisoformat(f"{day.isoformat()}T{text}").replace(tzinfo=zone)
    except ValueError:
        return None
