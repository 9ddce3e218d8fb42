"""SMART scopes: a token may do what they name, within its account. They narrow, never widen.

Version 2 with its searches (`patient/Observation.rs?category=laboratory`) and version 1 (`patient/Observation.read`):
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html. What is not understood grants nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from sojourn.base.errors import SojournError
from sojourn.fhir.definitions import RESOURCE_TYPES
from sojourn.fhir.query import Tokens
from sojourn.fhir.search import parse as parse_search
from sojourn.record.index import Keys

SCOPED: Final = 1 << 61
"""In the mask of a decision: rows have to be within the scopes among its keys (gate.scoped)."""

_ONE = re.compile(r"(patient|user|system)/(\*|[A-Za-z]+)\.(read|write|\*|c?r?u?d?s?)(?:\?(.+))?")
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}
_LETTERS = {"create": "c", "read": "r", "update": "u", "delete": "d", "search": "s", "patch": "u", "sign": "u", "provide": "c", "message": "c"}
MOST = 40
"""Scopes that one token may have: each is looked at for every row."""


class Scope(NamedTuple):
    """One scope: type or `*`, letters of cruds, the patient it is confined to, and a row's token keys of which it must have all of one group."""

    type: str
    letters: str
    patient: str | None = None
    groups: tuple[tuple[int, ...], ...] = ((),)


@dataclass(frozen=True, slots=True)
class Scopes:
    """A set of scopes: something passes if one of them lets it."""

    all: tuple[Scope, ...]

    def allows(self, action: str, type_: str) -> bool:
        """Whether an action on a type is within any of them. History is reading and searching; nothing that is not of FHIR is in a scope."""
        if action == "history":
            return self.allows("read", type_) and self.allows("search", type_)
        letter = _LETTERS.get(action)
        return letter is not None and any(letter in s.letters and s.type in ("*", type_) for s in self.all)

    def entries(self, number: int) -> Iterator[str]:
        """What a row must fit one of to be seen, as gate.scoped reads it. A row that may be read but not searched for, or the other
        way round, is within the scopes only where both say so, unless only one of them is granted for its type. The lines of a type that is
        named say all that holds for it, also by scopes for every type; those of `*` are for the other types."""
        yield f"scope {number} - - "  # fits nothing: a set without scopes is still a set
        for type_ in sorted({s.type for s in self.all}):
            mine = [s for s in self.all if s.type in (type_, "*")]
            reads: list[Scope | None] = [s for s in mine if "r" in s.letters]
            searches: list[Scope | None] = [s for s in mine if "s" in s.letters]
            if not reads and not searches:
                reads = list(mine)  # only to be written: it has to be there for that, and no question may be asked for it
            for one, other in product(reads or [None], searches or [None]):
                yield from _entries(number, type_, one, other)

    def fits(self, action: str, type_: str, patient: str | None, tokens: Iterable[int]) -> bool:
        """Whether something to be written is within a scope for it."""
        letter, known = _LETTERS[action], set(tokens)
        return any(
            letter in s.letters and s.type in ("*", type_) and s.patient in (None, patient) and any(known.issuperset(group) for group in s.groups) for s in self.all
        )


def _entries(number: int, type_: str, one: Scope | None, other: Scope | None) -> Iterator[str]:
    both = [s for s in (one, other) if s is not None]
    patients = {s.patient for s in both if s.patient}
    if not both or len(patients) > 1:
        return
    for groups in product(*(s.groups for s in both)):
        keys = sorted({key for group in groups for key in group})
        yield f"scope {number} {type_} {next(iter(patients), '*')} {','.join(map(str, keys))}"


def parse(text: str, keys: Keys, *, patient: str | None = None) -> Scopes:
    """The scopes in a space-separated text. patient: the one in whose context the token is; without one `patient/` scopes grant nothing."""
    found = []
    for part in text.split()[:MOST]:
        match = _ONE.fullmatch(part)
        if match is None:
            continue  # openid, launch and the like say nothing about data
        level, type_, letters, search = match.groups()
        if not letters or (type_ != "*" and type_ not in RESOURCE_TYPES) or (level == "patient" and patient is None):
            continue
        groups = _groups(type_, search, keys) if search else ((),)
        if groups:
            found.append(Scope(type_, _VERSION_1.get(letters, letters), patient if level == "patient" else None, groups))
    return Scopes(tuple(found))


def _groups(type_: str, search: str, keys: Keys) -> tuple[tuple[int, ...], ...]:
    """The token keys of a scope's search: of each group a row must have all. () for a search that is not of plain codes."""
    if type_ == "*":
        return ()
    try:
        query = parse_search(type_, parse_qsl(search, strict_parsing=True), handling="strict")
    except (SojournError, ValueError):
        return ()
    if query.include or query.revinclude or query.sort or not query.where:
        return ()
    alternatives: list[list[int]] = []
    for condition in query.where:
        if not isinstance(condition, Tokens) or condition.negated or (None, None) in condition.values:
            return ()
        alternatives.append([keys.token(t, name, v.system, v.code) for t in condition.types for name in condition.names for v in condition.values])
    return tuple(product(*alternatives))


def of_types(types: Sequence[str] | None) -> Scopes:
    """Reading and searching these types; None: every type."""
    return Scopes(tuple(Scope(t, "rs") for t in (["*"] if types is None else types)))
