"""What ends with a stay, whichever way it ends: its bed, its teams and its groups."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sojourn.care import policies, tasks
from sojourn.care.resources import id_of
from sojourn.care.scheduling import appointments, tracks
from sojourn.gate import elsewhere
from sojourn.gate.access import Access
from sojourn.gate.changes import Change

SCHEDULE: Final = "transition-schedule"
_AHEAD: Final = timedelta(days=550)
"""Longer than anybody is booked ahead."""


async def beds_end(access: Access, patient: str, episode: str, now: str, disposition: dict[str, Any]) -> list[Change]:
    """The bed of a stay is free from now on, and none that another record of the person holds. now: a FHIR instant; disposition: the CodeableConcept of where they go."""
    found = await access.search("Encounter", [("patient", patient), ("class", "IMP"), ("status", "arrived,in-progress,onleave")], count=10)
    out = []
    for stored in found.matches:
        of = [id_of(e, "EpisodeOfCare") for e in stored.resource.get("episodeOfCare", ())]
        if (of and episode not in of) or elsewhere.told(stored.resource) or id_of(stored.resource.get("subject"), "Patient") != patient:
            continue
        locations = [{**e, "status": "completed", "period": {**e.get("period", stored.resource.get("period", {})), "end": now}} for e in stored.resource.get("location", ())]
        over = {**stored.resource, "status": "finished", "period": {**stored.resource.get("period", {}), "end": now}, **({"location": locations} if locations else {})}
        over["hospitalization"] = {**stored.resource.get("hospitalization", {}), "dischargeDisposition": disposition}
        out.append(Change("update", "Encounter", stored.id, over, if_match=stored.version))
    return out


async def teams_end(access: Access, episode: dict[str, Any], now: str) -> list[Change]:
    """The teams of a stay have ended."""
    out = []
    for reference in episode.get("team", ()):
        id_ = id_of(reference, "CareTeam")
        if id_:
            stored = await access.read("CareTeam", id_)
            if stored.resource.get("status") in ("active", "proposed", "suspended"):
                out.append(Change("update", "CareTeam", id_, {**stored.resource, "status": "inactive", "period": {**stored.resource.get("period", {}), "end": now}}, if_match=stored.version))
    return out


async def groups_end(access: Access, patient: str, program: int | None, reason: str, *, level: str = "") -> list[Change]:
    """A client's coming times in the groups of a program are cancelled, at one moment with the stay.

    level: the level to which they move within the program; groups of that level, or of none, go on. Single visits stay: they are between two people,
    who decide. Nothing changes where the caller may not keep appointments.
    """
    if not program or not access.may("Appointment", "update"):
        return []
    params = [("actor", f"Patient/{patient}"), ("date", f"ge{access.now.isoformat()}"), ("date", f"lt{(access.now + _AHEAD).isoformat()}"), ("status", ",".join(appointments.OPEN))]
    found = [(appointments.read(s.resource, s.version), s.resource) for s in (await access.search("Appointment", params, count=1000)).matches]
    groups = {b.track for b, _ in found if b.track}
    if not groups:
        return []
    over = {t.id for t in await tracks.every(access, ids=groups, inactive=True) if tracks.program_of(access, t) == program and not (level and t.level in ("", level))}
    return [appointments.changed(b, r, status="cancelled", cancelationReason={"text": reason}) for b, r in found if b.track in over and b.patient == patient]


def look(access: Access, patient: str, episode: str, program: int | None, rules: policies.Policies, why: str) -> Change:
    """The task to look at what stays booked: single visits, and groups that whoever ended the stay may not cancel. why: what happened, in neutral words.

    It is made whether or not there is anything: whoever ends the stay may not see all that is booked.
    """
    due = access.now + timedelta(hours=rules.number("moves.check-in-hours"))
    return tasks.new(access, SCHEDULE, f"Look at appointments: {why}", patient=patient, role="admissions", due=due, focus=f"EpisodeOfCare/{episode}", program=program)
