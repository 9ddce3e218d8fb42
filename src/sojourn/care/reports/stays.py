"""Who was in care at a moment: stays by their own dates, each with program, level and site."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sojourn.care import levels
from sojourn.care.levels import Stay
from sojourn.care.reports import days

if TYPE_CHECKING:
    from sojourn.care.reports.source import Source

LASTED = "active,onhold,finished"


class Lasting(NamedTuple):
    """A stay with the names of where it is. start, end: moments; end None while it lasts."""

    stay: Stay
    start: datetime
    end: datetime | None
    program: str
    site: str

    def at(self, moment: datetime) -> bool:
        """Whether it went on then."""
        return self.start <= moment and (self.end is None or moment < self.end)

    def days(self, moment: datetime) -> int:
        """Whole days that it has lasted then, or lasted until it ended."""
        return days.between(self.start, moment if self.end is None or moment < self.end else self.end) or 0


async def since(source: Source, low: datetime) -> list[Lasting]:
    """Stays that went on at some time from then to the moment that is asked for."""
    when = source.when
    episodes, sites = await asyncio.gather(source.search("EpisodeOfCare", ("status", LASTED), *source.during(low, when.at)), source.sites())
    programs = names(source)
    found = []
    for episode in episodes:
        stay = levels.stay(episode)
        start, end = days.moment(stay.started, when.where), days.moment(stay.ended, when.where, end=True)
        if start is None or start > when.at or (end is not None and end <= low) or (stay.status == "finished" and end is None):
            continue
        found.append(Lasting(stay, start, end, programs.get(stay.organization) or stay.program, sites.get(stay.organization, "")))
    return sorted(found, key=lambda s: (s.program, s.start, s.stay.id))


async def in_care(source: Source) -> list[Lasting]:
    """Stays that went on at the moment that is asked for."""
    return [s for s in await since(source, source.when.at) if s.at(source.when.at)]


def names(source: Source) -> dict[str, str]:
    """What programs are called, by the id of their Organization."""
    return {str(p.organization).partition("/")[2]: p.name for p in source.access.rules.programs.values() if p.organization}
