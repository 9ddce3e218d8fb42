"""What a report is counted from: questions to the gate, each asked once, all of their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.base.errors import Malformed
from sojourn.care import policies
from sojourn.care.policies import Policies
from sojourn.care.reports import days
from sojourn.care.reports.model import When
from sojourn.care.resources import CARE, id_of
from sojourn.care.scheduling import zones
from sojourn.care.staffing import zones as clocks
from sojourn.care.tasks import OPEN

if TYPE_CHECKING:
    from sojourn.gate.access import Access

ON_A_SCREEN: Final = 9
"""Questions that one screen asks at most."""
ELEMENTS: Final = {
    "Appointment": ("status", "start", "end", "participant", "serviceType", "supportingInformation"),
    "CarePlan": ("status", "category", "subject", "period", "created", "extension", "supportingInfo"),
    "ClinicalImpression": ("status", "effectiveDateTime", "date", "supportingInfo"),
    "DocumentReference": ("status", "type", "subject", "date", "author", "context"),
    "Encounter": ("status", "class", "subject", "period", "location", "serviceProvider", "episodeOfCare", "participant", "type"),
    "EpisodeOfCare": ("status", "type", "patient", "managingOrganization", "period", "careManager"),
    "Flag": ("status", "category", "subject", "period"),
    "HealthcareService": ("providedBy", "location"),
    "Location": ("name", "physicalType", "partOf"),
    "Observation": ("status", "code", "subject", "effectiveDateTime", "effectivePeriod", "valueQuantity", "valueInteger"),
    "Organization": ("name",),
    "Practitioner": ("name",),
    "Task": ("status", "code", "for", "focus", "owner", "authoredOn", "lastModified", "note", "input", "businessStatus"),
}
"""What of each type is looked at, and nothing else."""
EARLIEST: Final = date(1990, 1, 1)
"""No day before is counted for; its own edges would have no date."""


class TooMuch(Malformed):
    """There is more to count than one question can find. Nothing is shown rather than a number that is too small."""

    code = "too-costly"


class Source:
    """The record as one caller sees it, for one day. asked: how many questions that took."""

    def __init__(self, access: Access, when: When, rules: Policies) -> None:
        self.access = access
        self.when = when
        self.rules = rules
        self.asked = 0
        self._found: dict[Any, asyncio.Task[list[dict[str, Any]]]] = {}

    async def search(self, type_: str, *params: tuple[str, str]) -> list[dict[str, Any]]:
        """Every match, each once. What the role may not search is not there. Raises TooMuch."""
        if not self.access.may(type_, "search"):
            return []
        key = (type_, params)
        if key not in self._found:
            self._found[key] = asyncio.ensure_future(self._every(type_, params))
        return await self._found[key]

    async def _every(self, type_: str, params: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        self.asked += 1
        found = await self.access.gather(type_, params, ELEMENTS[type_])
        if not found.whole:
            raise TooMuch
        return found.resources

    async def of(self, type_: str, param: str, ids: Iterable[str], *params: tuple[str, str], at_once: int = 150) -> list[dict[str, Any]]:
        """Every match whose parameter names one of these, asked in several searches where there are many."""
        wanted = sorted(set(filter(None, ids)))
        found = [await self.search(type_, (param, ",".join(wanted[n : n + at_once])), *params) for n in range(0, len(wanted), at_once)]
        return [resource for some in found for resource in some]

    async def tasks(self, *kinds: str) -> list[dict[str, Any]]:
        """Tasks of some kinds that were open at the moment that is asked for: begun by then, and not ended or ended later. One search for now, two for a past day."""
        of_kind, at = ("code", ",".join(f"{CARE}|{kind}" for kind in kinds)), self.when.at
        open_ = await self.search("Task", of_kind, ("status", ",".join(OPEN)))
        ended = [] if self.when.now else await self.search("Task", of_kind, ("modified", f"ge{(at - timedelta(days=1)).isoformat()}"))
        found = {str(t["id"]): t for t in (*ended, *open_) if t.get("status") != "entered-in-error"}
        return [t for t in found.values() if (begun := days.moment(t.get("authoredOn"), self.when.where)) is not None and begun <= at and not self._over(t)]

    def _over(self, task: dict[str, Any]) -> bool:
        """Whether a Task had ended: when it was changed last is when it ended."""
        ended = days.moment(task.get("lastModified"), self.when.where)
        return task.get("status") not in OPEN and (ended is None or ended <= self.when.at)

    @staticmethod
    def during(low: datetime, high: datetime) -> tuple[tuple[str, str], tuple[str, str]]:
        """What went on at some time between, as a search says it: a day wider on both sides, because to a search a day alone is a day in UTC. What
        comes back is read exactly afterwards."""
        slack = timedelta(days=1)
        return ("date", f"ge{(low - slack).isoformat()}"), ("date", f"le{(high + slack).isoformat()}")

    def rule(self, key: str, level: str = "") -> float | None:
        """A rule of that day for a level of care; None where there was none."""
        try:
            return self.rules.number(key, level)
        except KeyError:
            return None

    async def sites(self) -> dict[str, str]:
        """The site of each program by the id of its Organization, as far as the directory says."""
        services, places = await asyncio.gather(self.search("HealthcareService"), self.places())
        return {id_of(s.get("providedBy"), "Organization"): str(places.get(id_of(at, "Location"), {}).get("name", "")) for s in services for at in s.get("location", ())[:1]}

    async def places(self) -> dict[str, dict[str, Any]]:
        """Places by id."""
        return {str(p["id"]): p for p in await self.search("Location")}

    async def people(self) -> dict[str, str]:
        """Who works here, by reference."""
        return {f"Practitioner/{p['id']}": _name(p) for p in await self.search("Practitioner")}


def _name(person: dict[str, Any]) -> str:
    first: dict[str, Any] = next(iter(person.get("name", ())), {})
    return str(first.get("text", "")) or " ".join([*first.get("given", ())[:1], str(first.get("family", ""))]).strip()


async def of(access: Access, day: date | None = None) -> Source:
    """The source for a day; today for None and for days to come. One question."""
    rules = await policies.of(access)
    own = str(rules.value("schedule.time-zone"))
    where = zones.zone(own) if ("schedule.time-zone", "") in rules.set_here else clocks.of_program(access, None)
    today = zones.local(access.now, where).date()
    if day is None or day >= today:
        return Source(access, When(today, access.now, True, where), rules)
    day = max(day, EARLIEST)
    at: datetime = zones.day_bounds(day, where)[1]
    return Source(access, When(day, at, False, where), Policies(day, (await policies.of(access, at)).set_here))
