"""Plain words for what the gate keeps as codes, numbers and bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sojourn.gate import bases
from sojourn.gate.caller import Program
from sojourn.gate.consenting.membership import split as split_key

_PURPOSES = {
    "TREAT": "treatment", "COC": "coordination of care", "ETREAT": "emergency treatment", "BTG": "emergency access", "HPAYMT": "payment",
    "ELIGVER": "checking eligibility", "COVAUTH": "authorization by a payer", "REMITADV": "remittance", "HOPERAT": "health care operations",
    "CAREMGT": "care management", "HLEGAL": "legal proceedings", "HRESCH": "research", "PATRQT": "the patient's own request", "FAMRQT": "a request of the family",
    "PUBHLTH": "public health", "HMARKT": "marketing", "FUNDRAISE": "fundraising", "HCOMPL": "compliance", "HACCRED": "accreditation",
}  # fmt: skip
_BASES = {
    "unlabelled": "not labelled yet", "part2": "Part 2 record", "sud_counseling": "SUD counseling note", "psychotherapy": "psychotherapy note",
    "mental_health": "mental health", "hiv": "HIV", "reproductive": "reproductive health", "violence": "domestic or sexual violence", "genetic": "genetic information",
    "minor": "care a minor consented to alone", "patient_requested": "kept apart at the patient's request",
}  # fmt: skip
_ACTIONS = {"use": "use within the organization", "disclose": "disclosure to somebody outside"}


def purpose(code: str) -> str:
    """`treatment (TREAT)`; a code that has no words here stands for itself."""
    return f"{_PURPOSES[code]} ({code})" if code in _PURPOSES else "any purpose" if code == "*" else code


def action(code: str) -> str:
    """What is done with the record."""
    return _ACTIONS.get(code, "any use or disclosure" if code == "*" else code)


def split(mask: int) -> list[int]:
    """The single bits of a mask."""
    return [1 << n for n in range(mask.bit_length()) if mask >> n & 1]


def basis(bit: int) -> tuple[str, str]:
    """(words, source) of one basis."""
    if bit == bases.ORDINARY:
        return "What no law of its own protects", "45 CFR 164.502(a), 164.508"
    found = next((b for b in bases.BASES if b.bit == bit), None)
    return (_BASES.get(found.name, found.name), found.source) if found else (f"basis {bit.bit_length()}", "")


def listed(mask: int) -> str:
    """The bases of a mask in words."""
    return joined([basis(bit)[0] for bit in split(mask)]) or "nothing special"


def joined(parts: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    found = list(parts)
    return f"{', '.join(found[:-1])} {last} {found[-1]}" if len(found) > 1 else "".join(found)


def named(numbers: Iterable[int], programs: Mapping[int, Program]) -> str:
    """The programs by their names."""
    return joined([programs[n].name if n in programs else f"program {n}" for n in numbers])


def day(moment: datetime) -> str:
    """`3 March 2026, 14:05 UTC`; midnight is left out."""
    return f"{moment.day} {moment:%B %Y}" + (f", {moment:%H:%M} UTC" if (moment.hour, moment.minute) != (0, 0) else "")


def period(start: datetime, end: datetime) -> str:
    """`from … until …`; without an end where there is none."""
    began = "" if start.year == 1 else f"since {day(start)}"
    ended = "" if end.year == 9999 else f"until {day(end)}"
    return " ".join(filter(None, (began, ended))) or "without limit in time"


def consent(id_: str) -> str:
    """What permits or forbids: `Consent/id`, or a declared emergency."""
    return f"Emergency access {id_.partition('/')[2]}" if id_.startswith("emergency/") else f"Consent/{id_}"


def actor(key: str) -> str:
    """Whom a relation connects with the patient; one that rests on a consent does so for one purpose."""
    code, who = split_key(key)
    return f"{who}, for {purpose(code)}" if code else who


def count(n: int, what: str) -> str:
    """`1 record`, `2 records`."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"
