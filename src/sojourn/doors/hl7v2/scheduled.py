"""SIU: an appointment is made, moved, changed, cancelled or missed, as a FHIR Appointment. Pure.

https://hl7.org/fhir/R4/appointment.html; HL7 v2.8, 10.4, 10.6.1 (SCH).

What another organization books is information: it takes up nobody of ours and is not reminded of here. What our own scheduling system books is
an appointment of ours; nothing is asked about what stands in the way, and the clock finds collisions for who may see both (care/scheduling).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sojourn.care.exchange.facts import CannotMap, Draft, Piece, Place
from sojourn.doors.hl7v2 import adt, persons, values
from sojourn.gate import elsewhere
from sojourn.gate.exchange.partners import Partner
from sojourn.wire.hl7v2 import Message, Segment

_EVENTS: Final = {"S12": "", "S13": "", "S14": "", "S15": "cancelled", "S16": "cancelled", "S17": "entered-in-error", "S26": "noshow"}
_STATUSES: Final = {
    "BOOKED": "booked", "OVERBOOK": "booked", "BLOCKED": "booked", "SCHEDULED": "booked", "PENDING": "pending", "WAITLIST": "waitlist", "STARTED": "arrived", "ARRIVED": "arrived", "COMPLETE": "fulfilled",
    "CANCELLED": "cancelled", "DC": "cancelled", "DELETED": "entered-in-error", "NOSHOW": "noshow",
}  # fmt: skip
"""SCH-25 (table 0278)."""
_UNITS: Final = {"S": 1 / 60, "SEC": 1 / 60, "H": 60, "HR": 60, "HOUR": 60, "HOURS": 60, "D": 1440}
_USUAL: Final = 30.0
"""Minutes, where nothing says how long."""
_LONGEST: Final = timedelta(days=31)
_RESOURCES: Final = {"AIS": (4, 7), "AIG": (8, 11), "AIL": (6, 9), "AIP": (6, 9)}
"""Where each says when it begins and how long it lasts; the unit of that stands behind it."""


def draft(message: Message, partner: Partner) -> Draft:
    """What an SIU message states. Raises CannotMap."""
    sch, event = message.one("SCH"), message.event
    if sch is None or message.one("PID") is None:
        raise CannotMap("It does not say which appointment it is, or whose (SCH, PID).", "SCH")
    if len(message.all("PID")) > 1:
        raise CannotMap("It is about several people (PID repeats). Ask the sender for one message for each person.", "PID[2]")
    key = next((("appointment", n, number, rep.c(2)) for n, rep in (("filler", sch.first(2)), ("placer", sch.first(1))) if (number := values.line(rep.c(1)))), None)
    if key is None:
        raise CannotMap("It does not say which appointment it is (SCH-1, SCH-2).", "SCH-2")
    status = _EVENTS[event] or _STATUSES.get(sch.v(25).upper() or sch.v(25, 2).upper(), "booked")
    zone = ZoneInfo(partner.timezone)
    begins, ends, said = _time(message, sch, zone)
    if begins is None and event in ("S12", "S13"):
        raise CannotMap("It does not say when the appointment is (SCH-11, TQ1-7, AIS-4).", "SCH-11")
    if not said:
        message.findings.append("It does not say how long the appointment lasts; half an hour was put down.")
    body = _body(message, sch, partner, status)
    times = {"start": begins.isoformat(), "end": ends.isoformat(), "minutesDuration": max(1, int((ends - begins).total_seconds() // 60))} if begins is not None and ends is not None else {}
    staff = tuple(dict.fromkeys(rep.c(1) for aip in message.all("AIP") for rep in aip.reps(3) if re.fullmatch(r"\d{10}", rep.c(1)))) if partner.registers else ()

    def make(place: Place) -> dict[str, Any] | None:
        was = place.before or {}
        if not times and "start" not in was and status != "cancelled":
            return None  # an appointment that nobody knows and that has no time
        out = {**was, "resourceType": "Appointment", **body, **times, "created": was.get("created") or place.now}
        out["participant"] = [{"actor": {"reference": f"Patient/{place.patient}"}, "status": "accepted"}, *_people(message, place, persons.own(partner))]
        return {k: v for k, v in out.items() if k != "cancelationReason" or out["status"] == "cancelled"}

    return Draft([Piece("Appointment", key, make)], adt.moment(message, partner), admits=True, staff=staff)


def _body(message: Message, sch: Segment, partner: Partner, status: str) -> dict[str, Any]:
    own = persons.own(partner)
    services = [s for ais in message.all("AIS") if (s := values.concept(ais.first(3), own))]
    told = [] if partner.registers else [{"coding": [{"system": elsewhere.SYSTEM, "code": elsewhere.CODE}], "text": "Appointment elsewhere"}]
    words = next((str(s.get("text")) for s in services if s.get("text")), "")
    body: dict[str, Any] = {
        "status": status, "serviceType": [*told, *services] or [{"text": "Appointment"}], "description": words or (f"Appointment at {partner.name}" if told else "Appointment"),
        "identifier": [
            {"type": values.coded(kind, "http://terminology.hl7.org/CodeSystem/v2-0203"), "system": values.system(sch.v(n, 3), sch.v(n, 3)) or f"{own}/appointment/{kind.lower()}", "value": number}
            for n, kind in ((2, "FILL"), (1, "PLAC")) if (number := values.line(sch.v(n)))
        ],
    }  # fmt: skip
    if kind := values.concept(sch.first(8), own):
        body["appointmentType"] = kind
    if why := values.concept(sch.first(7), own):
        body["reasonCode"] = [why]
    changed = values.concept(sch.first(6), own)
    notes = values.prose("\n".join(r.text for r in _notes(message)))
    if notes:
        body["comment"] = notes
    if status == "cancelled":
        reason = str((changed or {}).get("text", "")) or notes
        body["cancelationReason"] = {"text": (reason or "Cancelled by the sender")[:200]}
    return body


def _notes(message: Message) -> Iterator[Any]:
    """Notes of the appointment itself, before those of its resources."""
    for segment in message.segments:
        if segment.name == "RGS":
            return
        if segment.name == "NTE":
            yield from segment.reps(3)


def _people(message: Message, place: Place, own: str) -> list[dict[str, Any]]:
    """Who and what takes part: people of ours whose number is known, everybody and everything else by name."""
    out: list[dict[str, Any]] = []
    for name in ("AIP", "AIL", "AIG"):
        for segment in message.all(name):
            for rep in segment.reps(3):
                reference = place.staff.get(rep.c(1)) if name == "AIP" else None
                shown = _named(name, rep)
                named = values.reference(rep, own) if name == "AIP" and not reference else None
                actor = named or {**({"reference": reference} if reference else {}), **({"display": shown} if shown else {})}
                if actor and {"actor": actor, "status": "accepted"} not in out:
                    out.append({"actor": actor, "status": "accepted"})
    return out


def _named(name: str, rep: Any) -> str:
    if name == "AIP":
        return values.person(rep)
    if name == "AIG":
        return values.line(rep.c(2)) or values.line(rep.c(1))
    return ", ".join(dict.fromkeys(filter(None, (values.line(rep.c(n)) for n in (4, 7, 8, 1, 2, 3)))))


def _time(message: Message, sch: Segment, zone: ZoneInfo) -> tuple[datetime | None, datetime | None, bool]:
    """(beginning, end, whether it says how long), by SCH-11, TQ1, or the first resource that says when."""
    tq1 = message.one("TQ1")
    eleven = sch.first(11) if sch.v(11, 4) or not values.when(sch.v(10, 4), zone) else sch.first(10)  # some senders are a field short
    begins = [values.when(eleven.c(4), zone), values.when(tq1.v(7), zone) if tq1 is not None else None]
    ends = [values.when(eleven.c(5), zone), values.when(tq1.v(8), zone) if tq1 is not None else None]
    lasting = [_minutes(sch.v(9), sch.v(10))]
    if tq1 is not None:  # where both are there SCH-11 is what was withdrawn
        begins.reverse()
        ends.reverse()
    for segment in message.segments:
        if segment.name in _RESOURCES:
            at, long = _RESOURCES[segment.name]
            begins.append(values.when(segment.v(at), zone))
            lasting.append(_minutes(segment.v(long), segment.v(long + 1)))
    begin = next((b for b in begins if b is not None and "T" in b.text), None)
    if begin is None:
        return None, None, True
    start = datetime.fromisoformat(begin.text)
    end = next((e for e in ends if e is not None and "T" in e.text and begin.moment < e.moment <= begin.moment + _LONGEST), None)
    if end is not None:
        return start, datetime.fromisoformat(end.text), True
    minutes = next((m for m in (*lasting[1:], lasting[0]) if m), 0.0)
    return start, start + timedelta(minutes=minutes or _USUAL), bool(minutes)


def _minutes(said: str, unit: str) -> float:
    """A duration in minutes; 0 where none is said that makes sense."""
    number = values.number(said)
    found = float(number) * _UNITS.get(unit.upper(), 1) if number is not None else 0.0
    return found if 1 <= found <= _LONGEST.total_seconds() / 60 else 0.0
