"""What pages of incidents say of moments, people and states."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.care.incidents.model import HARM, TYPES, Incident
from sojourn.care.incidents.reviewing import Case
from sojourn.care.staffing import zones
from sojourn.care.staffing.roster import name_of
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.lines import remaining
from sojourn.gate.incidents import CLOSED

if TYPE_CHECKING:
    from sojourn.gate.access import Access


class Named(NamedTuple):
    """Names of clients by id and of colleagues by reference, as far as the reader may see them; who may not be seen is not there."""

    clients: dict[str, str]
    staff: dict[str, str]


def zone() -> ZoneInfo:
    """The zone in which incidents are read: where one works, or on the page of one report where it happened."""
    return zones.here()


def spoken(text: str, *, day: bool = False) -> str:
    """A moment in the time of the site: `23 Nov 2026, 14:05`."""
    try:
        at = datetime.fromisoformat(text).astimezone(zone())
    except ValueError:
        return ""
    return f"{at.day} {at:%b %Y}" if day else f"{at.day} {at:%b %Y, %H:%M}"


async def names(access: Access, clients: Iterable[str], staff: Iterable[str]) -> Named:
    """Two questions at most."""
    ids, people = sorted(set(clients)), sorted(set(staff))
    found, colleagues = await asyncio.gather(patient_names(access, ids) if ids and access.may("Patient", "search") else _nobody(), _staff(access, people) if people else _nobody())
    return Named(found, colleagues)


async def _nobody() -> dict[str, str]:
    return {}


async def _staff(access: Access, people: list[str]) -> dict[str, str]:
    if not access.may("Practitioner", "search"):
        return {}
    answer = await access.search("Practitioner", [("_id", ",".join(p.partition("/")[2] for p in people))], count=len(people))
    return {f"Practitioner/{s.id}": name_of(s.resource) for s in answer.matches}


class Row(NamedTuple):
    """A report in a list. due: what remains until the next notification, with its tone."""

    id: str
    number: str
    kind: str
    harm: str
    happened: str
    state: str
    due: str
    tone: str


def row(case: Case, now: datetime) -> Row:
    """A report as a line."""
    due, tone = remaining(case.incident.next_due(), now)
    open_ = sum(n.open for n in case.incident.notices)
    state = "Closed" if case.report.state == CLOSED else f"{open_} to notify" if open_ else "To review" if not case.incident.cause else "For the committee"
    return Row(case.report.id, case.report.number, TYPES.get(case.incident.kind, ""), harm_of(case.incident), spoken(case.incident.happened), state, due, tone)


def harm_of(incident: Incident) -> str:
    """The harm in a word or two."""
    return HARM.get(incident.harm, "").partition(":")[0]
