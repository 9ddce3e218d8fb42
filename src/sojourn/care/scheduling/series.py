"""A weekly series with exceptions as dated occurrences: pure, right on every night of the year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.care.scheduling import zones

DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CANCELLED, MOVED = "cancelled", "moved"


class Differs(NamedTuple):
    """What differs on one day of a series: cancelled, or moved to another day, time and length. It keeps its day as its name."""

    kind: str
    reason: str = ""
    day: date | None = None
    at: time | None = None
    minutes: int = 0


class Occurrence(NamedTuple):
    """One time that a series takes place, or would have. day: the one by the rule, which names it; start, end: moments in UTC."""

    day: date
    start: datetime
    end: datetime
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Series:
    """A rule: on these weekdays (Monday is 0), every so many weeks, from the first day to the last, at a wall-clock time in a zone."""

    days: frozenset[int]
    at: time
    minutes: int
    zone: str
    first: date
    last: date | None = None
    every: int = 1
    exceptions: Mapping[date, Differs] = field(default_factory=dict)

    @property
    def where(self) -> ZoneInfo:
        """Its zone."""
        return zones.zone(self.zone)

    def falls_on(self, day: date) -> bool:
        """Whether the rule, without exceptions, names this day."""
        if day < self.first or (self.last is not None and day > self.last) or day.weekday() not in self.days:
            return False
        week = (_monday(day) - _monday(self.first)).days // 7
        return week % self.every == 0

    def on(self, day: date, holidays: Mapping[date, str] | None = None) -> Occurrence | None:
        """The occurrence that a day names; None if the rule does not."""
        if not self.falls_on(day):
            return None
        changed = self.exceptions.get(day)
        if changed is not None and changed.kind == MOVED:
            start = zones.at(changed.day or day, changed.at or self.at, self.where)
            return Occurrence(day, start, start + timedelta(minutes=changed.minutes or self.minutes), MOVED, changed.reason)
        start = zones.at(day, self.at, self.where)
        end = start + timedelta(minutes=self.minutes)
        if changed is not None:
            return Occurrence(day, start, end, CANCELLED, changed.reason)
        holiday = (holidays or {}).get(day)
        return Occurrence(day, start, end, CANCELLED if holiday else "booked", holiday or "")

    def between(self, low: datetime, high: datetime, holidays: Mapping[date, str] | None = None) -> list[Occurrence]:
        """Every occurrence that begins in a span of time, wherever it was moved from, in order."""
        days = {*_days(low - timedelta(days=1), high + timedelta(days=1)), *self.exceptions}
        found = [o for day in days if (o := self.on(day, holidays)) is not None]
        return sorted((o for o in found if low <= o.start < high), key=lambda o: (o.start, o.day))


def _days(low: datetime, high: datetime) -> Iterator[date]:
    day = low.date()
    while day <= high.date():
        yield day
        day += timedelta(days=1)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def rule(series: Series) -> str:
    """The rule as an RRULE (RFC 5545, 3.3.10), without exceptions."""
    until = f";UNTIL={series.last:%Y%m%d}" if series.last else ""
    return f"FREQ=WEEKLY;INTERVAL={series.every};WKST=MO;BYDAY={','.join(DAYS[d] for d in sorted(series.days))}{until}"


def parts(text: str) -> tuple[frozenset[int], int, date | None]:
    """Weekdays, weeks between, and the last day of an RRULE of ours. Raises ValueError for one that says something else."""
    said = dict(part.split("=", 1) for part in text.split(";"))
    if said.get("FREQ") != "WEEKLY" or set(said) - {"FREQ", "INTERVAL", "WKST", "BYDAY", "UNTIL"}:
        raise ValueError(f"Only weekly rules are understood, not {text}.")
    until = said.get("UNTIL")
    last = date(int(until[:4]), int(until[4:6]), int(until[6:8])) if until else None
    return frozenset(DAYS.index(d) for d in said["BYDAY"].split(",")), int(said.get("INTERVAL", "1")), last


def said(series: Series) -> str:
    """`Tuesday, Thursday at 09:00, 180 minutes`; every how many weeks, if not each."""
    days = ", ".join(NAMES[d] for d in sorted(series.days))
    every = "" if series.every == 1 else f", every {series.every} weeks"
    return f"{days} at {series.at:%H:%M}, {series.minutes} minutes{every}"
