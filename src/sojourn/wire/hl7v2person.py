"""How a sender names a person: the authority of an identifier, and one text for the person. Pure."""

from __future__ import annotations

import re
from typing import Final

from sojourn.wire.hl7v2 import Message, Repetition

OID: Final = re.compile(r"[0-2](\.(0|[1-9]\d*))+")


def authority(rep: Repetition) -> str:
    """CX.4: who assigned an identifier: its OID as a URN, else its name, else ''."""
    oid, kind, called = rep.c(4, 2), rep.c(4, 3).upper(), rep.c(4, 1)
    rep.c(6)
    return f"urn:oid:{oid}" if kind == "ISO" and OID.fullmatch(oid) else called or oid


def key(message: Message) -> str:
    """By what the sender means the same person again: the first identifier of PID, else name and birth date; '' where there is neither."""
    pid = message.one("PID")
    if pid is None:
        return ""
    first = pid.reps(3) or pid.reps(2)
    if first and first[0].c(1):
        return f"{authority(first[0])}|{first[0].c(1)}"
    named = (pid.v(5, 1), pid.v(5, 2), pid.v(7))
    return "|".join(named) if named[0] else ""
