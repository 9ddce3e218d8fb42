"""Clinical hours delivered by client, day and week, against what the level of care asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.care.levels import Stay, of_episode, stay
from sojourn.care.policies import Policies
from sojourn.care.resources import id_of
from sojourn.care.scheduling import zones
from sojourn.gate import elsewhere
from sojourn.gate.access import Access

_BEDS = ("IMP", "ACUTE", "NONAC", "SS", "PRENC", "OBSENC")
"""Classes of encounters that say where somebody is, not what was done with them (v3-ActCode)."""
_LONGEST = timedelta(hours=14)


class Span(NamedTuple):
    """One visit that took place: whose, from when to when."""

    patient: str
    start: datetime
    end: datetime


class Row(NamedTuple):
    """A client's week: minutes on each of its seven days, all of them, and the minutes that the level asks for."""

    patient: str
    level: str
    program: str
    days: tuple[int, ...]
    minutes: int
    minimum: int
    day_minimum: int
    expected: int
    """Minutes of the week's minimum that should be there by now, as working days have passed."""

    @property
    def short(self) -> int:
        """Minutes by which the week is behind."""
        return max(0, self.expected - self.minutes)

    @property
    def share(self) -> int:
        """Percent of the minimum, at most 100; 100 without one."""
        return min(100, 100 * self.minutes // self.minimum) if self.minimum else 100


def span(encounter: Mapping[str, Any]) -> Span | None:
    """The time that an Encounter delivered; None for one that did not take place, has no end, or is a stay in a bed."""
    if encounter.get("status") not in ("finished", "in-progress", "onleave") or encounter.get("class", {}).get("code") in _BEDS or elsewhere.told(encounter):
        return None
    period = encounter.get("period", {})
    start, end = str(period.get("start", "")), str(period.get("end", ""))
    patient = id_of(encounter.get("subject"), "Patient")
    if len(start) < 16 or len(end) < 16 or not patient:
        return None
    found = Span(patient, datetime.fromisoformat(start), datetime.fromisoformat(end))
    return found if timedelta(0) < found.end - found.start <= _LONGEST else None


def minutes(spans: Iterable[Span], where: ZoneInfo) -> dict[tuple[str, date], int]:
    """Minutes by client and day (of the day on which a visit began). Time that two visits share counts once."""
    by: dict[tuple[str, date], list[Span]] = {}
    for s in spans:
        by.setdefault((s.patient, zones.local(s.start, where).date()), []).append(s)
    out = {}
    for key, theirs in by.items():
        total, reached = timedelta(0), None
        for s in sorted(theirs, key=lambda s: s.start):
            begin = s.start if reached is None or s.start >= reached else reached
            if s.end > begin:
                total += s.end - begin
                reached = s.end
        out[key] = int(total.total_seconds() // 60)
    return out


def row(patient: str, level: str, program: str, week: date, by: Mapping[tuple[str, date], int], rules: Policies, today: date) -> Row:
    """A client's week that begins on a Monday."""
    days = tuple(by.get((patient, week + timedelta(days=n)), 0) for n in range(7))
    minimum = int(rules.number("hours.week-minimum", level) * 60)
    passed = min(5, max(0, (today - week).days))  # working days that are over
    return Row(patient, level, program, days, sum(days), minimum, int(rules.number("hours.day-minimum", level) * 60), minimum * passed // 5)


async def of_patient(access: Access, patient: str, stays: Iterable[Stay], rules: Policies, where: ZoneInfo, weeks: int = 4) -> list[tuple[date, Row]]:
    """The last weeks of one client, the newest first. One search."""
    today = zones.local(access.now, where).date()
    monday = today - timedelta(days=today.weekday())
    low = zones.day_bounds(monday - timedelta(days=7 * (weeks - 1)), where)[0]
    found = await access.search("Encounter", [("patient", patient), ("date", f"ge{low.isoformat()}")], count=500)
    by = minutes([s for e in found.resources if (s := span(e)) is not None], where)
    asked = max(stays, key=lambda s: rules.number("hours.week-minimum", s.level), default=None)
    level, program = (asked.level, asked.program) if asked else ("", "")
    return [(week, row(patient, level, program, week, by, rules, today)) for n in range(weeks) for week in [monday - timedelta(days=7 * n)]]


async def of_program(access: Access, week: date, rules: Policies, where: ZoneInfo) -> list[Row]:
    """Everybody in a level of care that asks for hours, those furthest behind first, as far as the caller may see them. Two searches."""
    stays = [stay(e) for e in (await access.search("EpisodeOfCare", [("status", "active")], count=1000)).resources if rules.number("hours.week-minimum", of_episode(e)) > 0]
    if not stays:
        return []
    low, high = zones.day_bounds(week, where, 7)
    wanted = sorted({s.patient for s in stays})
    spans: list[Span] = []
    for first in range(0, len(wanted), 150):
        subjects = ",".join(f"Patient/{p}" for p in wanted[first : first + 150])
        found = await access.search("Encounter", [("subject", subjects), ("date", f"ge{low.isoformat()}"), ("date", f"lt{high.isoformat()}")], count=2000)
        spans += [s for e in found.resources if (s := span(e)) is not None and low <= s.start < high]
    by, today = minutes(spans, where), zones.local(access.now, where).date()
    rows = {s.patient: row(s.patient, s.level, s.program, week, by, rules, today) for s in sorted(stays, key=lambda s: rules.number("hours.week-minimum", s.level))}
    return sorted(rows.values(), key=lambda r: (-r.short, r.minutes, r.patient))
