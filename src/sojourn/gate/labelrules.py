"""By which rules labels are given: dated lists of codes, an organization's own, laws of its state.

The lists that are shipped are in valuesets/, one file for each subject; what an organization adds are dated rows of its own
(record.subject_code, record.subject_law). A digest names the whole, and every relabelling says by which it was done.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from sojourn.base import crypto
from sojourn.gate import bases

PARENTS: Final = {"ETHUD": ("SUD",), "OPIOIDUD": ("SUD",)}
"""A code is always sent with its parent: receivers may not know that one includes the other."""


class Codes(NamedTuple):
    """What the codes of one code system are about."""

    exact: dict[str, frozenset[str]]
    prefixes: dict[str, frozenset[str]]
    lengths: tuple[int, ...]
    """Lengths of the prefixes, longest first."""

    def tags(self, code: str) -> frozenset[str]:
        """What a code is about: everything that any of our entries says of it."""
        found = self.exact.get(code)
        for n in self.lengths:
            begins = self.prefixes.get(code[:n])
            if begins is not None:
                found = begins if found is None else found | begins
        return _NONE if found is None else found


_NONE: Final[frozenset[str]] = frozenset()
_FORM: Final = 5
"""Raised when labels are written otherwise, so that what is there is labelled again."""


class ValueSet(NamedTuple):
    """One list as it is shipped. sure: whether the codes were checked; question: for a list that only asks (`[[ask]]`); checked: against what a test
    holds every code of it, empty where nothing at hand has the code system; beneath: whether what is a kind of a code is about the same, as far as a release that the
    organization loaded says so."""

    file: str
    title: str
    systems: tuple[str, ...]
    tags: tuple[str, ...]
    source: str
    sure: bool
    since: date
    codes: tuple[str, ...]
    prefixes: tuple[str, ...]
    note: str
    question: str
    checked: str
    beneath: bool


class OwnCode(NamedTuple):
    """A code that an organization added. prefix: whether all codes that begin like it are meant."""

    system: str
    code: str
    prefix: bool
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelRules:
    """The rules of one organization at one moment. laws: the basis of a subject that a law of its state protects."""

    systems: Mapping[str, Codes]
    questions: Mapping[tuple[str, str], tuple[tuple[str, ...], str]]
    laws: Mapping[str, int]
    digest: str

    def bases(self, tags: Iterable[str]) -> int:
        """The laws under which these subjects are."""
        mask = 0
        if self.laws:
            for tag in tags:
                mask |= self.laws.get(tag, 0)
        return mask


@cache
def value_sets() -> tuple[ValueSet, ...]:
    """The lists that are shipped, in the order of their files."""
    found: list[ValueSet] = []
    for file in sorted(files("sojourn.gate").joinpath("valuesets").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            data = tomllib.loads(file.read_text("utf-8"))
            found += [_value_set(file.name, part) for kind in ("set", "ask") for part in data.get(kind, ())]
    return tuple(found)


def _value_set(file: str, part: Mapping[str, Any]) -> ValueSet:
    codes, prefixes = tuple(part.get("codes", ())), tuple(part.get("prefixes", ()))
    return ValueSet(
        file, part["title"], tuple(part["systems"]), tuple(part["tags"]), part["source"], part["sure"], part["since"], codes, prefixes, part.get("note", ""), part.get("question", ""),
        part.get("checked", ""), bool(part.get("beneath")),
    )  # fmt: skip


class Kind(NamedTuple):
    """`code` is a kind of `top`, by a release that the organization loaded."""

    system: str
    top: str
    code: str


def tops() -> list[tuple[str, str]]:
    """(code system, code) of which kinds are wanted, too."""
    return sorted({(s.systems[0], code) for s in value_sets() if s.beneath for code in s.codes})


def made_of(own: Iterable[OwnCode] = (), laws: Iterable[tuple[str, str]] = (), kinds: Iterable[Kind] = ()) -> LabelRules:
    """The shipped lists with an organization's own codes, (tag, name of the basis) for each subject under a law, and what is a kind of the listed codes."""
    systems: dict[str, Codes] = {}
    under: dict[tuple[str, str], list[str]] = {}
    beneath = sorted(kinds)
    for kind in beneath:
        under.setdefault((kind.system, kind.top), []).append(kind.code)
    questions: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {}
    for shipped in value_sets():
        for system in shipped.systems:
            if shipped.question:
                questions |= {(system, code): (shipped.tags, shipped.question) for code in shipped.codes}
            else:
                more = [code for top in shipped.codes for code in under.get((shipped.systems[0], top), ())] if shipped.beneath else []
                _enter(systems, system, [*shipped.codes, *more], shipped.prefixes, shipped.tags)
    mine, protected = sorted(own), sorted(laws)
    for code in mine:
        _enter(systems, code.system, () if code.prefix else (code.code,), (code.code,) if code.prefix else (), code.tags)
    known = {basis.name: basis.bit for basis in bases.BASES}
    bits: dict[str, int] = {}
    for tag, name in protected:
        bits[tag] = bits.get(tag, 0) | known.get(name, bases.UNLABELLED)  # a law that we do not know withholds
    said = repr((_FORM, value_sets(), mine, protected, *([beneath] if beneath else []))).encode()
    return LabelRules(systems, questions, bits, crypto.sha256(said).hex()[:16])


def _enter(systems: dict[str, Codes], system: str, codes: Iterable[str], prefixes: Iterable[str], tags: Iterable[str]) -> None:
    table = systems.get(system, Codes({}, {}, ()))
    whole = frozenset(tags) | {parent for tag in tags for parent in PARENTS.get(tag, ())}
    for known, added in ((table.exact, codes), (table.prefixes, prefixes)):
        for code in added:
            known[code] = known.get(code, frozenset()) | whole
    systems[system] = table._replace(lengths=tuple(sorted({len(p) for p in table.prefixes}, reverse=True)))


@cache
def shipped() -> LabelRules:
    """The rules of an organization that added nothing."""
    return made_of()


@cache
def tag_codes() -> frozenset[str]:
    """Every tag that a shipped code can give."""
    systems = shipped().systems.values()
    return frozenset(tag for codes in systems for table in (codes.exact, codes.prefixes) for tags in table.values() for tag in tags)
