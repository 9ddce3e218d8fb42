"""Appointment: one that a partner tells of, elsewhere or, where they keep our register, here. Pure.

https://hl7.org/fhir/R4/appointment.html
"""

from __future__ import annotations

import re
from typing import Final

from sojourn.care.exchange.becoming import NPI
from sojourn.care.exchange.facts import CannotMap, Draft, Piece, Place, Resource
from sojourn.care.exchange.naming import dicts
from sojourn.doors.messaging.copying import Copier, key_of, renewed
from sojourn.fhir.messages import Message
from sojourn.gate import elsewhere
from sojourn.gate.exchange.partners import Partner

_FORCED: Final = {"S15": "cancelled", "S16": "cancelled", "S17": "entered-in-error", "S26": "noshow"}
_ELEMENTS: Final = ("serviceType", "appointmentType", "reasonCode", "priority", "description", "start", "end", "minutesDuration", "comment", "patientInstruction", "cancelationReason")


def draft(message: Message, copier: Copier, partner: Partner, patient: Resource, event: str) -> Draft:
    """What a message about an appointment states. Raises CannotMap."""
    mine = [a for a in message.of("Appointment") if any(message.target(p.get("actor"), a) is patient for p in dicts(a.get("participant")))]
    focus = [a for a in mine if any(a is f for f in message.focus)] or mine
    if len(focus) != 1:
        raise CannotMap("It does not say which appointment it is (MessageHeader.focus).", "MessageHeader.focus")
    (one,) = focus
    body = copier.elements(one, _ELEMENTS)
    status = _FORCED.get(event) or str(one.get("status", ""))
    told = [] if partner.registers else [{"coding": [{"system": elsewhere.SYSTEM, "code": elsewhere.CODE}], "text": "Appointment elsewhere"}]
    body |= {"status": status, "serviceType": [*told, *body.get("serviceType", ())] or [{"text": "Appointment"}]}
    body.setdefault("description", f"Appointment at {partner.name}" if told else "Appointment")
    if numbers := copier.numbers(one, "appointment"):
        body["identifier"] = numbers
    if status not in ("cancelled", "noshow"):
        body.pop("cancelationReason", None)
    others = [(number, named) for p in dicts(one.get("participant")) if message.target(p.get("actor"), one) is not patient and (named := copier.named(p.get("actor"), one)) for number in [_npi(named)]]

    def make(place: Place) -> Resource | None:
        was = place.before or {}
        if "start" not in body and "start" not in was and status != "cancelled":
            return None  # an appointment that nobody knows and that has no time
        actors = [{"reference": place.staff[n], **({"display": d["display"]} if "display" in d else {})} if n in place.staff else d for n, d in others]
        people = [{"actor": {"reference": f"Patient/{place.patient}"}, "status": "accepted"}, *({"actor": a, "status": "accepted"} for a in actors)]
        times: Resource = {k: was[k] for k in ("start", "end", "minutesDuration") if k in was} if "start" not in body else {}
        return {**renewed(was, _ELEMENTS, {**times, **body}), "resourceType": "Appointment", "created": was.get("created") or place.now, "participant": people}

    staff = tuple(dict.fromkeys(n for n, _ in others if n)) if partner.registers else ()
    return Draft([Piece("Appointment", ("appointment", *key_of(message, one)), make)], admits=True, staff=staff)


def _npi(named: Resource) -> str:
    """The number by which somebody of ours may be known."""
    said = named.get("identifier") or {}
    number = str(said.get("value", "")) if said.get("system") == NPI else ""
    return number if re.fullmatch(r"\d{10}", number) else ""
