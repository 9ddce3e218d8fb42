"""What signed services took of authorizations: counted anew each time, each service once.

A service is a visit with a note that is signed, co-signed or locked. What is unlocked, returned or marked as an error gives back what it
took. Pure but for `delivered` and `apart`, which ask the record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.care.authorizations import model
from sojourn.care.authorizations.model import LEVEL, Authorization
from sojourn.care.levels import Stay, stay
from sojourn.care.notes import services
from sojourn.care.resources import CARE, id_of
from sojourn.care.staffing import zones
from sojourn.gate import closing, origin

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sojourn.gate.access import Access
    from sojourn.gate.found import Stored

SIGNED: Final = ("signed", "co-signed", "locked")
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Service:
    """One signed service. codes: its numbers and our key of the service; stays: of which stays it may be; levels: their levels."""

    id: str
    patient: str
    day: date
    at: datetime
    minutes: int
    title: str
    codes: frozenset[str]
    stays: frozenset[str]
    levels: frozenset[str]
    document: str
    labels: frozenset[str]


@dataclass(slots=True)
class Count:
    """What was taken of one authorization. over: units beyond what was approved. covered: the services."""

    used: float = 0
    over: float = 0
    covered: list[Service] = field(default_factory=list)
    days: set[date] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Counts:
    """By the id of the authorization; and the services for which there is none although the client has some of that kind, or had."""

    by: Mapping[str, Count]
    uncovered: tuple[Service, ...]


def fits(a: Authorization, s: Service) -> bool:
    """Whether a service is of the kind that an authorization is for, whatever the day."""
    if a.patient != s.patient or s.labels - a.labels or (a.stay and s.stays and a.stay not in s.stays):
        return False
    if a.scope == LEVEL:
        return a.of in s.levels
    known = services.services(s.day).get(a.of)
    return f"service-{a.of}" in s.codes or (known is not None and any(set(code.code.split("+")) <= s.codes for code in known.codes))


def units(a: Authorization, s: Service, taken: set[date]) -> float:
    """What a service takes: a visit, its hours, its units of 15 minutes by the rule of eight minutes, or its day where none was taken of it yet."""
    if a.unit == "days":
        return 0 if s.day in taken else 1
    if a.unit == "hours":
        return round(s.minutes / 60, 2)
    if a.unit == "quarters":
        return max((s.minutes + 7) // 15, 1)
    return 1


def allocate(authorizations: Sequence[Authorization], delivered_: Iterable[Service]) -> Counts:
    """Give each service to one authorization: of those that cover its day, the first that ends and has something left; else the last one, beyond it."""
    by = {a.id: Count() for a in authorizations}
    active = sorted((a for a in authorizations if a.status == "active"), key=lambda a: (a.end, a.start, a.id))
    uncovered = []
    for s in sorted(delivered_, key=lambda s: (s.at, s.id)):
        alike = [a for a in active if fits(a, s)]
        open_ = [a for a in alike if a.covers(s.day)]
        if not open_:
            uncovered += [s] if alike and s.day >= min(a.start for a in alike) else []
            continue
        of = next((a for a in open_ if by[a.id].used + units(a, s, by[a.id].days) <= a.approved), open_[-1])
        count = by[of.id]
        took = units(of, s, count.days)
        fitting = min(took, max(of.approved - count.used, 0))
        count.used, count.over = count.used + fitting, count.over + took - fitting
        count.days.add(s.day)
        count.covered.append(s)
    return Counts(by, tuple(uncovered))


async def apart(access: Access, authorizations: Sequence[Authorization], services_: Sequence[Service]) -> list[tuple[list[Authorization], list[Service]]]:
    """What is counted together: those of each Part 2 program by themselves, all others in one. One question.

    Else an authorization that somebody may not see would take a service that they see, and the number that they read would tell of it.
    """
    made = await origin.makers(access, [*(f"{model.TYPE}/{a.id}" for a in authorizations), *(f"DocumentReference/{s.document}" for s in services_)])
    under = {n for n, p in access.rules.programs.items() if p.part2}

    def of(reference: str) -> int | None:
        program = made[reference]
        return program if program is None or program in under else 0

    found: dict[int | None, tuple[list[Authorization], list[Service]]] = {}
    for a in authorizations:
        found.setdefault(of(f"{model.TYPE}/{a.id}"), ([], []))[0].append(a)
    for s in services_:
        found.setdefault(of(f"DocumentReference/{s.document}"), ([], []))[1].append(s)
    return list(found.values())


def gaps(authorizations: Sequence[Authorization], stays: Sequence[Stay], today: date) -> list[tuple[str, date, date]]:
    """Days of a stay without an authorization, where the stay has any: (what for, first day, last day), up to today."""
    found = []
    kinds = {(a.stay, a.scope, a.of) for a in authorizations if a.status == "active"}
    for stay_id, scope, of in sorted(kinds):
        spans = sorted((a.start, a.end) for a in authorizations if a.status == "active" and (a.stay, a.scope, a.of) == (stay_id, scope, of))
        known = next((s for s in stays if s.id == stay_id), None)
        last = min(today, _day(known.ended) or today) if known and known.status != "planned" else spans[-1][1]
        reached = spans[0][0] - timedelta(days=1)
        for start, end in spans:
            if start > reached + timedelta(days=1):
                found.append((model.title(scope, of), reached + timedelta(days=1), start - timedelta(days=1)))
            reached = max(reached, end)
        if reached < last:
            found.append((model.title(scope, of), reached + timedelta(days=1), last))
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


async def delivered(access: Access, patients: Sequence[str], since: date) -> tuple[list[Service], list[Stay]]:
    """The signed services of clients from a day on, as far as the caller may see them, and their stays. Three searches and more where there is much."""
    ids = ",".join(patients)
    documents, procedures, stays = await asyncio.gather(
        _all(access, "DocumentReference", [("patient", ids), ("status", "current"), ("period", f"ge{since.isoformat()}"), ("_include", "DocumentReference:encounter")]),
        _all(access, "Procedure", [("patient", ids), ("date", f"ge{since.isoformat()}")]), _all(access, "EpisodeOfCare", [("patient", ids)]),
    )  # fmt: skip
    known, house = [stay(s.resource) for s in stays], zones.of_program(access, None)
    encounters = {s.id: s.resource for s in documents if s.type == "Encounter"}
    done: dict[str, list[Mapping[str, Any]]] = {}
    for p in procedures:
        done.setdefault(id_of(p.resource.get("encounter"), "Encounter"), []).append(p.resource)
    found: dict[str, Service] = {}
    for s in documents:
        if s.type == "DocumentReference" and closing.read(s.resource).at(access.now) in SIGNED:
            for name in ((s.resource.get("context") or {}).get("encounter")) or ():
                visit = id_of(name, "Encounter")
                service = _service(s, visit, encounters.get(visit, {}), done.get(visit, []), known, house) if visit and visit not in found else None
                if service is not None:
                    found[visit] = service
    return list(found.values()), known


async def _all(access: Access, type_: str, params: list[tuple[str, str]]) -> list[Stored]:
    found: list[Stored] = []
    cursor: str | None = None
    while access.may(type_, "search"):
        page = await access.search(type_, params, count=_PAGE, cursor=cursor)
        found += [*page.matches, *page.included]
        cursor = page.next
        if cursor is None:
            break
    return found


def _service(stored: Stored, visit: str, encounter: Mapping[str, Any], procedures: Sequence[Mapping[str, Any]], stays: Sequence[Stay], house: ZoneInfo) -> Service | None:
    """The service of a visit. Its day is that of the place, whose clock its times are written by; of the house where they are in UTC."""
    period = (stored.resource.get("context") or {}).get("period") or encounter.get("period") or {}
    try:
        start, end = (datetime.fromisoformat(str(period[k])) for k in ("start", "end"))
    except (KeyError, ValueError):
        return None
    if start.tzinfo is None or end.tzinfo is None:
        return None
    codings = [c for p in procedures for c in (p.get("code") or {}).get("coding") or ()] + [c for t in encounter.get("type") or () for c in t.get("coding") or ()]
    patient = id_of(stored.resource.get("subject"), "Patient")
    day = (start if start.utcoffset() else start.astimezone(house)).date()
    named = {i for e in encounter.get("episodeOfCare") or () if (i := id_of(e, "EpisodeOfCare"))}
    runs = id_of(encounter.get("serviceProvider"), "Organization")
    own = [s for s in stays if s.patient == patient]
    of = [s for s in own if s.id in named] or [s for s in own if s.started[:10] <= day.isoformat() <= (s.ended[:10] or "9") and (not runs or not s.organization or s.organization == runs)]
    title = next((str((p.get("code") or {}).get("text", "")) for p in procedures), "") or next((str(t.get("text", "")) for t in encounter.get("type") or ()), "") or "A visit"
    every = model.labels(stored.resource) | model.labels(encounter)
    return Service(
        visit, patient, day, start, max(int((end - start).total_seconds() // 60), 0), title, frozenset(str(c.get("code", "")) for c in codings if c.get("system") != CARE or str(c.get("code", "")).startswith("service-")),
        frozenset(s.id for s in of), frozenset(filter(None, (s.level for s in of))), stored.id, every,
    )  # fmt: skip
