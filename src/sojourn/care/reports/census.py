"""Census and length of stay: who was in care at a moment, where and for how long; and who left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.care.census import occupancy
from sojourn.care.levels import Stay
from sojourn.care.reports import days, stays
from sojourn.care.reports.model import Column, Definition, Figure, Row
from sojourn.care.resources import id_of

if TYPE_CHECKING:
    from sojourn.care.reports.source import Source

SPAN: Final = 30
IN_CARE, ENDED = "in care", "ended"
_BED, _LEAVE, _NONE = "in a bed", "on leave", "no bed"
_PRESENT = "arrived,in-progress,onleave"


class _Stored(NamedTuple):
    """An Encounter as the census room takes it."""

    resource: dict[str, Any]
    id: str
    version: str = ""


class _Placed(NamedTuple):
    """Who is in a bed: with the stays that the visit names, and the names of site and bed."""

    place: occupancy.Place
    episodes: frozenset[str]
    site: str
    bed: str

    def of(self, stay: Stay) -> bool:
        """Whether the visit belongs to a stay: it names it, or names none and is of the same program."""
        return stay.id in self.episodes or (not self.episodes and self.place.program == stay.organization)


async def rows(source: Source) -> list[Row]:
    """One for each stay; and for whoever is in a bed without a stay that may be seen."""
    when = source.when
    lasting = await stays.since(source, days.since(when, SPAN))
    placed = await _placed(source)
    taken: set[str] = set()
    found = []
    for s in lasting:
        there = s.at(when.at)
        here = next((p for p in placed.get(s.stay.patient, ()) if p.place.encounter not in taken and p.of(s.stay)), None) if there else None
        if here:
            taken.add(here.place.encounter)
        found.append(Row(s.stay.patient, {
            "state": IN_CARE if there else ENDED, "site": (here.site if here else "") or s.site, "level": s.stay.level, "program": s.program, "since": days.day(s.stay.started, when.where),
            "until": "" if there else days.day(s.stay.ended, when.where), "days": s.days(when.at), "bed": (_state(here) if here else _NONE) if there else "", "name": here.bed if here else "",
        }, f"/patients/{s.stay.patient}"))  # fmt: skip
    names = stays.names(source)
    for p in (p for some in placed.values() for p in some if p.place.encounter not in taken):
        found.append(Row(p.place.patient, {
            "state": IN_CARE, "site": p.site, "level": "", "program": names.get(p.place.program, ""), "since": days.day(p.place.since, when.where), "until": "",
            "days": days.between(days.moment(p.place.since, when.where), when.at), "bed": _state(p), "name": p.bed,
        }, f"/patients/{p.place.patient}"))  # fmt: skip
    return found


def _state(placed: _Placed) -> str:
    return _LEAVE if placed.place.state == "on leave" else _BED


async def _placed(source: Source) -> dict[str, list[_Placed]]:
    """Who was in which bed, by client. Two searches."""
    if not source.access.may("Location", "search"):
        return {}
    when, places = source.when, await source.places()
    beds = {i for i, p in places.items() if any(c.get("code") == "bd" for c in p.get("physicalType", {}).get("coding", ()))}
    visits = await source.search("Encounter", ("class", occupancy.INPATIENT), ("status", _PRESENT if when.now else f"{_PRESENT},finished"), *source.during(when.at, when.at))
    found: dict[str, list[_Placed]] = {}
    for visit in sorted(visits, key=lambda v: str(v["id"])):
        place = occupancy.place(_Stored(visit, str(visit["id"])), {}, when.at, frozenset(beds))
        if place is None or place.state in ("held", "expected"):
            continue
        episodes = frozenset(id_of(e, "EpisodeOfCare") for e in visit.get("episodeOfCare", ()))
        state = place.state if when.now else "in"
        found.setdefault(place.patient, []).append(_Placed(place._replace(state=state), episodes, _site(places, place.bed), str(places.get(place.bed, {}).get("name", ""))))
    return found


def _site(places: dict[str, dict[str, Any]], id_: str) -> str:
    """The name of the outermost place that a bed is in."""
    seen: set[str] = set()
    while id_ not in seen and (up := id_of(places.get(id_, {}).get("partOf"), "Location")) in places:
        seen.add(id_)
        id_ = up
    return str(places.get(id_, {}).get("name", ""))


_IN: Final = {"state": (IN_CARE,)}
_OUT: Final = {"state": (ENDED,)}

REPORT: Final = Definition(
    "census", "Census and length of stay",
    "Stays that were going on: begun by that moment and not ended by it, whatever they are called today. A client in two programs has two stays and counts in both. In a bed: a stay with an inpatient "
    "visit whose bed was taken then; who is in a bed without a stay that you may see counts, too. Days: whole days from the beginning to that moment, or to the end. Ended: in the 30 days up to that moment.",
    "A past day is counted where it ends, at midnight, from the dates that the record has now: what was corrected or entered since is in it. Leave is told for now only, because its days are not kept.",
    "EpisodeOfCare (period, level, program), inpatient Encounters with their beds, Locations.",
    (("EpisodeOfCare", "search"), ("Patient", "search")),
    (Column("state", "State", by=True), Column("site", "Site", by=True), Column("level", "Level", by=True), Column("program", "Program", by=True), Column("since", "Since", "day"),
     Column("until", "Ended", "day"), Column("days", "Days", "number"), Column("bed", "Bed", by=True), Column("name", "Which bed")),
    (Figure("In care", _IN), Figure("In a bed", {**_IN, "bed": (_BED, _LEAVE)}), Figure("Days so far, median", _IN, "median", "days", "days"),
     Figure("Ended in 30 days", _OUT), Figure("Length of those stays, median", _OUT, "median", "days", "days")),
    ("program", "level", "site"), rows, _IN,
)  # fmt: skip
