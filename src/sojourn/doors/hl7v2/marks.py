"""What a message says of its confidentiality, and its sender's law, as labels of what it becomes.

Carriers: ORC-28, TXA-18, PV1-16, OBX-13, PRB-25, ARV (tables 0177, 0272, 0717), MSH-26 and MSH-27 (since 2.9), PD1-12 and DG1-18 (yes or no), a notice of
42 CFR 2.32 in any field that is no file, fields that the partner's profile names, and the profile itself. What cannot be told apart marks the whole message: withholding too much is mended, releasing too much is not.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sojourn.gate import bases
from sojourn.gate.exchange.partners import Partner
from sojourn.wire import notice
from sojourn.wire.hl7v2 import Message, Segment

_R: Final = {"system": bases.CONFIDENTIALITY, "code": "R"}
_V: Final = {"system": bases.CONFIDENTIALITY, "code": "V"}


def _act(code: str) -> dict[str, str]:
    return {"system": bases.ACT_CODE, "code": code}


PART2: Final = _act("42CFRPart2")
_CODES: Final[dict[str, tuple[dict[str, str], ...]]] = {
    "R": (_R,), "V": (_V,), "VIP": (_V,), "PSY": (_R, _act("PSY")), "PSYTHPN": (_V, _act("PSYTHPN")), "AID": (_R, _act("HIV")), "AIDS": (_R, _act("HIV")), "HIV": (_R, _act("HIV")),
    "ETH": (_R, PART2), "ETHUD": (_R, PART2), "SUD": (_R, PART2), "42CFRPART2": (_R, PART2), "STD": (_R, _act("HIV")), "SDV": (_R, _act("SDV")), "UWM": (_V,), "PRS": (_R, _act("PRS")),
}  # fmt: skip
"""Codes of tables 0177, 0272, 0099 and 0717, and v3 codes that senders put in their place. Any other code than U, N, L, M is read as restricted."""
_USUAL: Final = frozenset({"U", "N", "L", "M", "EMP", ""})
_CARRIERS: Final = {"MSH": (26, 27), "PD1": (12,), "DG1": (18,), "PRB": (25,), "ORC": (28,), "TXA": (18,), "PV1": (16,), "OBX": (13,), "ARV": (3, 4, 7, 8)}
_ESCAPES: Final = re.compile(r"\\[^\\]{1,12}\\|[~^]")
"""What stands between words of a text: escapes as \\.br\\, repetitions and components."""


def of(message: Message, partner: Partner) -> list[dict[str, Any]]:
    """The labels, each once; confidentiality the gravest. What the words of a file say comes beside (care/exchange/inbound.py)."""
    found: list[dict[str, str]] = [_R, PART2] if partner.laws else []
    words: list[str] = []
    beside: list[str] = []
    for segment in message.segments:
        for n in _CARRIERS.get(segment.name, ()):
            for rep in segment.reps(n):
                code = rep.c(1).upper().replace(" ", "")
                if segment.name == "OBX" and code not in _CODES:
                    continue  # user-defined access checks: only what we can read says anything
                if code not in _USUAL:
                    found += _CODES.get(code, (_R,))
        said = range(1, len(segment.fields)) if segment.name == "NTE" or segment.name[0] == "Z" else (5,) if segment.name == "OBX" and not _file(segment) else ()
        words += [segment.raw(n) for n in said]
        beside += segment.fields[1:] if not _file(segment) else ()
    # What is said goes on from line to line; between the lines stand their other fields, in which a notice may stand as well.
    if any(notice.stands_in(_ESCAPES.sub(" ", " ".join(text))) for text in (words, beside)):
        found += [_R, PART2]
    found += [label for said, means in partner.marks.items() if _says(message, said) for label in _CODES.get(means.upper(), (_R,))]
    out: list[dict[str, Any]] = []
    for coding in found:
        if coding not in out:
            out.append(dict(coding))
    if _V in out:
        out = [c for c in out if c != _R]
    return out


def _file(obx: Segment) -> bool:
    """Whether a value is a file in Base64 or hexadecimal, or the address of one: no words."""
    if obx.name != "OBX":
        return False
    return obx.v(2).upper() == "RP" or (obx.v(2).upper() == "ED" and obx.first(5).c(4).upper() in ("BASE64", "HEX"))


def _says(message: Message, mark: str) -> bool:
    """Whether a message has a mark of the profile: a field that says something, or what the profile names."""
    place, _, wanted = mark.partition("=")
    name, _, n = place.partition("-")
    return any(rep.c(1) and (not wanted or rep.c(1).casefold() == wanted.casefold()) for segment in message.all(name) for rep in segment.reps(int(n)))
