"""Who is in which bed: from Encounters and their locations, now or at any past moment."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.care.census.places import Bed
from sojourn.care.resources import id_of
from sojourn.care.staffing import zones
from sojourn.gate.access import Access

if TYPE_CHECKING:
    from sojourn.gate.found import Found

STATES: Final = {"planned": "expected", "arrived": "in", "in-progress": "in", "onleave": "on leave", "finished": "out"}
PRESENT: Final = "planned,arrived,in-progress,onleave"
INPATIENT: Final = "IMP"


class Place(NamedTuple):
    """Somebody's place. state: held, expected, in, on leave or out. until: when a hold falls away, None otherwise."""

    encounter: str
    version: str
    patient: str
    person: dict[str, Any]
    bed: str
    state: str
    since: str
    until: datetime | None
    program: str


def moment_of(text: Any) -> datetime | None:
    """A FHIR dateTime with a time as a moment; None for a date alone or nothing."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def place(stored: Any, person: dict[str, Any], at: datetime, beds: frozenset[str]) -> Place | None:
    """Where somebody's stay puts them at a moment; None for one without a bed then. Of several beds, the one that they came to last."""
    encounter = stored.resource
    state = STATES.get(str(encounter.get("status")), "")
    here = [entry for entry in encounter.get("location", ()) if id_of(entry.get("location"), "Location") in beds and _covers(entry, encounter, at)]
    if not here or not state:
        return None
    entry = max(here, key=lambda e: str(e.get("period", {}).get("start", "")))
    until = moment_of(entry.get("period", {}).get("end")) if entry.get("status") == "reserved" else None
    return Place(
        stored.id, stored.version, id_of(encounter.get("subject"), "Patient"), person, id_of(entry["location"], "Location"), "held" if until else state,
        str(encounter.get("period", {}).get("start", "")), until, id_of(encounter.get("serviceProvider"), "Organization"),
    )  # fmt: skip


def _covers(entry: dict[str, Any], encounter: dict[str, Any], at: datetime) -> bool:
    """Whether somebody has a bed at a moment. An entry without a period of its own lasts as long as the stay."""
    period = entry.get("period") or encounter.get("period", {})
    if entry.get("status") == "completed" and not entry.get("period", {}).get("end") and not period.get("end"):
        return False
    start, end = moment_of(period.get("start")), moment_of(period.get("end"))
    planned = encounter.get("status") == "planned"
    return (planned or start is None or start <= at) and (end is None or at < end)


async def now(access: Access, beds: list[Bed]) -> list[Place]:
    """Everybody who has a bed, or is expected in one. One search."""
    return await _places(access, [("status", PRESENT)], beds, access.now)


async def ask(access: Access) -> None:
    """Ask for `now` already, beside other questions of a page; on a page that only reads it is the same question, and asked once."""
    await _asked(access, [("status", PRESENT)])


async def at(access: Access, moment: datetime, beds: list[Bed]) -> list[Place]:
    """Everybody who was in a bed at a past moment, as the record has it now. One search."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    found = await _places(access, [("status", "arrived,in-progress,onleave,finished"), ("date", f"le{text}"), ("date", f"ge{text}")], beds, moment)
    return [p._replace(state="in" if p.state == "out" else p.state) for p in found if p.state in ("in", "on leave", "out")]


async def midnight(access: Access, day: date, beds: list[Bed]) -> list[Place]:
    """Everybody who was in a bed at the midnight that begins a day, by the clock of the place of each bed. One search for each clock."""
    found = []
    for name in sorted({bed.zone for bed in beds}):
        moment = zones.moment(day, time(0), zones.named(name) if name else zones.here())
        found += await at(access, min(moment, access.now), [bed for bed in beds if bed.zone == name])
    return found


async def _asked(access: Access, params: list[tuple[str, str]]) -> Found:
    return await access.search("Encounter", [("class", INPATIENT), *params, ("_include", "Encounter:patient")], count=1000)


async def _places(access: Access, params: list[tuple[str, str]], beds: list[Bed], moment: datetime) -> list[Place]:
    found = await _asked(access, params)
    people = {stored.id: stored.resource for stored in found.included if stored.type == "Patient"}
    ids = frozenset(bed.id for bed in beds)
    made = [place(stored, people.get(id_of(stored.resource.get("subject"), "Patient"), {}), moment, ids) for stored in found.matches]
    return [p for p in made if p is not None]
