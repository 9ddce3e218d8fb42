"""Put somebody into a bed: hold it, have them arrive, leave and come back, move and go."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from sojourn.base import errors
from sojourn.care import policies
from sojourn.care.census import occupancy, places
from sojourn.care.census.occupancy import Place
from sojourn.care.resources import id_of, moment, ref
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.preparing import instant

NEEDS: Final = (*places.NEEDS, ("Encounter", "create"), ("Encounter", "update"))
TAKEN: Final = "This bed was taken a moment ago. Choose another; nothing was changed."
_CLASS: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": occupancy.INPATIENT, "display": "inpatient encounter"}


async def _free(access: Access, bed_id: str, but: str = "") -> places.Bed:
    """The bed, if it can be had as far as the caller may see. Whom they may not see never stands in the way: that is found afterwards."""
    beds = await places.beds(access)
    bed = next((b for b in beds if b.id == bed_id), None)
    if bed is None:
        raise errors.NotFound("There is no such bed.")
    if bed.closed:
        raise errors.Malformed(f"{bed.name} is {bed.closed}. Open it first, or choose another.")
    if any(p.bed == bed_id and p.encounter != but for p in await occupancy.now(access, [bed])):
        raise errors.Conflict(TAKEN)
    return bed


async def hold(access: Access, *, patient: str, episode: str, organization: str, bed: str, expected: datetime, program: int | None) -> str:
    """Hold a bed for somebody who is expected; the id of the planned stay. The hold falls away after the hours that the rules name.

    Raises Conflict where it is taken, also by somebody who took it at the same moment: of two, the first to be written stays.
    """
    chosen = await _free(access, bed)
    rules = await policies.of(access)
    until = max(expected, access.now) + timedelta(hours=rules.number("admissions.hold-hours"))
    id_ = new_id()
    stay: dict[str, Any] = {
        "resourceType": "Encounter", "status": "planned", "class": _CLASS, "subject": ref("Patient", patient), "episodeOfCare": [ref("EpisodeOfCare", episode)],
        "period": {"start": instant(expected)}, **({"serviceProvider": ref("Organization", organization)} if organization else {}),
        "location": [{"location": ref("Location", bed), "status": "reserved", "period": {"start": moment(access), "end": instant(until)}}, *_unit(chosen)],
    }  # fmt: skip
    await access.write([Change("create", "Encounter", id_, stay, program=program)], action="bed")
    await _settle(access, chosen, id_)
    return id_


def _unit(bed: places.Bed) -> list[dict[str, Any]]:
    return [{"location": ref("Location", bed.unit), "status": "active"}] if bed.unit else []


async def _settle(access: Access, bed: places.Bed, mine: str) -> None:
    """Two may have written at the same moment: both look again, and the later one gives way. Raises Conflict to that one."""
    found = await access.search("Encounter", [("class", occupancy.INPATIENT), ("status", occupancy.PRESENT), ("location", bed.id)], count=20)
    here = [s for s in found.matches if (p := occupancy.place(s, {}, access.now, frozenset({bed.id}))) is not None and p.bed == bed.id]
    if len(here) < 2:
        return
    first = min(here, key=lambda s: (s.updated, s.id))
    if first.id == mine:
        return
    own = next((s for s in here if s.id == mine), None)
    if own is not None:
        await access.write([Change("update", "Encounter", mine, _without_bed(own.resource, bed.id, access), if_match=own.version)], action="bed")
    raise errors.Conflict(TAKEN)


def _without_bed(encounter: dict[str, Any], bed: str, access: Access) -> dict[str, Any]:
    """A stay that gives its bed up. A planned one without a bed is cancelled: there is nothing left of it."""
    rest = [e for e in encounter.get("location", ()) if id_of(e.get("location"), "Location") != bed]
    changed = {**encounter, "location": rest}
    if not rest:
        del changed["location"]
    if encounter.get("status") == "planned":
        changed["status"] = "cancelled"
    return changed


async def release(access: Access, place: Place) -> None:
    """Give a held bed up."""
    stored = await access.read("Encounter", place.encounter)
    await access.write([Change("update", "Encounter", place.encounter, _without_bed(stored.resource, place.bed, access), if_match=stored.version)], action="bed")


def arriving(access: Access, encounter: dict[str, Any], version: str) -> Change:
    """Somebody who was expected is here: their bed is theirs from now on."""
    locations = [
        {**entry, "status": "active", "period": {"start": moment(access)}} if entry.get("status") in ("reserved", "planned") else entry for entry in encounter.get("location", ())
    ]
    here = {**encounter, "status": "in-progress", "period": {"start": moment(access)}, **({"location": locations} if locations else {})}
    return Change("update", "Encounter", str(encounter["id"]), here, if_match=version)


async def leave(access: Access, encounter: str, *, back: bool) -> None:
    """Somebody goes on leave, or comes back. Their bed stays theirs. Raises Malformed."""
    stored = await access.read("Encounter", encounter)
    here, there = ("onleave", "in-progress") if back else ("in-progress", "onleave")
    if stored.resource.get("status") != here:
        raise errors.Malformed("They are not on leave." if back else "They are not here.")
    await access.write([Change("update", "Encounter", encounter, {**stored.resource, "status": there}, if_match=stored.version)], action="bed")


async def move(access: Access, encounter: str, bed: str) -> None:
    """Somebody moves to another bed: the old one ends, the new one begins. Raises Conflict where it is taken."""
    chosen = await _free(access, bed, encounter)
    stored = await access.read("Encounter", encounter)
    beds = {b.id for b in await places.beds(access)}
    at = moment(access)
    locations = []
    for entry in stored.resource.get("location", ()):
        ended = entry.get("status") == "completed" or id_of(entry.get("location"), "Location") not in beds
        start = entry.get("period", {}).get("start") or stored.resource.get("period", {}).get("start")
        locations.append(entry if ended else {**entry, "status": "completed", "period": {**({"start": start} if start else {}), "end": at}})
    locations.append({"location": ref("Location", chosen.id), "status": "active", "period": {"start": at}})
    await access.write([Change("update", "Encounter", encounter, {**stored.resource, "location": locations}, if_match=stored.version)], action="bed")
    await _settle(access, chosen, encounter)


async def expire_holds(access: Access) -> None:
    """By the clock: beds that were held and not taken up in time are free again. The planned stay ends with its hold."""
    found = await access.search("Encounter", [("class", occupancy.INPATIENT), ("status", "planned")], count=500)
    for stored in found.matches:
        for entry in stored.resource.get("location", ()):
            until = occupancy.moment_of(entry.get("period", {}).get("end"))
            if entry.get("status") == "reserved" and until is not None and until <= access.now:
                changed = _without_bed(stored.resource, id_of(entry["location"], "Location"), access)
                try:
                    await access.write([Change("update", "Encounter", stored.id, {**changed, "status": "cancelled"}, if_match=stored.version)], action="bed")
                except errors.VersionConflict:
                    continue  # somebody took it up at this moment
