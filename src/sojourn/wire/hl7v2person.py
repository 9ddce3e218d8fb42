"""How a sender names a person: the authority of an identifier, and one text for the person. Pure."""

from __future__ import annotations

import re
from typing import Final

from sojourn.wire.hl7v2 import Message, Repetition, Segment

OID: Final = re.compile(r"[0-2](\.(0|[1-9]\d*))+")


def authority(rep: Repetition, component: int = 4) -> str:
    """CX.4, XCN.9: who assigned an identifier: its OID as a URN, else its name, else ''."""
    oid, kind, called = rep.c(component, 2), rep.c(component, 3).upper(), rep.c(component, 1)
    return f"urn:oid:{oid}" if kind == "ISO" and OID.fullmatch(oid) else called or oid


def key(message: Message) -> str:
    """By what the sender means the same person again: the first identifier of PID, else name and birth date; '' where there is neither."""
    pid = message.one("PID")
    if pid is None:
        return ""
    return key_of(pid, (3, 2)) or key_by_name(pid)


def key_by_name(pid: Segment) -> str:
    """Name and birth date as one text; '' without a name."""
    named = (pid.v(5, 1), pid.v(5, 2), pid.v(7))
    return "|".join(named) if named[0] else ""


def key_of(segment: Segment, fields: tuple[int, ...]) -> str:
    """The first identifier of the first of these fields (CX) that says something, as one text; '' where there is none."""
    first = next((found for n in fields if (found := segment.reps(n))), None)
    return f"{authority(first[0])}|{first[0].c(1)}" if first and first[0].c(1) else ""
