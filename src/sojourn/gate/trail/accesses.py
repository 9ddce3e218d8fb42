"""Who looked at my record, when and why, in plain words, by person and day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from sojourn.base import wall
from sojourn.fhir.dates import FUTURE
from sojourn.gate.trail import words
from sojourn.gate.trail.lines import Line, Wish, page

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sojourn.gate.access import Access

MOST = 5000
"""Lines in one report; what is older is said to be left out."""
_TICK = timedelta(microseconds=1)


@dataclass(slots=True)
class Visit:
    """What one person did with the record on one day. day, first, last: by the clock of the house. what: kinds of things, in words, the commonest first."""

    day: date
    who: str
    role: str
    outside: bool
    why: list[str] = field(default_factory=list)
    did: list[str] = field(default_factory=list)
    what: dict[str, int] = field(default_factory=dict)
    times: int = 0
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All visits, newest first. complete: whether it reaches back to `since`."""

    patient: str
    since: datetime
    until: datetime
    visits: list[Visit]
    complete: bool

    @property
    def people(self) -> int:
        """How many different people and organizations."""
        return len({(v.who, v.outside) for v in self.visits})


async def report(access: Access, patient: str, since: datetime, until: datetime, *, most: int = MOST) -> Report:
    """The report about one patient, from at most so many lines, the newest. Raises Forbidden, recorded. Looking is in the trail, and so in the next report."""
    before = min(until, FUTURE - _TICK) + _TICK  # what somebody asks for may be the last moment of the calendar
    found = await page(access, Wish(patient=patient, since=since, until=before, alone=True), count=most, action="report")
    visits = grouped(found.lines, wall.named(access.rules.zones.get(0) or wall.DEFAULT))
    return Report(patient, since, until, visits, found.next is None)


def grouped(lines: Iterable[Line], zone: ZoneInfo) -> list[Visit]:
    """One visit for each person and day on the wall, apart what they did through an app; in the order of the lines, which is newest first."""
    visits: dict[tuple[date, str, str, str], Visit] = {}
    for line in lines:
        if line.outcome not in ("done", "started"):
            continue
        at = line.recorded.astimezone(zone)
        key = (at.date(), line.account, line.role, words.who(line))
        visit = visits.get(key)
        if visit is None:
            visit = visits[key] = Visit(at.date(), words.who(line), words.role(line.role), line.kind == "organization", last=at)
        visit.first = at
        visit.times += 1
        _add(visit.why, words.purpose(line.purpose))
        _add(visit.did, words.did(line.action))
        for entity in line.entities:
            thing = words.thing(entity.partition("/")[0])
            visit.what[thing] = visit.what.get(thing, 0) + 1
    return list(visits.values())


def _add(words_: list[str], word: str) -> None:
    if word and word not in words_:
        words_.append(word)
