"""Site time zones: a wall-clock time becomes one moment, on both nights of the change too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sojourn.gate.access import Access

ZONE: Final = "http://hl7.org/fhir/StructureDefinition/timezone"
"""Standard extension: the time zone of a Location (https://hl7.org/fhir/R4/extension-timezone.html)."""


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ValueError for a name that nobody knows: a guessed zone would put people at the wrong door."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"There is no time zone named {name}.") from None


def at(day: date, clock: time, where: ZoneInfo) -> datetime:
    """The moment, in UTC, of a wall-clock time.

    A time that the spring night leaves out means the same distance from midnight as on other nights (02:30 becomes 03:30); one that
    the autumn night has twice means the first (RFC 5545, 3.3.5).
    """
    return datetime.combine(day, clock.replace(tzinfo=None, fold=0), where).astimezone(UTC)


def local(moment: datetime, where: ZoneInfo) -> datetime:
    """A moment by the clock on the wall there."""
    return moment.astimezone(where)


def day_bounds(day: date, where: ZoneInfo, days: int = 1) -> tuple[datetime, datetime]:
    """From the first moment of a day to the first of the day after the last; 23, 24 or 25 hours each."""
    return at(day, time(0), where), at(day + timedelta(days=days), time(0), where)


def written(moment: datetime, where: ZoneInfo) -> str:
    """A FHIR instant as the wall clock there shows it, with its offset: it can be read without knowing the zone."""
    return local(moment, where).isoformat(timespec="seconds")


def of_location(location: Mapping[str, Any]) -> str:
    """The zone that a Location names, or ''."""
    return next((str(e["valueCode"]) for e in location.get("extension", ()) if e.get("url") == ZONE and e.get("valueCode")), "")


def of_place(id_: str, places: Mapping[str, Mapping[str, Any]], otherwise: str) -> ZoneInfo:
    """The zone of a place, or of what it is part of; the organization's own where none says so."""
    seen: set[str] = set()
    while id_ and id_ not in seen:
        seen.add(id_)
        place = places.get(id_, {})
        if name := of_location(place):
            return zone(name)
        id_ = str(place.get("partOf", {}).get("reference", "")).removeprefix("Location/")
    return zone(otherwise)


def site_of(id_: str, places: Mapping[str, Mapping[str, Any]]) -> str:
    """The outermost place of which a room is part: its site. '' for none."""
    seen: set[str] = set()
    while id_ not in seen and (above := str(places.get(id_, {}).get("partOf", {}).get("reference", "")).removeprefix("Location/")):
        seen.add(id_)
        id_ = above
    return id_


async def places(access: Access, ids: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """Sites and rooms by id; only those asked for, if any are. One search; nothing for a role that may not search them."""
    if not access.may("Location", "search"):
        return {}
    wanted = sorted(set(ids))
    params = [("_id", ",".join(wanted))] if wanted else []
    found = await access.search("Location", params, count=500)
    return {stored.id: stored.resource for stored in found.matches}
