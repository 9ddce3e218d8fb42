"""Expands value sets to their codes, as far as the definitions at hand allow, and says where not.

The result is three-valued. A value set becomes `{system: [codes]}`; `{system: None}` means that
codes of that system belong to it but which ones cannot be told here (SNOMED CT, LOINC, UCUM …);
`None` for the whole value set means that nothing can be told.
https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Expansion = dict[str, set[str] | None]
Concept = dict[str, Any]


class Expander:
    """Expands the value sets of some packages; each expansion is worked out once."""

    def __init__(
        self, value_sets: Mapping[str, Any], code_systems: Mapping[str, Any], known: Mapping[str, Any]
    ) -> None:
        """`known` are compiled tables (package_facts) of packages that these build on."""
        self._value_sets = value_sets
        self._code_systems = code_systems
        self._listed: Mapping[str, list[str]] = known.get("codesystems", {})
        self._known: dict[str, Expansion | None] = {
            url: expansion_of(facts, self._listed)
            for url, facts in known.get("valuesets", {}).items()
            if url not in value_sets
        }

    def expand(self, url: str) -> Expansion | None:
        """Systems and their codes; see the module's docstring for what None means."""
        url = url.split("|", 1)[0]
        if url not in self._known:
            self._known[url] = None  # a value set that includes itself cannot be told
            self._known[url] = self._compose(self._value_sets.get(url))
        return self._known[url]

    def _compose(self, value_set: Any) -> Expansion | None:
        if not value_set:
            return None
        compose = value_set.get("compose")
        if not compose:
            return _listed(value_set.get("expansion"))
        out: Expansion = {}
        for include in compose.get("include", []):
            part = self._include(include)
            if part is None:
                return None
            for system, codes in part.items():
                out[system] = _union(out[system], codes) if system in out else codes
        for exclude in compose.get("exclude", []):
            part = self._include(exclude)
            if part is None:
                return None
            _subtract(out, part)
        return out

    def _include(self, include: dict[str, Any]) -> Expansion | None:
        part: Expansion | None = None
        system = include.get("system")
        if system is not None:
            part = {system: self._of_system(system, include)}
        for url in include.get("valueSet", []):
            other = self.expand(url)
            if other is None:
                return None
            part = dict(other) if part is None else _intersect(part, other)
        return part

    def _of_system(self, system: str, include: dict[str, Any]) -> set[str] | None:
        if "concept" in include:
            return {concept["code"] for concept in include["concept"]}
        code_system = self._code_systems.get(system)
        if code_system is None and system in self._listed and "filter" not in include:
            return set(self._listed[system])
        if not code_system or code_system.get("content") != "complete":
            return None
        codes: set[str] | None = {code for code, _, _ in walk(code_system.get("concept", []), ())}
        for rule in include.get("filter", []):
            chosen = _filtered(code_system, rule)
            codes = None if codes is None or chosen is None else codes & chosen
        return codes


def expansion_of(facts: Any, code_systems: Mapping[str, list[str]]) -> Expansion | None:
    """The expansion that compiled tables state for a value set."""
    if facts is None:
        return None
    return {
        system: set(code_systems[system]) if codes is True else None if codes is None else set(codes)
        for system, codes in facts.items()
    }


def _listed(expansion: Any) -> Expansion | None:
    if not expansion or "contains" not in expansion:
        return None
    out: Expansion = {}
    stack = list(expansion["contains"])
    while stack:
        entry = stack.pop()
        stack.extend(entry.get("contains", []))
        if "code" in entry:
            codes = out.setdefault(entry.get("system", ""), set())
            if codes is not None:
                codes.add(entry["code"])
    return out


def _union(one: set[str] | None, other: set[str] | None) -> set[str] | None:
    return None if one is None or other is None else one | other


def _intersect(one: Expansion, other: Expansion) -> Expansion:
    out: Expansion = {}
    for system in one.keys() & other.keys():
        mine, theirs = one[system], other[system]
        out[system] = theirs if mine is None else mine if theirs is None else mine & theirs
    return out


def _subtract(out: Expansion, part: Expansion) -> None:
    for system, codes in part.items():
        kept = out.get(system)
        if kept is None or codes is None:
            if system in out:
                out[system] = None
        else:
            out[system] = kept - codes


def walk(concepts: list[Concept], above: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...], Concept]]:
    """Every concept with its code and the codes above it in the nesting."""
    for concept in concepts:
        yield concept["code"], above, concept
        yield from walk(concept.get("concept", []), (*above, concept["code"]))


def _properties(concept: Concept) -> Iterator[tuple[str, Any]]:
    for item in concept.get("property", []):
        for key, value in item.items():
            if key.startswith("value"):
                yield item.get("code", ""), value.get("code") if isinstance(value, dict) else value


def _ancestors(code_system: dict[str, Any]) -> dict[str, set[str]]:
    """Code to every code above it, by nesting and by `subsumedBy` / `parent` properties."""
    direct: dict[str, set[str]] = {}
    for code, above, concept in walk(code_system.get("concept", []), ()):
        found = direct.setdefault(code, set())
        found.update(above[-1:])
        found.update(str(value) for name, value in _properties(concept) if name in ("subsumedBy", "parent"))
    closed: dict[str, set[str]] = {}
    for code in direct:
        seen: set[str] = set()
        todo = list(direct[code])
        while todo:
            parent = todo.pop()
            if parent not in seen:
                seen.add(parent)
                todo.extend(direct.get(parent, ()))
        closed[code] = seen
    return closed


def _filtered(code_system: dict[str, Any], rule: dict[str, Any]) -> set[str] | None:
    """Codes that one filter lets through; None when the filter is not understood."""
    name, operator, value = rule.get("property"), rule.get("op"), str(rule.get("value", ""))
    if name == "concept":
        return _by_hierarchy(code_system, str(operator), value)
    test = _property_test(str(operator), value)
    if test is None:
        return None
    chosen = set()
    for code, _, concept in walk(code_system.get("concept", []), ()):
        given = [code] if name == "code" else [str(v) for n, v in _properties(concept) if n == name]
        if test(given):
            chosen.add(code)
    return chosen


def _property_test(operator: str, value: str) -> Callable[[list[str]], bool] | None:
    if operator == "=":
        return lambda given: value in given
    if operator == "in":
        return lambda given: not set(value.split(",")).isdisjoint(given)
    if operator == "not-in":
        return lambda given: set(value.split(",")).isdisjoint(given)
    if operator == "exists":
        return lambda given: bool(given) == (value == "true")
    if operator == "regex":
        try:
            pattern = re.compile(value)
        except re.error:
            return None
        return lambda given: any(pattern.fullmatch(item) for item in given)
    return None


def _by_hierarchy(code_system: dict[str, Any], operator: str, value: str) -> set[str] | None:
    above = _ancestors(code_system)
    below = {code for code, ancestors in above.items() if value in ancestors}
    if operator == "is-a":
        return below | ({value} & above.keys())
    if operator in ("descendent-of", "descendant-of"):
        return below
    if operator == "is-not-a":
        return set(above) - below - {value}
    if operator == "generalizes":
        return above.get(value, set()) | {value}
    if operator == "in":
        return set(value.split(",")) & above.keys()
    if operator == "=":
        return {value} & above.keys()
    return None
