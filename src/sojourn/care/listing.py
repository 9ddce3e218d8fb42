"""Lines of a list kept for years: where each comes from, and what was said when it was changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sojourn.care.resources import author, moment
from sojourn.gate.access import Access

SOURCE: Final = "https://sojourn.example/fhir/StructureDefinition/line-source"
"""Extension on a line of a list: where it comes from, a key of SOURCES."""
TELLER: Final = "https://sojourn.example/fhir/StructureDefinition/line-teller"
"""Extension on a line: whose record or list it is, in words; what stands beside a reference is not shown to everybody."""
HERE, HOME, OUTSIDE, IMPORTED = "here", "home", "outside", "imported"
SOURCES: Final = {HERE: "Prescribed here", HOME: "Told by the client", OUTSIDE: "Outside record", IMPORTED: "Imported"}
OTHERS: Final = "Another program wrote this. Nothing is added to what another program wrote: write a line of your own instead."


class Item(NamedTuple):
    """Something on a list. ref: `Type/id`. codes: (system, code). source: a key of SOURCES, or ''."""

    ref: str
    name: str
    codes: tuple[tuple[str, str], ...] = ()
    source: str = ""


class Note(NamedTuple):
    """What was said when it was changed. by: a reference or a name; at: a FHIR dateTime."""

    by: str
    at: str
    text: str


def source(code: str) -> dict[str, str]:
    """The extension that says where a line comes from."""
    return {"url": SOURCE, "valueCode": code}


def teller(words: str) -> list[dict[str, str]]:
    """The extension that says whose record it is; none for no words."""
    return [{"url": TELLER, "valueString": words}] if words else []


def told_by(r: Mapping[str, Any]) -> str:
    """Whose record a line says that it is from, in words, or ''."""
    return next((str(e.get("valueString", "")) for e in r.get("extension", ()) if e.get("url") == TELLER), "")


def text_of(concept: Any) -> str:
    """What a CodeableConcept says."""
    if not isinstance(concept, dict):
        return ""
    codings = [c for c in concept.get("coding", ()) if isinstance(c, dict)]
    return next((str(s) for s in (concept.get("text"), *(c.get("display") for c in codings), *(c.get("code") for c in codings)) if s), "")


def notes_of(r: Mapping[str, Any]) -> tuple[Note, ...]:
    """What was said about it, the oldest first."""
    notes = [n for n in r.get("note", ()) if isinstance(n, dict)]
    return tuple(Note(str((n.get("authorReference") or {}).get("reference", "")) or str(n.get("authorString", "")), str(n.get("time", "")), str(n.get("text", ""))) for n in notes)


def note(access: Access, text: str) -> dict[str, Any]:
    """Who says what, now."""
    who = author(access)
    return {**({"authorReference": who} if who else {"authorString": access.caller.name}), "time": moment(access), "text": text[:2000]}
