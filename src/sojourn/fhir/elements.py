"""Read a resource safely: codes, names, periods, references, as screens and labels need them.

Each function takes what a resource may hold at that place, also nothing, and never raises: what is
not there, or not of the shape that FHIR gives it, reads as empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple


class Coding(NamedTuple):
    """A code with its system and display; each empty when absent."""

    system: str
    code: str
    display: str


class Period(NamedTuple):
    """From and to as written (FHIR dateTime, any precision); empty when open or unknown."""

    start: str
    end: str


class Target(NamedTuple):
    """What a reference points to, as far as it says; each empty when it does not."""

    type: str
    id: str
    display: str


def text(value: Any) -> str:
    """A string as it is; anything else as empty."""
    return value if isinstance(value, str) else ""


def items(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, or one object as a list of itself."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def first(value: Any) -> dict[str, Any]:
    """The first object of a list, or the object; empty when there is none."""
    found = items(value)
    return found[0] if found else {}


def at(resource: Any, *path: str) -> list[Any]:
    """All values found by following these property names, through lists."""
    found = [resource]
    for name in path:
        found = [child for node in found if isinstance(node, dict) for child in _listed(node.get(name))]
    return found


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return [item for item in value if item is not None] if isinstance(value, list) else [value]


def codings(concept: Any) -> list[Coding]:
    """The codings of a CodeableConcept, of a list of them, or a Coding itself."""
    return list(_codings(concept))


def _codings(concept: Any) -> Iterator[Coding]:
    for item in items(concept):
        for coding in items(item.get("coding", [] if "text" in item else item)):
            yield Coding(text(coding.get("system")), text(coding.get("code")), text(coding.get("display")))


def code_of(concept: Any, system: str) -> str:
    """The first code of this system in a CodeableConcept or list of them; empty when there is none."""
    return next((coding.code for coding in codings(concept) if coding.system == system), "")


def has_code(concept: Any, system: str, *codes: str) -> bool:
    """Whether a CodeableConcept, or any of a list, has one of these codes."""
    return any(coding.system == system and coding.code in codes for coding in codings(concept))


def words(concept: Any) -> str:
    """A CodeableConcept as a reader sees it: its text, or else a display, or else a code."""
    concept = first(concept)
    if text(concept.get("text")):
        return text(concept.get("text"))
    known = codings(concept)
    return next((c.display for c in known if c.display), next((c.code for c in known if c.code), ""))


_USES = ("usual", "official", "", "nickname", "temp", "anonymous", "old", "maiden")


def name_text(names: Any) -> str:
    """The name to show for a person: the one in use, as its text or as given and family names."""
    known = sorted(items(names), key=lambda name: _USES.index(use) if (use := text(name.get("use"))) in _USES else len(_USES))
    return next(filter(None, map(_one_name, known)), "")


def _one_name(name: dict[str, Any]) -> str:
    if text(name.get("text")):
        return text(name.get("text"))
    given = [text(part) for part in _listed(name.get("given"))]
    suffix = [text(part) for part in _listed(name.get("suffix"))]
    return " ".join(part for part in (*given, text(name.get("family")), *suffix) if part)


def sort_name(names: Any) -> str:
    """The same name as lists sort it: "Reyes, Ana María"."""
    name = next((n for n in items(names) if n.get("use") in (None, "official", "usual")), first(names))
    family, given = text(name.get("family")), " ".join(filter(None, map(text, _listed(name.get("given")))))
    return ", ".join(filter(None, (family, given))) or text(name.get("text"))


def period(value: Any) -> Period:
    """A Period; a dateTime alone is a period that starts and ends then."""
    if isinstance(value, str):
        return Period(value, value)
    value = first(value)
    return Period(text(value.get("start")), text(value.get("end")))


def when(resource: dict[str, Any], element: str) -> Period:
    """A choice of date, dateTime, instant and Period (`effective[x]`, `onset[x]`), whichever is there."""
    for suffix in ("DateTime", "Date", "Instant", "Period"):
        if f"{element}{suffix}" in resource:
            return period(resource[f"{element}{suffix}"])
    return Period("", "")


def target(reference: Any) -> Target:
    """A Reference to another resource, relative or absolute; a version in it is left out."""
    reference = first(reference)
    way = text(reference.get("reference")).partition("/_history/")[0].split("/")
    display = text(reference.get("display"))
    if len(way) >= 2 and way[-2][:1].isupper() and way[-1]:
        return Target(way[-2], way[-1], display)
    return Target(text(reference.get("type")), "", display)


def id_of(reference: Any, type_: str) -> str:
    """The id that a Reference names, if it is to a resource of this type; else empty."""
    found = target(reference)
    return found.id if found.type == type_ else ""


def identifier(resource: dict[str, Any], system: str) -> str:
    """The first identifier of this system; empty when there is none."""
    return next((text(i.get("value")) for i in items(resource.get("identifier")) if i.get("system") == system), "")


def extension(element: Any, url: str) -> Any:
    """The value of the first extension with this url, of whatever type; None when there is none."""
    for found in items(first(element).get("extension")):
        if found.get("url") == url:
            return next((value for key, value in found.items() if key.startswith("value")), None)
    return None


def contact(points: Any, system: str) -> str:
    """The first phone number, email or the like that is not an old one, by rank."""
    known = [p for p in items(points) if p.get("system") == system and p.get("use") != "old" and text(p.get("value"))]
    known.sort(key=lambda p: p["rank"] if isinstance(p.get("rank"), int) else 1000)
    return text(known[0].get("value")) if known else ""
