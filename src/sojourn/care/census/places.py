"""Places as a tree of Locations: site, unit, room, bed (https://hl7.org/fhir/R4/location.html)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sojourn.base.digits import digits
from sojourn.care.resources import id_of
from sojourn.care.scheduling.zones import of_location
from sojourn.gate.access import Access
from sojourn.gate.changes import Change

NEEDS: Final = (("Location", "search"), ("Encounter", "search"))
OPERATING: Final = {"": "", "U": "", "C": "closed", "H": "being cleaned", "K": "contaminated", "I": "isolated", "O": ""}
"""Codes of HL7 table 0116 that close a bed, in words. O and U are never written here: whether a bed is occupied follows from Encounters,
as far as one may see them."""
CLOSED: Final = ("C", "H", "K")
_TABLE: Final = "http://terminology.hl7.org/CodeSystem/v2-0116"


class Bed(NamedTuple):
    """A bed with where it stands. closed: why nobody can be put into it, or ''. zone: by which clock its place goes, or '' where none says so."""

    id: str
    name: str
    room: str
    unit: str
    unit_name: str
    site: str
    closed: str
    version: str
    zone: str = ""


def _kind(location: dict[str, Any]) -> str:
    return next((str(c.get("code", "")) for c in location.get("physicalType", {}).get("coding", ())), "")


async def beds(access: Access) -> list[Bed]:
    """Every bed in the order of units, rooms and names. One search."""
    found = await access.search("Location", [("status", "active,suspended")], count=1000)
    by_id = {stored.id: stored for stored in found.matches}
    made = []
    for stored in found.matches:
        location = stored.resource
        if _kind(location) != "bd":
            continue
        above = _above(by_id, location)
        code = str(location.get("operationalStatus", {}).get("code", ""))
        closed = "closed" if location.get("status") == "suspended" else OPERATING.get(code, "") if code in CLOSED else ""
        unit, room, site = above.get("wa", {}), above.get("ro", {}), above.get("si", above.get("bu", {}))
        made.append(Bed(stored.id, str(location.get("name", "")), str(room.get("name", "")), str(unit.get("id", "")), str(unit.get("name", "")), str(site.get("name", "")), closed, stored.version, _zone(location, above)))
    return sorted(made, key=lambda b: (b.site, b.unit_name, _numbered(b.room), _numbered(b.name)))


def _zone(location: dict[str, Any], above: dict[str, dict[str, Any]]) -> str:
    return next((name for place in (location, *above.values()) if (name := of_location(place))), "")


def _above(by_id: dict[str, Any], location: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The places that a place is in, by kind. A circle ends where it began."""
    found: dict[str, dict[str, Any]] = {}
    seen = {location["id"]}
    while (up := by_id.get(id_of(location.get("partOf"), "Location"))) is not None and up.id not in seen:
        location = up.resource
        seen.add(up.id)
        found.setdefault(_kind(location), location)
    return found


def _numbered(name: str) -> tuple[Any, ...]:
    """So that bed 10 comes after bed 9."""
    parts: list[Any] = []
    for word in name.replace(",", " ").split():
        parts.append((0, int(word), "") if digits(word) else (1, 0, word))
    return tuple(parts)


async def set_state(access: Access, bed: str, code: str, version: str) -> None:
    """Close a bed, have it cleaned, or open it ('U'). Raises VersionConflict, NotFound."""
    stored = await access.read("Location", bed)
    changed = {k: v for k, v in stored.resource.items() if k != "operationalStatus"}
    if code in CLOSED:
        changed["operationalStatus"] = {"system": _TABLE, "code": code}
    await access.write([Change("update", "Location", bed, changed, if_match=version or None)], action="bed")
