"""Who is on call, away, a supervisor, a site lead: a span of time, read in one search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from sojourn.care.resources import CARE
from sojourn.care.staffing.model import AWAY, KINDS, ON_CALL, SITE_LEAD, SUPERVISOR, Entry, instant
from sojourn.care.staffing.model import read as entry_of
from sojourn.gate.access import Access
from sojourn.gate.caller import Program

MANY = 1000
_CODES = ",".join(f"{CARE}|{kind}" for kind in KINDS)


class Gap(NamedTuple):
    """A time in which nobody who is there is on call for a program."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Roster:
    """The entries of a span, and the names of whom they name, by reference."""

    entries: tuple[Entry, ...]
    names: Mapping[str, str]

    def away(self, who: str, at: datetime) -> bool:
        """Whether somebody is away then."""
        return any(e.kind == AWAY and e.who == who and e.holds(at) for e in self.entries)

    def all_away(self, at: datetime) -> list[str]:
        """Everybody who is away then."""
        return sorted({e.who for e in self.entries if e.kind == AWAY and e.holds(at)})

    def on_call(self, program: str | None, sites: Iterable[str], at: datetime) -> list[str]:
        """Who is on call for a program at its sites: those named for the program first, then those for all; whether or not they are away."""
        there = frozenset(sites)
        found = [e for e in self.entries if e.kind == ON_CALL and e.holds(at) and e.covers(program, there)]
        return list(dict.fromkeys(e.who for e in sorted(found, key=lambda e: (e.program is None, not e.sites, e.start, e.id))))

    def supervisors(self, who: str | None, program: str | None, at: datetime) -> list[str]:
        """Whose supervision somebody is under: their own supervisors first, then those of the program, then of all."""
        found = [
            e for e in self.entries
            if e.kind == SUPERVISOR and e.holds(at) and e.who != who and (e.supervises == who if e.supervises else e.program in (None, program))
        ]  # fmt: skip
        return list(dict.fromkeys(e.who for e in sorted(found, key=lambda e: (e.supervises is None, e.program is None, e.start, e.id))))

    def leads(self, program: str | None, sites: Iterable[str], at: datetime) -> list[str]:
        """Who leads the sites of a program."""
        there = frozenset(sites)
        found = [e for e in self.entries if e.kind == SITE_LEAD and e.holds(at) and e.covers(program, there)]
        return list(dict.fromkeys(e.who for e in sorted(found, key=lambda e: (e.program is None, not e.sites, e.start, e.id))))

    def gaps(self, program: str | None, sites: Iterable[str], start: datetime, end: datetime) -> list[Gap]:
        """When, from start to end, nobody is on call for a program who is not away. Moments, so a night of 11 or 13 hours is as long as it is."""
        there = frozenset(sites)
        changes = sorted({start, end, *(at for e in self.entries for at in (e.start, e.end) if start < at < end)})
        found: list[Gap] = []
        for begins, ends in pairwise(changes):
            if any(not self.away(who, begins) for who in self.on_call(program, there, begins)):
                continue
            if found and found[-1].end == begins:
                found[-1] = Gap(found[-1].start, ends)
            else:
                found.append(Gap(begins, ends))
        return found


async def read(access: Access, start: datetime, end: datetime | None = None) -> Roster:
    """The roster of a span, or of one moment. One search."""
    until = end or start + timedelta(seconds=1)
    params = [("role", _CODES), ("date", f"ge{instant(start)}"), ("date", f"le{instant(until)}"), ("_include", "PractitionerRole:practitioner")]
    found = await access.search("PractitionerRole", params, count=MANY)
    entries = [e for stored in found.matches if (e := entry_of(stored.resource, stored.version)) is not None and e.start < until and start < e.end]
    names = {f"Practitioner/{s.id}": name_of(s.resource) for s in found.included if s.type == "Practitioner"}
    return Roster(tuple(sorted(entries, key=lambda e: (e.start, e.id))), names)


def name_of(practitioner: Mapping[str, object]) -> str:
    """What to call somebody: `Dana Whitfield, LCSW`."""
    names = practitioner.get("name")
    name = names[0] if isinstance(names, list) and names else {}
    said = str(name.get("text", "")) or " ".join([*name.get("given", ()), name.get("family", "")]).strip()
    return ", ".join([said, *name.get("suffix", ())])


def program_of(access: Access, reference: str | None) -> Program | None:
    """The program whose Organization that is."""
    return next((p for p in access.rules.programs.values() if p.organization == reference), None) if reference else None


def sites_of(access: Access, program: Program | None) -> frozenset[str]:
    """Where a program works, as far as the organization wrote it down."""
    return access.rules.sites.get(program.number, frozenset()) if program else frozenset()


async def on_call(access: Access, place: Program | str | None, at: datetime) -> list[str]:
    """Who is on call for a program (or a site, `Location/x`) then and not away: references, the nearest first."""
    roster = await read(access, at)
    program, sites = _place(access, place)
    return [who for who in roster.on_call(program, sites, at) if not roster.away(who, at)]


async def supervisor_of(access: Access, who: str, program: Program | None = None) -> str | None:
    """The supervisor of a Practitioner now, who is not away; None when nobody is named."""
    roster = await read(access, access.now)
    found = roster.supervisors(who, program.organization if program else None, access.now)
    return next((one for one in found if not roster.away(one, access.now)), None)


async def site_leads(access: Access, place: Program | str | None, at: datetime) -> list[str]:
    """Who leads a site, or those of a program, then."""
    roster = await read(access, at)
    return roster.leads(*_place(access, place), at)


async def absent(access: Access, who: str, at: datetime) -> bool:
    """Whether somebody is away then."""
    return (await read(access, at)).away(who, at)


def _place(access: Access, place: Program | str | None) -> tuple[str | None, frozenset[str]]:
    if isinstance(place, str):
        return None, frozenset({place})
    return (place.organization if place else None), sites_of(access, place)
