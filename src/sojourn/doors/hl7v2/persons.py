"""PID: the person whom a message is about, as the sender names them."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from sojourn.care.exchange.matching import Person
from sojourn.doors.hl7v2 import values
from sojourn.gate.exchange.partners import Partner
from sojourn.wire.hl7v2 import Message
from sojourn.wire.hl7v2person import authority, key

OWN: Final = "https://sojourn.example/fhir/partner/"
"""Under it stand the coding and naming systems of partners that have no name in FHIR."""
_SEX: Final = {"M": "male", "F": "female", "O": "other", "A": "other", "U": "unknown", "N": "other"}


def own(partner: Partner) -> str:
    """The address of a partner's own systems."""
    return OWN + partner.id


def person(message: Message, partner: Partner) -> Person:
    """The person of PID; an empty one where there is none. An authority that the profile knows is named as the profile says."""
    pid = message.one("PID")
    if pid is None:
        return Person()
    identifiers = []
    for n in (3, 2, 4):
        for rep in pid.reps(n):
            value, by, kind = values.line(rep.c(1)), authority(rep), rep.c(5)
            if value:
                named = partner.authorities.get(by) or partner.authorities.get(values.line(rep.c(4, 1)))
                identifiers.append((named or (by if by.startswith("urn:oid:") else f"{own(partner)}/id/{by or kind or 'PI'}"), value))
    family = ""
    given: tuple[str, ...] = ()
    for rep in pid.reps(5):
        family, given = values.name(rep)
        if family:
            break
    born = values.when(pid.v(7), ZoneInfo(partner.timezone))
    return Person(
        tuple(dict.fromkeys(identifiers)), family, given, born.text[:10] if born else "", _SEX.get(pid.v(8).upper(), ""), key(message)
    )
