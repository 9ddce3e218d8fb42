"""Precautions: what everybody who treats the client must know at once, as a Flag."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import errors, wall
from sojourn.care.listing import text_of
from sojourn.care.resources import author, concept, moment, ref
from sojourn.care.risk import choices, reading
from sojourn.care.risk.episode import TYPE
from sojourn.care.staffing import zones
from sojourn.gate import elsewhere
from sojourn.gate.changes import Change, new_id
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.access import Access

ENDED: Final = "https://sojourn.example/fhir/StructureDefinition/ended-because"
SAFETY: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/flag-category", "code": "safety"}], "text": "Safety"}


class Precaution(NamedTuple):
    """One that is in force. until: the day it ends by itself, or ''."""

    id: str
    text: str
    since: str
    until: str


def in_force(flag: dict[str, Any], now: datetime) -> bool:
    """Whether a Flag holds now: active, begun, and not over."""
    period = flag.get("period", {})
    return flag.get("status") == "active" and not _past(period.get("end"), now, end=True) and (not period.get("start") or _past(period["start"], now))


def _past(text: object, now: datetime, *, end: bool = False) -> bool:
    """Whether a FHIR dateTime lies in the past; the end of a day is when that day is over."""
    said = str(text or "")
    if not said:
        return False
    try:
        if len(said) <= 10:
            day = date.fromisoformat(said if len(said) == 10 else f"{said}-01"[:10] if len(said) == 7 else f"{said}-01-01")
            return day < wall.day(now) if end else day <= wall.day(now)
        return datetime.fromisoformat(said) <= now
    except (ValueError, TypeError):
        return False


def _day(text: object) -> str:
    """The last day, as the wall has it."""
    said = str(text or "")
    try:
        return datetime.fromisoformat(said).astimezone(zones.of(None)).date().isoformat() if len(said) > 10 else said
    except ValueError:
        return said


def called(flag: Mapping[str, Any]) -> str:
    """What it says; of one that somebody elsewhere put up, that it is theirs."""
    said = text_of(flag.get("code"))
    return f"{said} (outside record)" if said and elsewhere.told(flag) else said


async def of_patient(access: Access, patient: str) -> list[Precaution]:
    """Those in force that were put up here or elsewhere."""
    if not access.may("Flag", "search"):
        return []
    found = await access.search("Flag", [("patient", patient), ("_sort", "-_lastUpdated")], count=100)
    return [
        Precaution(s.id, called(s.resource), str(s.resource.get("period", {}).get("start", "")), _day(s.resource.get("period", {}).get("end")))
        for s in found.matches if in_force(s.resource, access.now)
    ]  # fmt: skip


async def put(access: Access, patient: str, code: str, until: date | None = None) -> str:
    """Put one up, from now. until: the last day, if one is set. Raises Malformed, Forbidden, NotFound."""
    choice = choices.of("precaution", access.today).get(code)
    if choice is None:
        raise errors.Malformed("Choose a precaution.")
    if until is not None and until < access.today:
        raise errors.Malformed("It cannot end before it begins.")
    flag: dict[str, Any] = {
        "resourceType": "Flag", "status": "active", "category": [SAFETY], "code": concept(choice.code, choice.text), "subject": ref("Patient", patient),
        "period": {"start": moment(access), **({"end": instant(zones.moment(until, time(23, 59), zones.of(None), ends=True))} if until else {})},
    }  # fmt: skip
    if by := author(access):
        flag["author"] = by
    # Of the program whose clients it protects, whichever its author happens to act under.
    current = next((e for e in await reading.of_patient(access, patient) if e.open and e.patient == patient), None) if access.may(TYPE, "search") else None
    (written,) = await access.write([Change("create", "Flag", new_id(), flag, program=reading.program_of(access, current))], action="risk")
    return str(written.id)


async def end(access: Access, patient: str, id_: str, why: str) -> None:
    """End one now. Raises Malformed without a reason, NotFound."""
    if not why.strip():
        raise errors.Malformed("Say why it ends: the next shift has to know.")
    stored = await access.read("Flag", id_)
    flag = stored.resource
    if flag.get("subject", {}).get("reference") != f"Patient/{patient}" or flag.get("status") != "active":
        raise errors.NotFound("There is no such precaution.")
    start = flag.get("period", {}).get("start")
    ended = {
        **flag, "status": "inactive", "period": {**({"start": start} if start else {}), "end": moment(access)},
        "extension": [*(x for x in flag.get("extension", ()) if x.get("url") != ENDED), {"url": ENDED, "valueString": why.strip()}],
    }  # fmt: skip
    await access.write([Change("update", "Flag", id_, ended, if_match=stored.version)], action="risk")
