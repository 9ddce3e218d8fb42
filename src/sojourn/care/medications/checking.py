"""Compare medications and allergies with a table: what it names, what it could not look at."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Final, NamedTuple

from sojourn.care.listing import HERE, Item
from sojourn.care.medications.tables import SEVERITIES, Row, Table

INTERACTION, DUPLICATE, ALLERGY = "interaction", "duplicate", "allergy"
REPEATED, SAME = "repeated", "same"
ALWAYS: Final = "Only what you can see here was compared. That a table names nothing does not mean that these go together."
"""Said with every comparison, to everybody, in the same words: whether anything is kept from somebody never changes them."""


class Finding(NamedTuple):
    """What the table names. key: the same for the same sentence about the same ingredients, whichever lines name them.

    sides: of each of the two things the lines that name it, `Type/id`: what is told and what is ordered of one medication stand together.
    """

    key: str
    kind: str
    severity: str
    title: str
    text: str
    source: str
    sure: bool
    sides: tuple[tuple[str, ...], ...]

    @property
    def refs(self) -> tuple[str, ...]:
        """Every line that it is about."""
        return tuple(sorted({r for side in self.sides for r in side}))

    def covered(self, refs: Collection[str]) -> bool:
        """Whether what was said about these lines holds for it: each side still has one of them."""
        return all(any(r in refs for r in side) for side in self.sides)

    @property
    def tone(self) -> str:
        """How it looks."""
        return "amber" if self.severity == "moderate" else "red"


class Checked(NamedTuple):
    """What came of comparing. unknown: names of medications, unknown_allergies: of allergies that the table does not know."""

    findings: list[Finding]
    medications: int
    unknown: list[str]
    allergies: int
    unknown_allergies: list[str]
    table: Table

    def said(self) -> list[str]:
        """What was compared and what was not, in sentences."""
        table, known = self.table, self.medications - len(self.unknown)
        allergies = _of(self.allergies - len(self.unknown_allergies), self.allergies, "allergy", "allergies") if self.allergies else "no allergy, because none is on the list"
        out = [f"Compared with {table.title}, version {table.version}: {_of(known, self.medications, 'medication')} and {allergies}."]
        if self.unknown:
            out.append(f"{_are(len(self.unknown), self.medications, 'medication')} not known to the table: {', '.join(dict.fromkeys(self.unknown))}.")
        if self.unknown_allergies:
            out.append(f"{_are(len(self.unknown_allergies), self.allergies, 'allergy', 'allergies')} not known to the table: {', '.join(self.unknown_allergies)}.")
        if not table.complete:
            out.append("The table is marked as not complete.")
        return [*out, ALWAYS]


def _of(n: int, whole: int, one: str, many: str = "") -> str:
    return f"{n} of {whole} {one if whole == 1 else many or one + 's'}"


def _are(n: int, whole: int, one: str, many: str = "") -> str:
    return f"{_of(n, whole, one, many)} {'is' if n == 1 else 'are'}"


class _Known(NamedTuple):
    """Lines of one medication, by the ingredients that they name."""

    name: str
    ingredients: frozenset[str]
    items: tuple[Item, ...]

    @property
    def refs(self) -> tuple[str, ...]:
        return tuple(sorted(i.ref for i in self.items))


def check(table: Table, medications: Sequence[Item], allergies: Sequence[Item]) -> Checked:
    """Every pair, every duplicate and every allergy that the table names, the gravest first."""
    grouped: dict[frozenset[str], list[Item]] = {}
    unknown = []
    for item in medications:
        ingredients = table.ingredients_in(item.name, item.codes)
        if ingredients:
            grouped.setdefault(ingredients, []).append(item)
        else:
            unknown.append(item.name)
    known = [_Known(next((i.name for i in items if i.source == HERE), items[0].name), ingredients, tuple(items)) for ingredients, items in grouped.items()]
    allergic = [(a, table.allergen(a.name, a.codes)) for a in allergies]
    found = [f for k in known for f in _repeated(k)]
    found += [f for one, two in combinations(known, 2) for f in (*_pairs(table, one, two), *_duplicates(table, one, two))]
    found += [f for k in known for a, to in allergic for f in _allergies(table, k, a, to)]
    ordered = sorted({f.key + "".join(f.refs): f for f in found}.values(), key=lambda f: (-SEVERITIES[f.severity], f.title, f.key))
    return Checked(ordered, len(medications), unknown, len(allergies), [a.name for a, to in allergic if not to], table)


def _pairs(table: Table, one: _Known, two: _Known) -> list[Finding]:
    first, second = one.ingredients - two.ingredients, two.ingredients - one.ingredients
    rows = [r for r in table.pairs if _meets(table, r, first, second) or _meets(table, r, second, first)]
    return [_finding(INTERACTION, r, f"{one.name} with {two.name}", (one.ingredients, one.refs), (two.ingredients, two.refs)) for r in rows]


def _meets(table: Table, row: Row, first: frozenset[str], second: frozenset[str]) -> bool:
    return any(table.is_a(x, row.a) and table.is_a(y, row.b) for x in first for y in second)


def _repeated(one: _Known) -> list[Finding]:
    """More than once by one source; what one source tells and another has ordered is one medication, said twice."""
    out = []
    for first, second in combinations(one.items, 2):
        if first.source == second.source:
            row = Row(REPEATED, REPEATED, "moderate", "It is on the list more than once.", "The list itself", sure=True)
            out.append(_finding(DUPLICATE, row, f"{first.name} and {second.name}", (one.ingredients, (first.ref,)), (one.ingredients, (second.ref,))))
    return out


def _duplicates(table: Table, one: _Known, two: _Known) -> list[Finding]:
    sides = (one.ingredients, one.refs), (two.ingredients, two.refs)
    both = sorted(one.ingredients & two.ingredients)
    if both:
        row = Row(both[0], both[0], "moderate", f"Both contain {both[0]}.", "The list itself", sure=True)
        return [_finding(DUPLICATE, row, f"{one.name} and {two.name}", *sides)]
    shared = [c for key, c in sorted(table.classes.items()) if c.duplicate and any(table.is_a(x, f"class:{key}") for x in one.ingredients) and any(table.is_a(y, f"class:{key}") for y in two.ingredients)]
    return [_finding(DUPLICATE, Row(c.key, c.key, c.duplicate, f"Two of one class: {c.name}.", table.title, sure=True), f"{one.name} and {two.name}", *sides) for c in shared]


def _allergies(table: Table, medication: _Known, allergy: Item, to: frozenset[str]) -> list[Finding]:
    title = f"{medication.name}, allergy to {allergy.name}"
    sides = (medication.ingredients, medication.refs), (to, (allergy.ref,))
    if medication.ingredients & to:
        same = Row(SAME, SAME, "contraindicated", "The chart has an allergy to this.", "The list of allergies", sure=True)
        return [_finding(ALLERGY, same, title, *sides)]
    wide = {t for t in to if t.startswith("class:")} | {f"class:{c}" for t in to if t in table.ingredients for c in table.ingredients[t].classes if c in table.crosses}
    out = []
    for what in sorted(wide):
        if any(table.is_a(i, what) for i in medication.ingredients):
            key = what.removeprefix("class:")
            row = table.crosses.get(key) or Row(key, key, "major", f"The allergy is to the whole class: {table.classes[key].name}.", "The list of allergies", sure=True)
            out.append(_finding(ALLERGY, row, title, *sides))
    return out


def _finding(kind: str, row: Row, title: str, *sides: tuple[frozenset[str], tuple[str, ...]]) -> Finding:
    about = sorted("+".join(sorted(ingredients)) for ingredients, _ in sides)
    key = hashlib.sha256("\0".join((kind, row.a, row.b, row.severity, *about)).encode()).hexdigest()[:32]
    return Finding(key, kind, row.severity, title, row.text, row.source, row.sure, tuple(refs for _, refs in sides))
