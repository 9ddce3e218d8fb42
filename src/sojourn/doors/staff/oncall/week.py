"""A week of the roster as it is drawn: a line a program, a cell a day, and the gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sojourn.care.staffing import zones
from sojourn.care.staffing.model import AWAY, NEVER, ON_CALL, Entry
from sojourn.care.staffing.roster import Gap, Roster
from sojourn.gate.caller import Program

EVERY = "Every program"


class Shift(NamedTuple):
    """A piece of a shift within a day. away: they are away while they should be on call. entry: its id, for ending it. by: what they are reached by, ''."""

    who: str
    hours: str
    away: bool
    entry: str
    by: str = ""


class Day(NamedTuple):
    """A column: what it is called, and whether it is today, and what is odd about it (a day of 23 or 25 hours)."""

    date: date
    title: str
    today: bool
    odd: str


class Cell(NamedTuple):
    """One program on one day. gaps: hours in which nobody is on call."""

    shifts: list[Shift]
    gaps: list[str]


class Line(NamedTuple):
    """One program over the week; `also`: the programs that are served alike."""

    title: str
    also: str
    cells: list[Cell]


class Missing(NamedTuple):
    """A gap in words, for the warning."""

    program: str
    text: str


def days(first: date, zone: ZoneInfo, now: datetime) -> list[Day]:
    """The seven columns."""
    today = now.astimezone(zone).date()
    made = []
    for day, start, end in zones.days(first, 7, zone):
        hours = round((end - start) / timedelta(hours=1))
        made.append(Day(day, f"{day:%a} {day.day} {day:%b}", day == today, "" if hours == 24 else f"{hours} hours: the clock changes"))
    return made


def lines(roster: Roster, programs: Sequence[tuple[Program, frozenset[str]]], first: date, zone: ZoneInfo, by: Mapping[str, str]) -> list[Line]:
    """Programs with the same people at the same hours share a line. by: what each is reached by outside the app."""
    spans = zones.days(first, 7, zone)
    alike: dict[tuple[tuple[str, ...], ...], tuple[list[Cell], list[str]]] = {}
    for program, sites in programs:
        cells = [_cell(roster, program.organization, sites, start, end, zone, by) for _, start, end in spans]
        key = tuple((*(f"{s.entry} {s.hours}" for s in cell.shifts), *cell.gaps) for cell in cells)
        alike.setdefault(key, (cells, []))[1].append(program.name)
    whole = len(programs) > 1 and len(alike) == 1
    return [Line(EVERY if whole else names[0], "" if whole else ", ".join(names[1:]), cells) for cells, names in alike.values()]


def _cell(roster: Roster, program: str | None, sites: frozenset[str], start: datetime, end: datetime, zone: ZoneInfo, by: Mapping[str, str]) -> Cell:
    found = [e for e in roster.entries if e.kind == ON_CALL and e.covers(program, sites) and e.start < end and start < e.end]
    shifts = [
        Shift(roster.names.get(e.who, "Somebody"), hours(max(e.start, start), min(e.end, end), start, end, zone), roster.away(e.who, max(e.start, start)), e.id, by.get(e.who, ""))
        for e in sorted(found, key=lambda e: (e.start, e.id))
    ]  # fmt: skip
    return Cell(shifts, [hours(g.start, g.end, start, end, zone) for g in roster.gaps(program, sites, start, end)])


def hours(start: datetime, end: datetime, day: datetime, over: datetime, zone: ZoneInfo) -> str:
    """`20:00 to 24:00`; `all day` for a day from end to end."""
    if start <= day and end >= over:
        return "all day"
    return f"{start.astimezone(zone):%H:%M} to {'24:00' if end >= over else f'{end.astimezone(zone):%H:%M}'}"


def missing(roster: Roster, programs: Sequence[tuple[Program, frozenset[str]]], start: datetime, end: datetime, zone: ZoneInfo) -> list[Missing]:
    """The gaps from now on, program by program; those of all programs together said once."""
    found: dict[tuple[Gap, ...], list[str]] = {}
    for program, sites in programs:
        gaps = tuple(roster.gaps(program.organization, sites, start, end))
        if gaps:
            found.setdefault(gaps, []).append(program.name)
    return [Missing(EVERY if len(names) == len(programs) > 1 else ", ".join(names), "; ".join(span(g.start, g.end, zone) for g in gaps)) for gaps, names in found.items()]


def span(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """`Tue 3 Mar 08:00 to Wed 4 Mar 20:00`, with the day said once where it is the same."""
    a, b = start.astimezone(zone), end.astimezone(zone)
    until = f"{b:%H:%M}" if a.date() == b.date() else f"{b:%a} {b.day} {b:%b} {b:%H:%M}"
    return f"{a:%a} {a.day} {a:%b} {a:%H:%M} to {until}"


class Standing(NamedTuple):
    """An entry that is listed beside the week: who is away, who supervises, who leads a site."""

    id: str
    version: str
    kind: str
    who: str
    what: str
    when: str
    by: str = ""


def standing(roster: Roster, kind: str, programs: dict[str, str], places: dict[str, str], zone: ZoneInfo, by: Mapping[str, str] | None = None) -> list[Standing]:
    """Entries of one kind, in words."""
    return [
        Standing(e.id, e.version, e.kind, roster.names.get(e.who, "Somebody"), _what(e, roster, programs, places), _when(e, zone), (by or {}).get(e.who, ""))
        for e in roster.entries if e.kind == kind
    ]  # fmt: skip


def _what(entry: Entry, roster: Roster, programs: dict[str, str], places: dict[str, str]) -> str:
    if entry.kind == AWAY:
        return ""
    if entry.supervises:
        return roster.names.get(entry.supervises, "one person")
    where = ", ".join(filter(None, (places.get(p, "") for p in entry.sites)))
    return " · ".join(filter(None, (programs.get(entry.program or "", EVERY), where)))


def _when(entry: Entry, zone: ZoneInfo) -> str:
    a = entry.start.astimezone(zone) if entry.start.year > 1 else None
    began = f"since {a.day} {a:%b %Y}" if a else ""
    return began if entry.end == NEVER else span(entry.start, entry.end, zone) if a else f"until {entry.end.astimezone(zone):%d %b %Y}"
