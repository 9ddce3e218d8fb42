"""PID: the person whom a message is about, as the sender names them."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from sojourn.care.exchange import naming
from sojourn.care.exchange.matching import Person
from sojourn.doors.hl7v2 import values
from sojourn.gate.exchange.partners import Partner
from sojourn.wire.hl7v2 import Message, Segment
from sojourn.wire.hl7v2person import authority, key_by_name, key_of

_SEX: Final = {"M": "male", "F": "female", "O": "other", "A": "other", "U": "unknown", "N": "other"}


def own(partner: Partner) -> str:
    """The address of a partner's own systems."""
    return naming.own(partner)


def sex(said: str, partner: Partner) -> str:
    """Table 0001 as FHIR's administrative gender; '' where nothing is said."""
    return _SEX.get(partner.local("0001", said).upper(), "")


def person(message: Message, partner: Partner) -> Person:
    """The person of PID; an empty one where there is none. An authority that the profile knows is named as the profile says."""
    pid = message.one("PID")
    return named(pid, partner) if pid is not None else Person()


def named(pid: Segment, partner: Partner) -> Person:
    """The person of a PID."""
    identifiers = numbers(pid, (3, 2, 4), partner)
    family = ""
    given: tuple[str, ...] = ()
    for rep in pid.reps(5):
        family, given = values.name(rep)
        if family:
            break
    born = values.when(pid.v(7), ZoneInfo(partner.timezone))
    return Person(
        identifiers, family, given, born.text[:10] if born else "", sex(pid.v(8), partner), key_of(pid, (3, 2)) or key_by_name(pid)
    )


def numbers(segment: Segment, fields: tuple[int, ...], partner: Partner) -> tuple[tuple[str, str], ...]:
    """CX: (system, value) of each. An authority that the profile knows is named as the profile says."""
    out = []
    for n in fields:
        for rep in segment.reps(n):
            value, by, kind = values.line(rep.c(1)), authority(rep), rep.c(5)
            if value:
                named = partner.authorities.get(by) or partner.authorities.get(values.line(rep.c(4, 1)))
                out.append((named or (by if by.startswith("urn:oid:") else f"{own(partner)}/id/{by or kind or 'PI'}"), value))
    return tuple(dict.fromkeys(out))


def earlier(mrg: Segment, partner: Partner) -> Person:
    """MRG: the person as they were named before: numbers, and the name where it is said."""
    family, given = values.name(mrg.first(7))
    return Person(numbers(mrg, (1, 4), partner), family, given, key=key_of(mrg, (1, 4)))
