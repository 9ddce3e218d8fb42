"""A code system: a loaded release, a CodeSystem of the organization, or one of FHIR's own tables.

https://hl7.org/fhir/R4/codesystem.html. What is not installed is said to be so: it is never answered that a code of it is unknown.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from sojourn.base.errors import SojournError
from sojourn.fhir.definitions import DEFINITIONS
from sojourn.gate.vocabulary import asking
from sojourn.gate.vocabulary.asking import Code, Installed, Listed
from sojourn.wire.vocabulary.model import NAMES

if TYPE_CHECKING:
    from sojourn.gate.access import Access


class NotInstalled(SojournError):
    """This code system is not installed here, so nothing can be said of its codes; load a release of it first (docs/vocabulary.md)."""

    status = 422
    code = "not-supported"


def name_of(url: str) -> str:
    """What people call a system."""
    return NAMES.get(url) or url


class System(ABC):
    """What can be asked of a system."""

    url: str
    version: str
    named: bool = True
    """Whether it knows names of its codes."""

    @abstractmethod
    async def codes(self, wanted: Iterable[str]) -> Mapping[str, Code]:
        """Those of the codes that it has."""

    @abstractmethod
    async def under(self, wanted: Iterable[str], tops: Iterable[str]) -> set[str]:
        """Which of the codes are one of `tops` or a kind of one."""

    @abstractmethod
    async def listed(self, tops: Iterable[str] | None, words: str, *, inactive: bool, offset: int, most: int) -> tuple[list[Listed], int]:
        """Codes under `tops` (None: all) with these words, and how many there are."""


async def find(access: Access, url: str, version: str = "", day: date | None = None) -> System:
    """The system of a URL. Raises NotInstalled, also for a version that is not there."""
    release = await asking.release_of(access, url, version)
    if release is not None:
        return _Loaded(access, release, day)
    if url not in NAMES and access.may("CodeSystem", "search"):
        found = await access.search("CodeSystem", [("url", url), *([("version", version)] if version else [])], count=2)
        for stored in found.matches:
            if stored.resource.get("content") == "complete":
                return Listing(stored.resource)
    if url in DEFINITIONS.code_systems and url not in NAMES and not version:
        return _Table(url)
    other = " in this version" if version and await asking.release_of(access, url) is not None else ""
    raise NotInstalled(f"{name_of(url)} is not installed here{other}, so nothing can be said of its codes; load a release of it first.")


class _Loaded(System):
    """A release."""

    def __init__(self, access: Access, release: Installed, day: date | None) -> None:
        self.url, self.version = release.system, release.version
        self._access, self._release, self._day = access, release, day

    async def codes(self, wanted: Iterable[str]) -> Mapping[str, Code]:
        return await asking.codes(self._access, self._release, wanted, self._day)

    async def under(self, wanted: Iterable[str], tops: Iterable[str]) -> set[str]:
        return await asking.under(self._access, self._release, wanted, tops)

    async def listed(self, tops: Iterable[str] | None, words: str, *, inactive: bool, offset: int, most: int) -> tuple[list[Listed], int]:
        return await asking.listed(self._access, self._release, tops=tops, words=words, inactive=inactive, day=self._day, offset=offset, most=most)


class _Known(System):
    """A system whose codes are all at hand."""

    _all: Mapping[str, Code]

    async def codes(self, wanted: Iterable[str]) -> Mapping[str, Code]:
        return {c: self._all[c] for c in wanted if c in self._all}

    async def under(self, wanted: Iterable[str], tops: Iterable[str]) -> set[str]:
        over = set(tops)
        return {c for c in wanted if c in self._all and over & self._above(c)}

    async def listed(self, tops: Iterable[str] | None, words: str, *, inactive: bool, offset: int, most: int) -> tuple[list[Listed], int]:
        over = None if tops is None else set(tops)
        asked = words.lower().split()
        fit = [
            Listed(c.code, c.display, c.usable)
            for c in self._all.values()
            if (inactive or c.usable) and (over is None or over & self._above(c.code)) and all(any(w.startswith(a) for w in _words(c)) for a in asked)
        ]
        return fit[offset : offset + most], len(fit)

    def _above(self, code: str) -> set[str]:
        seen: set[str] = set()
        todo = [code]
        while todo:
            one = todo.pop()
            if one not in seen:
                seen.add(one)
                todo += self._all[one].parents if one in self._all else ()
        return seen


def _words(code: Code) -> list[str]:
    return f"{code.code} {code.display} {' '.join(code.names)}".lower().replace("-", " ").replace("(", " ").split()


class _Table(_Known):
    """A system that FHIR's packages define: its codes, of which the tables keep no names."""

    named = False

    def __init__(self, url: str) -> None:
        self.url, self.version = url, ""
        self._all = {c: Code(c, c, True, "", None, None, (), (), ()) for c in DEFINITIONS.code_systems[url]}


class Listing(_Known):
    """A complete CodeSystem resource."""

    def __init__(self, resource: Mapping[str, Any]) -> None:
        self.url, self.version = str(resource.get("url", "")), str(resource.get("version", ""))
        found: dict[str, Code] = {}
        todo: list[tuple[Any, str]] = [(c, "") for c in reversed(resource.get("concept") or [])]
        while todo:
            concept, above = todo.pop()
            if not isinstance(concept, dict) or not isinstance(concept.get("code"), str):
                continue
            facts = {p.get("code"): p for p in concept.get("property") or [] if isinstance(p, dict)}
            usable = not (facts.get("inactive", {}).get("valueBoolean") or facts.get("status", {}).get("valueCode") in _GONE)
            names = tuple(str(d["value"]) for d in concept.get("designation") or [] if isinstance(d, dict) and d.get("value"))
            code = concept["code"]
            parents = tuple(p for p in (above, str(facts.get("parent", {}).get("valueCode", ""))) if p)
            found.setdefault(code, Code(code, str(concept.get("display") or code), usable, "", None, None, names, (), parents))
            todo += [(c, code) for c in reversed(concept.get("concept") or [])]
        self._all = found


_GONE: Final = ("retired", "deprecated", "inactive")
