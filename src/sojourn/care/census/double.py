"""A bed promised twice: found by the clock, for those who may see both stays.

Whoever puts somebody into a bed gets it, also where somebody hidden has it already, and is not told. Here the clock looks, and what it
finds stands on a list of which each caller gets only what they may see both sides of.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

from sojourn.care.census import occupancy, places
from sojourn.care.census.occupancy import Place
from sojourn.gate import findings
from sojourn.gate.access import Access

KIND: Final = "beds"
_BACK = timedelta(minutes=15)


class Twice(NamedTuple):
    """Two stays in one bed."""

    id: str
    bed: str
    one: Place
    other: Place


async def look(access: Access) -> int:
    """By the clock: beds of which two have been put to use, among the stays that changed lately. How many are new."""
    since = access.now - _BACK
    changed = await access.search("Encounter", [("class", occupancy.INPATIENT), ("_lastUpdated", f"ge{since.isoformat()}"), ("status", occupancy.PRESENT)], count=200)
    if not changed.matches:
        return 0
    beds = await places.beds(access)
    lately = {s.id for s in changed.matches}
    new = 0
    for one, other in _pairs(await occupancy.now(access, beds)):
        if lately & {one.encounter, other.encounter}:
            new += await findings.add(access, KIND, [f"Encounter/{one.encounter}", f"Encounter/{other.encounter}"])
    return new


def _pairs(found: list[Place]) -> list[tuple[Place, Place]]:
    by_bed: dict[str, list[Place]] = {}
    for place in found:
        by_bed.setdefault(place.bed, []).append(place)
    return [(here[0], other) for here in by_bed.values() for other in here[1:]]


async def waiting(access: Access) -> list[Twice]:
    """Beds that are promised twice still, of which the caller may see both stays. Raises Forbidden."""
    await access.check("resolve", "Collision")
    rows = await findings.open_(access, KIND)
    if not rows:
        return []
    beds = await places.beds(access)
    names = {bed.id: f"{bed.unit_name}: {bed.name}" for bed in beds}
    here = {p.encounter: p for p in await occupancy.now(access, beds)}
    made = []
    for row in rows:
        one, other = (here.get(s.partition("/")[2]) for s in row.subjects)
        if one is not None and other is not None and one.bed == other.bed:
            made.append(Twice(row.id, names.get(one.bed, ""), one, other))
    return made
