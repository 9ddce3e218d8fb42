"""Tables of what does not go together: read, every fault named, and what a name means in them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

SEVERITIES: Final = {"contraindicated": 3, "major": 2, "moderate": 1}
"""How grave a row is, the gravest with the greatest number."""
RXNORM: Final = "http://www.nlm.nih.gov/research/umls/rxnorm"
_CLASS: Final = "class:"
_WORD = re.compile(r"[a-z0-9]+")
_KINDS: Final = ("class", "ingredient", "allergen", "cross", "pair")
LONGEST: Final = 5_000_000
"""Characters of a table that can be loaded."""


class Fault(NamedTuple):
    """What is wrong with a table. place: such as `pair 3`; code: a short name for it; text: what to do."""

    place: str
    code: str
    text: str


class Ingredient(NamedTuple):
    """One ingredient. rxnorm: its codes, that of the ingredient itself first. about: what it is given for, where that is sensitive, or ''."""

    key: str
    names: tuple[str, ...]
    rxnorm: tuple[str, ...]
    classes: frozenset[str]
    about: str


class Row(NamedTuple):
    """A sentence of the table about two things, with its source. sure: whether it was compared with that source."""

    a: str
    b: str
    severity: str
    text: str
    source: str
    sure: bool


class Class(NamedTuple):
    """A class of ingredients. duplicate: how grave two of it on one list are, or ''."""

    key: str
    name: str
    duplicate: str


@dataclass(frozen=True)
class Table:
    """Everything that lists are compared with. number: which loaded version it is, 0 for what is shipped alone."""

    title: str
    version: str
    effective: date
    complete: bool
    source: str
    ingredients: Mapping[str, Ingredient]
    classes: Mapping[str, Class]
    pairs: tuple[Row, ...]
    allergens: Mapping[str, str]
    crosses: Mapping[str, Row]
    number: int = 0
    _names: Mapping[tuple[str, ...], str] = field(default_factory=dict, repr=False)
    _codes: Mapping[str, str] = field(default_factory=dict, repr=False)

    def ingredients_in(self, name: str, codes: Iterable[tuple[str, str]] = ()) -> frozenset[str]:
        """The ingredients that a medication names, by its RxNorm codes and by the words of its name; empty if the table knows none."""
        found = {self._codes[code] for system, code in codes if system == RXNORM and code in self._codes}
        words = _words(name)
        longest = max((len(n) for n in self._names), default=0)
        n = 0
        while n < len(words):
            size = next((s for s in range(min(longest, len(words) - n), 0, -1) if tuple(words[n : n + s]) in self._names), 0)
            if size:
                found.add(self._names[tuple(words[n : n + size])])
            n += size or 1
        return frozenset(found)

    def allergen(self, name: str, codes: Iterable[tuple[str, str]] = ()) -> frozenset[str]:
        """What an allergy is to: ingredients, and classes as `class:key`; empty if the table does not know it."""
        said = " ".join(_words(name))
        whole = {f"{_CLASS}{key}" for words, key in self.allergens.items() if words == said or re.search(rf"\b{re.escape(words)}\b", said)}
        return frozenset({*self.ingredients_in(name, codes), *whole})

    def is_a(self, ingredient: str, what: str) -> bool:
        """Whether an ingredient is `what`: itself or of that class."""
        if what.startswith(_CLASS):
            known = self.ingredients.get(ingredient)
            return known is not None and what.removeprefix(_CLASS) in known.classes
        return ingredient == what


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def parse(text: str) -> dict[str, Any]:
    """TOML or JSON as data. Raises ValueError that says where it cannot be read."""
    if len(text) > LONGEST:
        raise ValueError(f"The table is longer than {LONGEST:,} characters.")
    if text.lstrip().startswith("{"):
        return dict(json.loads(text))
    return tomllib.loads(text)


def faults(raw: Mapping[str, Any], base: Table | None = None) -> list[Fault]:
    """Everything that is wrong with a table that is to be loaded, over the one that it adds to. Empty: it can be loaded."""
    out: list[Fault] = []
    head = raw.get("table")
    if not isinstance(head, Mapping):
        return [Fault("table", "no-head", "Begin with [table]: title, version, effective, complete, source.")]
    out += [Fault("table", "missing", f"{key} is missing.") for key in ("title", "version", "source") if not str(head.get(key, "")).strip()]
    if _day(head.get("effective")) is None:
        out.append(Fault("table", "no-date", "effective has to be a day such as 2026-11-01."))
    if not isinstance(head.get("complete"), bool):
        out.append(Fault("table", "complete", "complete has to be true or false: whether whoever made it says that it is complete for what it covers."))
    out += [Fault(str(key), "unknown-part", f"There is no such part: {key}.") for key in raw if key not in ("table", *_KINDS)]
    rows = {kind: [r for r in raw[kind] if isinstance(r, Mapping)] if isinstance(raw.get(kind), list) else [] for kind in _KINDS}
    out += [Fault(kind, "not-a-list", f"Write [[{kind}]] for each.") for kind in _KINDS if kind in raw and (not isinstance(raw[kind], list) or len(rows[kind]) != len(raw[kind]))]
    classes = {str(r.get("key", "")) for r in rows["class"]} | set(base.classes if base else ())
    names = {str(r.get("key", "")) for r in rows["ingredient"]} | set(base.ingredients if base else ())
    out += _twice(rows["class"], "class") + _twice(rows["ingredient"], "ingredient")
    for n, row in enumerate(rows["class"], 1):
        if row.get("duplicate") not in (None, "", *SEVERITIES):
            out.append(Fault(f"class {n}", "severity", f"duplicate is one of {', '.join(SEVERITIES)}."))
    for n, row in enumerate(rows["ingredient"], 1):
        place = f"ingredient {n}"
        if not [x for x in _list(row.get("names")) if _words(x)]:
            out.append(Fault(place, "no-names", "names is empty: nothing would ever be recognized as it."))
        out += [Fault(place, "no-such-class", f"There is no class {c}.") for c in _list(row.get("classes")) if c not in classes]
    for n, row in enumerate(rows["allergen"], 1):
        if str(row.get("class", "")) not in classes:
            out.append(Fault(f"allergen {n}", "no-such-class", f"There is no class {row.get('class', '')}."))
        if not _list(row.get("names")):
            out.append(Fault(f"allergen {n}", "no-names", "names is empty."))
    for kind in ("pair", "cross"):
        for n, row in enumerate(rows[kind], 1):
            out += _row_faults(row, f"{kind} {n}", ("class",) if kind == "cross" else ("a", "b"), classes, names)
    return out


def _row_faults(row: Mapping[str, Any], place: str, sides: Sequence[str], classes: set[str], names: set[str]) -> list[Fault]:
    out = []
    for side in sides:
        said = str(row.get(side, ""))
        key = said.removeprefix(_CLASS)
        if (said.startswith(_CLASS) or side == "class") and key not in classes:
            out.append(Fault(place, "no-such-class", f"{side}: there is no class {key}."))
        elif not said.startswith(_CLASS) and side != "class" and said not in names:
            out.append(Fault(place, "no-such-ingredient", f"{side}: there is no ingredient {said}."))
    if row.get("severity") not in SEVERITIES:
        out.append(Fault(place, "severity", f"severity is one of {', '.join(SEVERITIES)}."))
    if not str(row.get("text", "")).strip():
        out.append(Fault(place, "no-text", "text is empty: whoever is warned has to know of what."))
    if not str(row.get("source", "")).strip():
        out.append(Fault(place, "no-source", "source is empty: nothing is a warning by hearsay."))
    return out


def _twice(rows: Sequence[Mapping[str, Any]], kind: str) -> list[Fault]:
    keys = [r["key"] if isinstance(r.get("key"), str) else "" for r in rows]
    out = [Fault(f"{kind} {n}", "no-key", "key is missing.") for n, key in enumerate(keys, 1) if not key.strip()]
    return out + [Fault(f"{kind} {n}", "twice", f"{key} is there already.") for n, key in enumerate(keys, 1) if key in keys[: n - 1]]


def _list(value: Any) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else []


def _day(value: Any) -> date | None:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value or ""))
    except ValueError:
        return None


def built(raw: Mapping[str, Any], base: Table | None = None, number: int = 0) -> Table:
    """The table of data without faults, over the one that it adds to: its rows go before those that have the same key."""
    head = raw["table"]
    of = base if base is not None and not head.get("alone") else None
    classes = dict(of.classes if of else {}) | {r["key"]: Class(r["key"], str(r.get("name") or r["key"]), str(r.get("duplicate") or "")) for r in raw.get("class", ())}
    ingredients = dict(of.ingredients if of else {}) | {r["key"]: _ingredient(r) for r in raw.get("ingredient", ())}
    pairs = {frozenset((r["a"], r["b"])): _row(r, r["a"], r["b"]) for r in raw.get("pair", ())}
    before = {frozenset((p.a, p.b)): p for p in (of.pairs if of else ())}
    allergens = dict(of.allergens if of else {}) | {" ".join(_words(name)): r["class"] for r in raw.get("allergen", ()) for name in r["names"]}
    crosses = dict(of.crosses if of else {}) | {r["class"]: _row(r, r["class"], r["class"]) for r in raw.get("cross", ())}
    day = _day(head["effective"])
    assert day is not None  # noqa: S101 - without faults it is one
    return Table(
        str(head["title"]), str(head["version"]), day, bool(head["complete"]) and (of is None or of.complete), str(head["source"]), ingredients, classes, tuple((before | pairs).values()), allergens, crosses, number,
        {tuple(_words(name)): key for key, i in ingredients.items() for name in i.names if _words(name)}, {code: key for key, i in ingredients.items() for code in i.rxnorm},
    )  # fmt: skip


def _ingredient(r: Mapping[str, Any]) -> Ingredient:
    return Ingredient(r["key"], tuple(r["names"]), tuple(map(str, r.get("rxnorm", ()))), frozenset(r.get("classes", ())), str(r.get("about", "")))


def _row(r: Mapping[str, Any], a: str, b: str) -> Row:
    return Row(a, b, r["severity"], str(r["text"]), str(r["source"]), not r.get("unverified", False))


@lru_cache(maxsize=1)
def starter() -> Table:
    """The table that comes with Sojourn. Raises ValueError if it has a fault."""
    raw = tomllib.loads((Path(__file__).parent / "starter.toml").read_text("utf-8"))
    found = faults(raw)
    if found:
        raise ValueError("; ".join(f"{f.place}: {f.text}" for f in found))
    return built(raw)
