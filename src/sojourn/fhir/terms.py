"""Terms: what a resource can be found by before it is hashed, read from every FHIR type.

A reader takes the Terms, the parameter's name and a value. The rules of each type: https://hl7.org/fhir/R4/search.html
(token, string, date, number, quantity, reference, uri). Systems: None = the parameter's own implied system, "" = the value
has none. A name such as `code-value-quantity$8867-4` is a composite's second part under its first.
"""

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from sojourn.fhir import dates, quantities

Value = Any
TEXT = ":text"
PHONE = re.compile(r"[\d\s().+/x-]{5,}", re.ASCII)
LITERAL = re.compile(r"(?:(https?://.+)/)?([A-Z][A-Za-z]{1,40})/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?", re.ASCII)


class Terms:
    """Lists of (parameter, ...) in the order of the resource; a resource without a value for a parameter has no term of it."""

    __slots__ = ("base", "dates", "exact", "numbers", "present", "references", "strings", "texts", "tokens", "uris")

    def __init__(self, base: str = "") -> None:
        self.base = base
        """Our own base URL, without a slash at the end: absolute references to it are local."""
        self.tokens: list[tuple[str, str | None, str | None]] = []
        """(parameter, system, code); code None where only the system is known."""
        self.exact: list[tuple[str, str, str]] = []
        """(parameter with modifier, system, code): tokens that are only ever asked for in full (`:of-type`, composites of two tokens)."""
        self.texts: list[tuple[str, str]] = []
        """(parameter + ":text", text): displays and texts of tokens."""
        self.strings: list[tuple[str, str]] = []
        self.uris: list[tuple[str, str]] = []
        self.dates: list[tuple[str, datetime, datetime]] = []
        """(parameter, low, high): [low, high) in UTC."""
        self.numbers: list[tuple[str, float, float, str | None, str | None]] = []
        """(parameter, low, high, system, code of the unit): closed; system None for plain numbers."""
        self.references: list[tuple[str, str]] = []
        """(parameter, target): `Type/id` where it is local, else the URL."""
        self.present: set[str] = set()
        """Parameters that have a value though none of the lists says so (a logical reference)."""

    def parameters(self) -> set[str]:
        """Every parameter with a value."""
        found = set(self.present)
        for terms in (self.tokens, self.uris, self.strings, self.dates, self.numbers, self.references):
            for term in terms:
                found.add(term[0])
        found.discard("")
        return {name for name in found if "$" not in name and ":" not in name}


def coding(terms: Terms, name: str, value: Value) -> None:
    """A Coding: its system and code, and its display as text."""
    code, system = value.get("code"), value.get("system")
    if code is not None or system:
        terms.tokens.append((name, system or "", code))
    display = value.get("display")
    if display:
        terms.texts.append((name + TEXT, display))


def concept(terms: Terms, name: str, value: Value) -> None:
    """A CodeableConcept: each of its codings, and its text."""
    for part in value.get("coding", ()):
        coding(terms, name, part)
    text = value.get("text")
    if text:
        terms.texts.append((name + TEXT, text))
        terms.present.add(name)


def plain(terms: Terms, name: str, value: Value) -> None:
    """A primitive that no code system belongs to."""
    terms.tokens.append((name, "", str(value)))


def code(terms: Terms, name: str, value: Value) -> None:
    """A `code` of the system that the parameter implies."""
    terms.tokens.append((name, None, value))


def boolean(terms: Terms, name: str, value: Value) -> None:
    """A boolean as the token `true` or `false`."""
    terms.tokens.append((name, "", "true" if value is True else "false"))


def exists(terms: Terms, name: str, value: Value) -> None:
    """The token `true`, because there is a value."""
    terms.tokens.append((name, "", "true"))


def identifier(terms: Terms, name: str, value: Value) -> None:
    """An Identifier: its system and value, once more by its type for `:of-type`, and the type's text."""
    number, system = value.get("value"), value.get("system")
    if number is not None or system:
        terms.tokens.append((name, system or "", number))
    kind = value.get("type")
    if kind:
        for part in kind.get("coding", ()):
            if number is not None and part.get("code") is not None:
                terms.exact.append((name + ":of-type", part.get("system") or "", f"{part['code']}|{number}"))
        if kind.get("text"):
            terms.texts.append((name + TEXT, kind["text"]))


def contact(terms: Terms, name: str, value: Value) -> None:
    """A ContactPoint by its value, alone and with its system or use."""
    number = value.get("value")
    if number is not None:
        same = contact_code(number)
        terms.tokens.append((name, value.get("system") or "", same))
        if value.get("use"):
            terms.tokens.append((name, value["use"], same))


def contact_code(text: str) -> str:
    """A telephone number without punctuation (and without the North American 1), an e-mail address in lower case."""
    if "@" in text:
        return text.strip().lower()
    if PHONE.fullmatch(text):
        digits = "".join(filter(str.isdigit, text))
        return digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    return text


def string(terms: Terms, name: str, value: Value) -> None:
    """A string as it is."""
    if value:
        terms.strings.append((name, value))


def human_name(terms: Terms, name: str, value: Value) -> None:
    """Every part of a HumanName on its own."""
    for part in ("family", "text"):
        if value.get(part):
            terms.strings.append((name, value[part]))
    for part in ("given", "prefix", "suffix"):
        terms.strings.extend((name, word) for word in value.get(part, ()) if word)


def address(terms: Terms, name: str, value: Value) -> None:
    """Every part of an Address on its own."""
    terms.strings.extend((name, line) for line in value.get("line", ()) if line)
    for part in ("city", "district", "state", "postalCode", "country", "text"):
        if value.get(part):
            terms.strings.append((name, value[part]))


def concept_string(terms: Terms, name: str, value: Value) -> None:
    """The words of a CodeableConcept as strings."""
    words = [value.get("text"), *(part.get("display") for part in value.get("coding", ()))]
    terms.strings.extend((name, word) for word in words if word)


def uri(terms: Terms, name: str, value: Value) -> None:
    """A uri as it is; a canonical also without its version."""
    terms.uris.append((name, value))
    bare, bar, _ = value.partition("|")
    if bar:
        terms.uris.append((name, bare))


def date(terms: Terms, name: str, value: Value) -> None:
    """A date, dateTime or instant."""
    low, high = dates.bounds(value)
    terms.dates.append((name, low, high))


def period(terms: Terms, name: str, value: Value) -> None:
    """A Period."""
    found = dates.period(value)
    if found:
        terms.dates.append((name, *found))


def timing(terms: Terms, name: str, value: Value) -> None:
    """A Timing, from its first to its last moment."""
    found = dates.timing(value)
    if found:
        terms.dates.append((name, *found))


def number(terms: Terms, name: str, value: Value) -> None:
    """An integer or decimal."""
    at = quantities.point(value)
    terms.numbers.append((name, at, at, None, None))


def quantity(terms: Terms, name: str, value: Value) -> None:
    """A Quantity by its coded unit, or by its written one where it has no code."""
    found = quantities.quantity(value)
    if found:
        terms.numbers.append((name, *found, value.get("system") or "", value.get("code") or value.get("unit") or ""))


def money(terms: Terms, name: str, value: Value) -> None:
    """Money, whose unit is its currency."""
    found = quantities.quantity(value)
    if found:
        terms.numbers.append((name, *found, "urn:iso:std:iso:4217", value.get("currency") or ""))


def spread(terms: Terms, name: str, value: Value) -> None:
    """A Range by the unit of the end that has one."""
    found = quantities.spread(value)
    if found:
        end = value.get("low") or value.get("high") or {}
        terms.numbers.append((name, *found, end.get("system") or "", end.get("code") or end.get("unit") or ""))


def sampled(terms: Terms, name: str, value: Value) -> None:
    """SampledData by the range that it covers."""
    found = quantities.sampled(value)
    if found:
        origin = value.get("origin", {})
        terms.numbers.append((name, *found, origin.get("system") or "", origin.get("code") or origin.get("unit") or ""))


def reference(terms: Terms, name: str, value: Value) -> None:
    """A Reference: its target where it is literal, its identifier for `:identifier`."""
    literal = value.get("reference")
    if literal:
        target = target_of(literal, terms.base)
        if target:
            terms.references.append((name, target))
        else:
            terms.present.add(name)
    logical = value.get("identifier")
    if logical:
        terms.present.add(name)
        if logical.get("value") is not None:
            terms.tokens.append((name + ":identifier", logical.get("system") or "", logical["value"]))


def canonical(terms: Terms, name: str, value: Value) -> None:
    """A canonical or uri that serves as a reference: with and without its version."""
    terms.references.append((name, value))
    bare, bar, _ = value.partition("|")
    if bar:
        terms.references.append((name, bare))


def inlined(terms: Terms, name: str, value: Value) -> None:
    """A resource inside a Bundle, as if it were referred to."""
    if value.get("id"):
        terms.references.append((name, f"{value.get('resourceType')}/{value['id']}"))


@lru_cache(maxsize=4096)
def target_of(literal: str, base: str = "") -> str | None:
    """`Type/id` of a local reference, the URL of any other; None for one into the resource itself or by a search."""
    match = LITERAL.fullmatch(literal)
    if match and (match[1] is None or match[1] == base):
        return f"{match[2]}/{match[3]}"
    if not literal or literal[0] == "#" or (match is None and "?" in literal and not literal.startswith(("http", "urn:"))):
        return None
    return literal


def points_to(value: Value, resource_type: str) -> bool:
    """Whether a Reference points to a resource of the type, as its text or its `type` says."""
    literal = value.get("reference")
    if literal is None:
        return bool(value.get("type") == resource_type)
    return literal.startswith(resource_type + "/") or f"/{resource_type}/" in literal


def has_extension(value: Value, url: str) -> bool:
    """Whether an element carries the extension."""
    return any(extension.get("url") == url for extension in value.get("extension", ()))


Reader = Callable[[Terms, str, Value], None]

READERS: dict[str, dict[str, Reader]] = {
    "token": {"Coding": coding, "CodeableConcept": concept, "Identifier": identifier, "ContactPoint": contact, "code": plain,
              "boolean": boolean, "exists": exists},
    "string": {"HumanName": human_name, "Address": address, "CodeableConcept": concept_string},
    "date": {"Period": period, "Timing": timing},
    "number": {},
    "quantity": {"Money": money, "Range": spread, "SampledData": sampled},
    "reference": {"Reference": reference, "Resource": inlined},
    "uri": {},
}  # fmt: skip
"""Kind -> FHIR type -> reader; other types of the kind have the reader in DEFAULT."""

DEFAULT: dict[str, Reader] = {
    "token": plain, "string": string, "date": date, "number": number, "quantity": quantity, "reference": canonical, "uri": uri,
}  # fmt: skip


def reader(kind: str, fhir_type: str) -> Reader:
    """The reader of a FHIR type for a parameter of that kind."""
    return READERS[kind].get(fhir_type, DEFAULT[kind])
