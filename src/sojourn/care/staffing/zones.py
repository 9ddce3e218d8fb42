"""Site time: what the clock on the wall says, and which moments a day there has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from sojourn.base import wall

if TYPE_CHECKING:
    from sojourn.gate.access import Access

TIMEZONE: Final = "http://hl7.org/fhir/StructureDefinition/timezone"
"""The extension of a Location that names its zone (https://hl7.org/fhir/R4/extension-timezone.html)."""
DEFAULT: Final = wall.DEFAULT
"""Where neither a site nor the organization says."""


def enter(access: Access, programs: Iterable[int] = ()) -> None:
    """From here on, times are those of the site of the first of these programs that has one; else of where the caller writes, else of the house."""
    known = access.rules.zones
    own = {known.get(n) for n in access.caller.programs}
    at = next((n for n in (*programs, access.caller.acting or 0, *(access.caller.programs[:1] if len(own) == 1 else ())) if n and n in known), 0)
    wall.enter(known.get(at) or DEFAULT, said=bool(at))


def here() -> ZoneInfo:
    """The zone of this request or duty."""
    return wall.here()


def today(access: Access) -> date:
    """The day by this clock: what is over and what is still to come is measured by it."""
    return access.today


def of_a_site() -> bool:
    """Whether a site says the zone of this request or duty; otherwise it is the organization's own rule, or the default."""
    return wall.said()


def of_program(access: Access, program: int | None) -> ZoneInfo:
    """By which clock a program works, whoever asks; that of the house where no place of it says one."""
    return named(access.rules.zones.get(program or 0) or access.rules.zones.get(0) or DEFAULT)


def several(access: Access) -> bool:
    """Whether the organization works by more than one clock."""
    return len(set(access.rules.zones.values())) > 1


def named(name: str) -> ZoneInfo:
    """The zone of that name; the default for one that nobody knows."""
    return wall.named(name)


def of(location: Mapping[str, Any] | None) -> ZoneInfo:
    """The zone of a site; where one works, for None and for a site that names none."""
    said = next((e.get("valueCode") for e in (location or {}).get("extension", ()) if e.get("url") == TIMEZONE), None)
    return named(str(said)) if said else here()


def moment(day: date, at: time, zone: ZoneInfo, *, ends: bool = False) -> datetime:
    """The moment of a time on the wall, in UTC.

    In the autumn night an hour is there twice: what begins in it begins at its first, what ends in it (`ends`) at its second, so that
    nobody's shift has a hole in it. In the spring night an hour is not there: half past two is then half past three.
    """
    first, second = (datetime.combine(day, at, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return max(first, second) if ends else first


def days(first: date, count: int, zone: ZoneInfo) -> list[tuple[date, datetime, datetime]]:
    """Days with the moments at which they begin and end: 23, 24 or 25 hours."""
    wanted = [first + timedelta(days=n) for n in range(count)]
    return [(day, moment(day, time(0), zone), moment(day + timedelta(days=1), time(0), zone)) for day in wanted]
