"""Values of a document as elements of FHIR: codes, times, quantities; nothing is changed into another."""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sojourn.wire.ccda.facts import Fact
from sojourn.wire.ccda.values import Coded, Quantity, Span

UCUM: Final = "http://unitsofmeasure.org"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_OID: Final = re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+")
_ROOT: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST: Final = 1000
_NUMBERS: Final = {"2.16.840.1.113883.4.6": "http://hl7.org/fhir/sid/us-npi"}
"""Registries of people that FHIR names by an address of their own."""
URI: Final = "urn:ietf:rfc:3986"


def words(text: str) -> str:
    """A text on one line, without what FHIR does not allow in one."""
    return " ".join(_CONTROL.sub(" ", text).split())[:_LONGEST]


def system(url: str) -> str:
    """A code system's address; '' for one that is no address."""
    return url if url.startswith("http") or _OID.fullmatch(url) else ""


def codings(found: Coded) -> list[dict[str, str]]:
    """The code with its translations, each once."""
    out: list[dict[str, str]] = []
    for one in (found, *found.others):
        code, by = words(one.code), system(one.system)
        if code and not any((c.get("system", ""), c["code"]) == (by, code) for c in out):
            out.append({**({"system": by} if by else {}), "code": code, **({"display": called} if (called := words(one.display)) else {})})
    return out


def name(found: Coded) -> str:
    """What a code is called, in the words of the document: what its author wrote, else the name of the code, else the code."""
    said = (found.text, found.display, *(o.text or o.display for o in found.others), found.code, *(o.code for o in found.others))
    return next((w for w in map(words, said) if w), "")


def concept(found: Coded | str | None) -> dict[str, Any] | None:
    """A CodeableConcept; None for a code that says nothing."""
    if isinstance(found, str):
        return {"text": text} if (text := words(found)) else None
    if found is None or not name(found):
        return None
    coded = codings(found)
    return {**({"coding": coded} if coded else {}), "text": name(found)}


def number(text: str) -> Decimal | None:
    """The number with its digits."""
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() and len(text) < 40 and "_" not in text else None


def quantity(found: Quantity) -> dict[str, Any]:
    """The element with its suffix, as {"valueQuantity": …} without the prefix: {"Quantity": …} or {"Range": …}."""
    low, high = number(found.number), number(found.upto) if found.upto else None
    if low is None:
        return {}
    unit = {"unit": words(found.unit), "system": UCUM, "code": found.unit.replace(" ", "")} if words(found.unit) else {}
    if high is not None:
        return {"Range": {"low": {"value": low, **unit}, "high": {"value": high, **unit}}}
    return {"Quantity": {"value": low, **({"comparator": found.sign} if found.sign else {}), **unit}}


def simple(found: Coded | Quantity | str | None) -> dict[str, Any]:
    """A SimpleQuantity, which is one without a sign; {} for what is none."""
    made = quantity(found).get("Quantity", {}) if isinstance(found, Quantity) else {}
    return {} if "comparator" in made else made


def said(found: Coded | Quantity | str | None) -> str:
    """A value in words."""
    if found is None or isinstance(found, str):
        return words(found or "")
    if isinstance(found, Coded):
        return name(found)
    unit = words(found.unit).strip("{}")
    amount = f"{found.number} to {found.upto}" if found.upto else f"{found.sign}{found.number}"
    return f"{amount} {unit}".strip() if unit and unit != "1" else amount


def period(time: Span) -> dict[str, str]:
    """A Period; one that ends before it begins keeps only its beginning."""
    end = time.end if not time.start or time.end[: len(time.start)] >= time.start[: len(time.end)] else ""
    return {**({"start": time.start} if time.start else {}), **({"end": end} if end else {})}


def when(prefix: str, time: Span) -> dict[str, Any]:
    """`effectiveDateTime` or `effectivePeriod`, whichever says it."""
    if time.start and time.start == time.end:
        return {f"{prefix}DateTime": time.start}
    whole = period(time)
    return {f"{prefix}Period": whole} if whole else {}


def identifier(text: str) -> dict[str, str] | None:
    """`root` or `root|extension` as an Identifier; None for what is none."""
    root, _, extension = text.partition("|")
    address = _NUMBERS.get(root) or f"urn:oid:{root}" if _ROOT.fullmatch(root) else f"urn:uuid:{root.lower()}" if _UUID.fullmatch(root) else ""
    if not address:
        return None
    return {"system": address, "value": words(extension)} if words(extension) else {"system": URI, "value": address}


def concepts(fact: Fact, *names: str) -> list[dict[str, Any]]:
    """The details of these names as CodeableConcepts."""
    return [c for key, value in fact.details if key in names and not isinstance(value, Quantity) and (c := concept(value))]


def texts(fact: Fact, *names: str) -> list[str]:
    """The details of these names that are words, each once."""
    return list(dict.fromkeys(w for key, value in fact.details if key in names and isinstance(value, str) and (w := words(value))))


def stated(fact: Fact, known: Collection[str]) -> str:
    """A state that a comment says in FHIR's own word, as our writer does where C-CDA has none; ''."""
    return next((w for w in texts(fact, "comment") if w in known), "")


def notes(fact: Fact, *told: str) -> dict[str, Any]:
    """What is commented on it, as `note`. told: words that stand elsewhere."""
    found = [{"text": w} for w in texts(fact, "comment") if w not in told]
    return {"note": found} if found else {}
