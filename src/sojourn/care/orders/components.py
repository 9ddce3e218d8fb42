"""What a test done here says: its components, each a number with its usual range, a finding, or words."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from sojourn.base import errors

LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
COMPONENT: Final = "https://sojourn.example/fhir/StructureDefinition/panel-component"
NUMBER, SIGN, SEEN, WORDS = "number", "sign", "seen", "words"
KINDS: Final = {SIGN: "Negative or positive", SEEN: "Not detected or detected", NUMBER: "A number", WORDS: "Words"}
"""How a component is answered."""
MANY: Final = 40
_NAMED: Final = re.compile(r"[^a-z0-9]+")


class Choice(NamedTuple):
    """A finding. code: SNOMED CT. flag: of v3-ObservationInterpretation, or ''. open: it is not the last word, and a confirmation follows."""

    key: str
    text: str
    code: str
    flag: str
    open: bool = False


_INVALID: Final = Choice("invalid", "Invalid", "455371000124106", "")
_PRESUMPTIVE: Final = Choice("presumptive", "Presumptive positive", "720735008", "POS", True)
CHOICES: Final = {
    SIGN: (Choice("negative", "Negative", "260385009", "NEG"), Choice("positive", "Positive", "10828004", "POS"), _PRESUMPTIVE, _INVALID),
    SEEN: (Choice("not-detected", "Not detected", "260415000", "ND"), Choice("detected", "Detected", "260373001", "DET"), _INVALID),
}  # fmt: skip
"""Codes as WHO's value set of qualitative test results has them (DDCC IG, lab-test-qual-result-snomed)."""


class Component(NamedTuple):
    """One value of a test. code: a LOINC number that has a source, or ''. low, high: the usual range as it was written, '' for none."""

    key: str
    title: str
    kind: str = SIGN
    code: str = ""
    source: str = ""
    unit: str = ""
    low: str = ""
    high: str = ""

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The findings that it can have."""
        return CHOICES.get(self.kind, ())

    @property
    def usual(self) -> str:
        """Its usual range in words."""
        low, high = self.low, self.high
        said = f"{low} to {high}" if low and high else f"up to {high}" if high else f"from {low}" if low else ""
        return " ".join(filter(None, (said, self.unit if said else "")))


def made(
    title: str, kind: str, *, code: str = "", source: str = "", unit: str = "", low: str = "", high: str = "", key: str = ""
) -> Component:
    """A component as somebody writes it. Raises Malformed."""
    title, code, source, unit, low, high = (text.strip() for text in (title, code, source, unit, low, high))
    if kind not in KINDS:
        raise errors.Malformed(f"Choose how {title or 'a component'} is answered.")
    if not title:
        raise errors.Malformed("Each component needs a name.")
    if code and not fits(code):
        raise errors.Malformed(f"{title}: that is not a LOINC number. It has digits, a hyphen and a check digit that fits.")
    if code and not source:
        raise errors.Malformed(f"{title}: write where the number comes from, with its date.")
    if kind != NUMBER and (unit or low or high):
        raise errors.Malformed(f"{title}: only a number has a unit and a usual range.")
    lowest, highest = (number(text, title) if text else None for text in (low, high))
    if lowest is not None and highest is not None and lowest > highest:
        raise errors.Malformed(f"{title}: the usual range ends before it begins.")
    return Component(key or _NAMED.sub("-", title.casefold()).strip("-")[:40] or "value", title, kind, code, source, unit, low, high)


def number(text: str, title: str) -> Decimal:
    """A number as people write it. Raises Malformed."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise errors.Malformed(f"{title}: {text[:20]} is not a number.") from None
    if not found.is_finite():
        raise errors.Malformed(f"{title}: that is not a number.")
    return found


def shipped(raw: dict[str, Any]) -> tuple[Component, ...]:
    """The components of a row of catalog.toml."""
    rows = raw.get("component") or ()
    return tuple(
        Component(
            str(r["key"]),
            str(r["title"]),
            str(r.get("kind", SIGN)),
            str(r.get("loinc", "")),
            str(r.get("source", "")),
            str(r.get("unit", "")),
        )
        for r in rows
    )


def extension(one: Component) -> dict[str, Any]:
    """A component as an extension of the ActivityDefinition."""
    return {"url": COMPONENT, "extension": [{"url": name, "valueString": value} for name, value in one._asdict().items() if value]}


def read(extensions: Any) -> tuple[Component, ...]:
    """The components that an ActivityDefinition has."""
    found = []
    for one in extensions or ():
        if one.get("url") == COMPONENT:
            said = {str(e.get("url")): str(e.get("valueString", "")) for e in one.get("extension") or ()}
            if said.get("key") and said.get("title"):
                found.append(Component(**{name: said.get(name, "") for name in Component._fields}))
    return tuple(found)


def fits(code: str) -> bool:
    """Whether a LOINC number has a check digit that fits (mod 10, as the LOINC users' guide describes it)."""
    digits, _, check = code.partition("-")
    if not digits.isdecimal() or not check.isdecimal() or len(check) != 1:
        return False
    odd = str(int(digits[::-1][::2][::-1]) * 2)
    even = digits[::-1][1::2][::-1]
    total = sum(int(d) for d in odd + even)
    return (10 - total % 10) % 10 == int(check)
