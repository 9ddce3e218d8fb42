"""ADT: somebody is admitted, moved, written down; or two numbers are one person. Pure.

HL7 v2.8, 3.3. https://build.fhir.org/ig/HL7/v2-to-fhir for what becomes what.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sojourn.care.exchange import kinds
from sojourn.care.exchange.facts import CannotMap, Draft
from sojourn.care.exchange.matching import Person
from sojourn.doors.hl7v2 import allergies, demographics, persons, values, visits
from sojourn.gate.exchange.partners import Partner
from sojourn.wire.hl7v2 import Message

TYPES: Final = (*kinds.VISITS, *kinds.PERSONS, *kinds.JOINS)


def draft(message: Message, partner: Partner) -> Draft:
    """What an ADT message states. Raises CannotMap."""
    event = message.event
    if message.type in kinds.JOINS:
        return _joined(message, partner)
    if len(message.all("PID")) > 1:
        raise CannotMap("It is about several people (PID repeats). Ask the sender for one message for each person.", "PID[2]")
    if message.one("PID") is None:
        raise CannotMap("It does not say whom it is about (PID).", "PID")
    out = Draft(at=moment(message, partner), registers=message.type in kinds.WRITES_DOWN, admits=True)
    if partner.registers:
        out.person = demographics.patient(message, partner)
    who = values.line(message.header.v(4)) or partner.name
    if message.type not in kinds.PERSONS:
        stay = visits.visit(message, partner, event, out.at)
        if stay is not None:
            out.pieces.append(stay)
        elif message.one("PV1") is not None:
            message.findings.append("It does not say which visit it is (PV1-19, PV1-44); no visit was written down.")
        out.pieces += visits.diagnoses(message, partner, stay.key if stay is not None else ()) if partner.uses("DG1") else []
    out.pieces += visits.observed(message, partner, visits.visit_key(message, partner)) if partner.uses("OBX") else []
    out.pieces += allergies.allergies(message, partner, who)
    if partner.uses("IN1"):
        out.pieces += visits.insurance(message, partner)
    if partner.registers:
        out.pieces += demographics.relatives(message, partner) if partner.uses("NK1") else []
        out.pieces += demographics.guarantors(message, partner) if partner.uses("GT1") else []
    return out


def moment(message: Message, partner: Partner) -> datetime | None:
    """Of when a message speaks: when it was made (MSH-7), else when its event was (EVN-2); None where it does not say."""
    evn, zone = message.one("EVN"), ZoneInfo(partner.timezone)
    made = values.when(message.header.v(7), zone)
    recorded = values.when(evn.v(2), zone) if evn is not None else None
    best = made or recorded
    return best.moment if best is not None else None


def _joined(message: Message, partner: Partner) -> Draft:
    """A40 and its like: the number in MRG was the person of the PID before it."""
    who: Person | None = None
    pairs = []
    for segment in message.segments:
        if segment.name == "PID":
            who = persons.named(segment, partner)
        elif segment.name == "MRG" and who is not None and (earlier := persons.earlier(segment, partner)).identifiers:
            pairs.append((who, earlier))
    if not pairs:
        raise CannotMap("It does not say which numbers are one person (PID-3, MRG-1).", "MRG")
    return Draft(at=moment(message, partner), joins=tuple(pairs))
