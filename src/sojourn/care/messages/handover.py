"""The hand-over of a unit: who is there, what holds for them, and what is open, for whoever comes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.care import tasks
from sojourn.care.census import occupancy, places
from sojourn.care.resources import id_of

if TYPE_CHECKING:
    from sojourn.gate.access import Access

NEEDS = (*places.NEEDS, ("Patient", "search"), ("Task", "search"))
_MANY = 500


class Client(NamedTuple):
    """Somebody in the unit. precautions: words of active flags; works: what is open about them, the next due first."""

    patient: str
    person: dict[str, Any]
    bed: str
    state: str
    precautions: tuple[str, ...]
    works: tuple[tasks.Work, ...]


class Report(NamedTuple):
    """A unit now. units: every one by id, to choose another."""

    units: dict[str, str]
    unit: str
    clients: tuple[Client, ...]


async def units(access: Access) -> dict[str, str]:
    """Units with beds, by id. One search."""
    return {b.unit: _named(b) for b in await places.beds(access) if b.unit}


async def report(access: Access, unit: str) -> Report:
    """What is open for a unit; the first one with somebody in it, as far as the caller sees, where none is named. Four searches, however many are in it."""
    beds = await places.beds(access)
    names = {b.unit: _named(b) for b in beds if b.unit}
    asked = [b for b in beds if b.unit == unit] if unit in names else beds
    found = [p for p in await occupancy.now(access, asked) if p.person and p.state in ("in", "on leave", "expected")]
    taken = {p.bed for p in found}
    chosen = unit if unit in names else next((b.unit for b in beds if b.unit and b.id in taken), next(iter(names), ""))
    here = [b for b in beds if b.unit == chosen]
    ours = {b.id for b in here}
    there = [p for p in found if p.bed in ours]
    ids = sorted({p.patient for p in there})
    flags, open_ = await asyncio.gather(_about(access, "Flag", ids, []), _about(access, "Task", ids, [("status", ",".join(tasks.OPEN))]))
    bed = {b.id: b.name for b in here}
    made = []
    for place in there:
        works = [w for t in open_ if id_of(t.get("for"), "Patient") == place.patient and (w := tasks.read(t)) is not None]
        said = tuple(dict.fromkeys(_said(f) for f in flags if f.get("status") == "active" and id_of(f.get("subject"), "Patient") == place.patient))
        made.append(Client(place.patient, place.person, bed.get(place.bed, ""), place.state, tuple(s for s in said if s), tuple(tasks.ordered(works))))
    order = {b.id: n for n, b in enumerate(here)}
    by_bed = {bed[p.bed]: order[p.bed] for p in there}
    return Report(names, chosen, tuple(sorted(made, key=lambda c: by_bed.get(c.bed, 0))))


def _named(bed: places.Bed) -> str:
    """A unit with its site, which some units have in their name already."""
    return bed.unit_name if not bed.site or bed.site in bed.unit_name else f"{bed.unit_name}, {bed.site}"


def _said(flag: dict[str, Any]) -> str:
    code = flag.get("code", {})
    return str(code.get("text") or next((c.get("display", "") for c in code.get("coding", ())), ""))


async def _about(access: Access, type_: str, ids: list[str], params: list[tuple[str, str]]) -> list[dict[str, Any]]:
    if not access.may(type_, "search"):
        return []
    return (await access.search(type_, [("patient", ",".join(ids) or "none"), *params], count=_MANY)).resources
