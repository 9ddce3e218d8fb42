"""Which codes a value set has: whether one is in it, and all of them a page at a time.

https://hl7.org/fhir/R4/valueset.html#compositions. A value set comes from a resource of the organization, from FHIR's packages, or from the
system itself (`http://snomed.info/sct?fhir_vs=isa/73211009`, `http://loinc.org/vs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from sojourn.base import errors
from sojourn.care.vocabulary import systems
from sojourn.fhir import codes as tables
from sojourn.wire.vocabulary.model import LOINC

if TYPE_CHECKING:
    from sojourn.gate.access import Access

MOST: Final = 10_000
"""How many codes a value set of several parts may have to be listed."""
_DEPTH: Final = 8
_PARTS: Final = 200
"""Parts of a value set, those of the value sets that it takes in included; each counts as often as it is taken in."""
_IMPLICIT: Final = "?fhir_vs"


class TooMany(errors.SojournError):
    """The value set has too many codes to be listed; ask with a filter, or whether a code is in it."""

    status = 422
    code = "too-costly"


@dataclass(frozen=True, slots=True)
class Part:
    """Codes of one system. codes: exactly these, with the names that the value set gives them; under: those below any of each; others: of value sets, all of which have it."""

    system: str
    version: str = ""
    codes: Mapping[str, str] | None = None
    under: tuple[tuple[str, str], ...] = ()
    """(operation, code) of each filter, all of which hold: is-a, descendent-of, is-not-a, =."""
    others: tuple[Composed, ...] = ()


@dataclass(frozen=True, slots=True)
class Composed:
    """A value set: what is in it, less what is taken out."""

    url: str
    version: str = ""
    title: str = ""
    include: tuple[Part, ...] = ()
    exclude: tuple[Part, ...] = ()


@dataclass(slots=True)
class Member:
    """One code of a value set."""

    system: str
    code: str
    display: str
    usable: bool = True
    version: str = field(default="", compare=False)


class _Looking:
    """What one question looks up: each value set once, and no more parts than can be answered for."""

    def __init__(self) -> None:
        self._left, self.known = _PARTS, dict[str, Mapping[str, Any] | None]()

    def part(self) -> None:
        """One more. Raises TooMany."""
        self._left -= 1
        if self._left < 0:
            raise TooMany


async def find(access: Access, url: str, _depth: int = 0, _looking: _Looking | None = None) -> Composed:
    """The value set of a URL. Raises NotFound for one that nobody knows, NotSupported for what it asks that we cannot tell, TooMany."""
    looking = _looking or _Looking()
    plain, _, version = url.partition("|")
    if _depth > _DEPTH:
        raise errors.NotSupported("The value sets refer to each other without end.")
    if implicit := _implicit(plain):
        return implicit
    members = tables.members_of(plain)
    if (members is None or None in members.values()) and access.may("ValueSet", "search"):
        if url not in looking.known:
            found = await access.search("ValueSet", [("url", plain), *([("version", version)] if version else [])], count=1)
            looking.known[url] = found.matches[0].resource if found.matches else None
        if (resource := looking.known[url]) is not None:
            return await of_resource(access, resource, _depth, looking)
    if members is None:
        raise errors.NotFound("No value set of this URL is known here.")
    parts = tuple(Part(s, codes=None if codes is None else dict.fromkeys(sorted(codes), "")) for s, codes in members.items())
    missing = ", ".join(systems.name_of(p.system) for p in parts if p.codes is None)
    if missing:
        raise errors.NotSupported(f"Which codes of {missing} this value set has, the tables of its package do not say; store it as a ValueSet.")
    return Composed(plain, include=parts)


def _implicit(url: str) -> Composed | None:
    if url == f"{LOINC}/vs":
        return Composed(url, include=(Part(LOINC),))
    system, mark, rest = url.partition(_IMPLICIT)
    if not mark:
        return None
    if not rest:
        return Composed(url, include=(Part(system),))
    kind, _, code = unquote(rest.removeprefix("=")).partition("/")
    if kind == "isa" and code:
        return Composed(url, include=(Part(system, under=(("is-a", code),)),))
    raise errors.NotSupported("Of the value sets that a system has by itself, all codes (?fhir_vs) and those under one (?fhir_vs=isa/CODE) are offered.")


async def of_resource(access: Access, resource: Mapping[str, Any], _depth: int = 0, _looking: _Looking | None = None) -> Composed:
    """A ValueSet resource. Raises NotSupported for a filter that is not offered, NotFound for a value set that it takes in and nobody knows, TooMany."""
    looking = _looking or _Looking()
    compose = resource.get("compose") or {}
    if not compose and resource.get("expansion"):
        by_system: dict[str, dict[str, str]] = {}
        for c in _contained(resource["expansion"].get("contains") or []):
            by_system.setdefault(str(c.get("system", "")), {})[str(c["code"])] = str(c.get("display", ""))
        include: tuple[Part, ...] = tuple(Part(s, codes=codes) for s, codes in by_system.items())
        return Composed(str(resource.get("url", "")), str(resource.get("version", "")), str(resource.get("title", "")), include)
    return Composed(
        str(resource.get("url", "")), str(resource.get("version", "")), str(resource.get("title", "")),
        tuple([await _part(access, p, _depth, looking) for p in compose.get("include") or []]), tuple([await _part(access, p, _depth, looking) for p in compose.get("exclude") or []]),
    )  # fmt: skip


def _contained(parts: Sequence[Any]) -> list[dict[str, Any]]:
    out = []
    todo = list(reversed(parts))
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            if one.get("code") and not one.get("abstract"):
                out.append(one)
            todo += reversed(one.get("contains") or [])
    return out


_FILTERS: Final = ("is-a", "descendent-of", "is-not-a", "=")


async def _part(access: Access, part: Mapping[str, Any], depth: int, looking: _Looking) -> Part:
    looking.part()
    named = [str(c["code"]) for c in part.get("concept") or [] if isinstance(c, dict) and c.get("code")]
    shown = {str(c["code"]): str(c.get("display", "")) for c in part.get("concept") or [] if isinstance(c, dict) and c.get("code")}
    filters = []
    for f in part.get("filter") or []:
        if f.get("property") not in ("concept", "code") or f.get("op") not in _FILTERS:
            raise errors.NotSupported(f"Of filters, {', '.join(_FILTERS)} on `concept` are offered.", expression="ValueSet.compose.include.filter")
        looking.part()
        filters.append((str(f["op"]), str(f.get("value", ""))))
    others = []
    for url in part.get("valueSet") or []:
        looking.part()
        others.append(await find(access, str(url), depth + 1, looking))
    return Part(str(part.get("system", "")), str(part.get("version", "")), shown if named else None, tuple(filters), tuple(others))


async def member(access: Access, value_set: Composed, system: str, code: str, day: date | None = None) -> Member | None:
    """The code, if it is in the value set. An empty system stands for any. Raises NotInstalled where that cannot be told."""
    unknown: systems.NotInstalled | None = None
    for part in value_set.include:
        try:
            found = await _in_part(access, part, system, code, day)
        except systems.NotInstalled as error:
            unknown = error
            continue
        if found is None:
            continue
        for out in value_set.exclude:
            if await _in_part(access, out, found.system, code, day) is not None:
                return None
        return found
    if unknown is not None:
        raise unknown
    return None


async def _in_part(access: Access, part: Part, system: str, code: str, day: date | None) -> Member | None:
    found: Member | None = None
    for other in part.others:
        found = await member(access, other, system, code, day)
        if found is None:
            return None
    if not part.system:
        return found
    if system not in ("", part.system):
        return None
    return (await _held(access, part, [code], day)).get(code)


async def listed(access: Access, value_set: Composed, *, words: str = "", inactive: bool = True, offset: int = 0, most: int = 1000, day: date | None = None) -> tuple[list[Member], int]:
    """A page of its codes and how many there are. Raises NotInstalled, TooMany."""
    if len(value_set.include) == 1 and not value_set.exclude and (one := value_set.include[0]).system and not one.others and one.codes is None and _native(one):
        whole = await systems.find(access, one.system, one.version, day)
        tops = [one.under[0][1]] if one.under else None
        found, total = await whole.listed(tops, words, inactive=inactive, offset=offset, most=most)
        return [Member(one.system, c.code, c.display, c.usable, whole.version) for c in found], total
    everything: dict[tuple[str, str], Member] = {}
    for part in value_set.include:
        for m in await _of_part(access, part, words, day):
            everything.setdefault((m.system, m.code), m)
        if len(everything) > MOST:
            raise TooMany
    for part in value_set.exclude:
        for m in await _of_part(access, part, "", day):
            everything.pop((m.system, m.code), None)
    fit = [m for m in everything.values() if inactive or m.usable]
    return fit[offset : offset + most], len(fit)


def _native(part: Part) -> bool:
    return not part.under or (len(part.under) == 1 and part.under[0][0] == "is-a")


async def _of_part(access: Access, part: Part, words: str, day: date | None) -> list[Member]:
    if part.others:
        found, total = await listed(access, part.others[0], words=words, most=MOST, day=day)
        if total > MOST:
            raise TooMany
        rest = Part(part.system, part.version, part.codes, part.under, part.others[1:])
        if not (rest.system or rest.others):
            return found
        return await _kept(access, found, rest, day)
    if part.codes is not None:
        found = list((await _held(access, part, part.codes, day)).values())
        asked = words.lower().split()
        return [m for m in found if all(any(w.startswith(a) for w in f"{m.code} {m.display}".lower().split()) for a in asked)]
    whole = await systems.find(access, part.system, part.version, day)
    tops = [top for op, top in part.under if op in ("is-a", "descendent-of", "=")][:1] or None
    codes, total = await whole.listed(tops, words, inactive=True, offset=0, most=MOST)
    if total > MOST:
        raise TooMany
    held = await _held(access, part, [c.code for c in codes], day)
    return [held[c.code] for c in codes if c.code in held]


async def _kept(access: Access, members: Sequence[Member], part: Part, day: date | None) -> list[Member]:
    """Those that a part has too: as _in_part says of each, in few questions for all of them."""
    left = [m for m in members if not part.system or m.system == part.system]
    for other in part.others:
        by_set: dict[tuple[str, str], Member] = {}
        unknown: systems.NotInstalled | None = None
        for one in other.include:
            try:
                by_set.update({(m.system, m.code): m for m in await _kept(access, left, one, day)})
            except systems.NotInstalled as error:
                unknown = error
        if unknown is not None and len(by_set) < len(left):
            raise unknown
        for one in other.exclude:
            for m in await _kept(access, list(by_set.values()), one, day):
                by_set.pop((m.system, m.code), None)
        left = [m for m in left if (m.system, m.code) in by_set]
    if not part.system or not left:
        return left
    held = await _held(access, part, [m.code for m in left], day)
    return [m for m in left if m.code in held]


async def _held(access: Access, part: Part, wanted: Iterable[str], day: date | None) -> dict[str, Member]:
    """Those of the codes that a part of one system has; other value sets are looked at elsewhere."""
    asked = [c for c in wanted if part.codes is None or c in part.codes]
    named = part.codes or {}
    try:
        whole = await systems.find(access, part.system, part.version, day)
    except systems.NotInstalled:
        if part.codes is None or part.under:
            raise
        return {c: Member(part.system, c, named.get(c) or c) for c in asked}  # the value set itself names its codes
    known = await whole.codes(asked)
    fit = [c for c in asked if c in known or (part.codes is not None and not part.under)]
    for op, top in part.under:
        below = await whole.under(fit, [top])
        fit = [c for c in fit if {"is-a": c in below, "descendent-of": c in below and c != top, "is-not-a": c not in below, "=": c == top}[op]]
    return {c: Member(part.system, c, named.get(c) or (known[c].display if c in known else c), known[c].usable if c in known else True, whole.version) for c in fit}
