"""What a document says beside the chart: the same, likely the same, or on one side only.

Only what the reader may see is compared; what is kept from them neither shows nor matches nor counts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sojourn.care.allergies.lists import Allergy, Standing
from sojourn.care.medications.lines import Line, Listed
from sojourn.care.medications.tables import Table
from sojourn.care.problems.lists import Problem
from sojourn.care.summaries import denying, elements, mapping
from sojourn.care.summaries.mapping import Mapped
from sojourn.gate import bases

SAME, LIKELY = "same", "likely"
_PLAIN: Final = re.compile(r"\([^)]*\)|\b\d[\d.,/]*\s*(?:mg|mcg|g|ml|units?|iu|%)?\b", re.IGNORECASE)
_EMPTY: Final = frozenset("tablet tablets capsule capsules film films solution injection spray oral inhaler er xr sr xl and or of the a an to with disorder disease nos unspecified allergy hydrochloride hcl sodium".split())


class Entry(NamedTuple):
    """A line of the chart. says: what it says beside its name; own: whether the program that filed the document made it; line: as its list reads it.

    told: whether what is signed about the document may tell of it: it is of the same program, or under no law of its own.
    """

    kind: str
    ref: str
    version: str
    name: str
    says: str
    status: str
    current: bool
    codes: frozenset[tuple[str, str]]
    own: bool
    told: bool
    line: Line | Allergy | Problem


class Row(NamedTuple):
    """A line of the document with those of the chart that it may be. how: SAME, LIKELY or ''."""

    item: Mapped
    entries: tuple[Entry, ...]
    how: str

    @property
    def key(self) -> str:
        """The same as long as the document says the same."""
        return self.item.key

    @property
    def over(self) -> bool:
        """Whether the document says that it is over."""
        return mapping.ended(self.item.fact)

    @property
    def none(self) -> bool:
        """Whether the document says that there is none."""
        return denying.none_known(self.item.fact)

    @property
    def target(self) -> Entry | None:
        """The line that an update changes: of the program of the document, one that holds before one that does not."""
        return next((e for e in sorted(self.entries, key=lambda e: not e.current) if e.own), None)

    @property
    def known(self) -> Entry | None:
        """The line that may be named as the same."""
        return next((e for e in self.entries if e.told), None)

    @property
    def there(self) -> bool:
        """Whether the chart says the same already: by its code or words, and with the same state."""
        if denying.refuted(self.item.fact):
            return self.how == SAME and any(e.told and e.line.status == "refuted" for e in self.entries)
        return self.how == SAME and any(e.told and e.current != self.over and _agree(self, e) for e in self.entries)


class Case(NamedTuple):
    """Everything that is compared. rows by kind, in the document's order; rest: by kind, lines of the chart that the document does not name."""

    rows: dict[str, list[Row]]
    rest: dict[str, list[Entry]]

    def holds(self, kind: str) -> bool:
        """Whether the list of the chart has a line that holds and says of one thing that it is so."""
        return any(e.current and not _none(e) for e in (*self.rest[kind], *(e for row in self.rows[kind] for e in row.entries)))

    @property
    def every(self) -> list[Row]:
        """All rows."""
        return [row for kind in mapping.LINES for row in self.rows[kind]]


def entries(listed: Listed | None, standing: Standing | None, problems: Sequence[Problem], made: Mapping[str, int | None], program: int | None) -> list[Entry]:
    """The lines of the chart. made: the program of each; program: that of the document."""

    def entry(kind: str, x: Line | Allergy | Problem, says: str, status: str, codes: frozenset[tuple[str, str]]) -> Entry:
        own = program is not None and made.get(x.ref) == program
        return Entry(kind, x.ref, x.version, x.name, says, status, x.current, codes, own, own or not _laws(x.stored.resource), x)

    out = [entry("allergy", a, a.reaction, a.said, frozenset(a.codes)) for a in (standing.found if standing else ())]
    out += [entry("problem", p, f"since {p.onset[:10]}" if p.onset else "", p.said, _codes(p.stored.resource.get("code"))) for p in problems]
    out += [entry("medication", x, x.dose, "" if x.current and x.status == "active" else x.said, frozenset(x.codes)) for x in (listed.lines if listed else ())]
    return [e for e in out if e.line.status != "entered-in-error"]


def _laws(resource: Mapping[str, Any]) -> int:
    """The laws that a line is under."""
    bits = 0
    for coding in (resource.get("meta") or {}).get("security") or ():
        bits |= bases.claimed(coding)
    return bits


def _codes(concept: Any) -> frozenset[tuple[str, str]]:
    return frozenset((str(c.get("system", "")), str(c.get("code", ""))) for c in (concept or {}).get("coding", ()) if isinstance(c, dict) and c.get("code"))


def case(mapped: Iterable[Mapped], known: Sequence[Entry], table: Table) -> Case:
    """Every line of a document beside those of the chart."""
    rows: dict[str, list[Row]] = {kind: [] for kind in mapping.LINES}
    told = {kind: [_Known(e, _words(e.name), _numbers(e.name), _ingredients(kind, e.name, e.codes, table)) for e in known if e.kind == kind] for kind in mapping.LINES}
    listed: set[tuple[str, str, str]] = set()
    for item in mapped:
        said = (item.fact.kind, item.name.casefold(), item.says)
        if item.fact.kind in rows and item.resource is not None and said not in listed:  # said twice, it is decided once
            listed.add(said)
            rows[item.fact.kind].append(_row(item, told[item.fact.kind], table))
    matched = {e.ref for found in rows.values() for row in found for e in row.entries}
    return Case(rows, {kind: [e for e in known if e.kind == kind and e.ref not in matched and e.current and not _none(e)] for kind in mapping.LINES})


def _none(entry: Entry) -> bool:
    """Whether a line says that there is none."""
    return entry.line.none_known if isinstance(entry.line, Allergy) else any(code in denying.NONE for _, code in entry.codes)


class _Known(NamedTuple):
    """A line of the chart with what it is compared by, worked out once."""

    entry: Entry
    words: frozenset[str]
    numbers: list[str]
    ingredients: frozenset[str]


def _row(item: Mapped, known: Sequence[_Known], table: Table) -> Row:
    kind = item.fact.kind
    concept = (item.resource or {}).get("code") or (item.resource or {}).get("medicationCodeableConcept") or {}
    codes = frozenset((c.get("system", ""), c["code"]) for c in concept.get("coding", ()))
    none = denying.none_known(item.fact)
    said, numbers, ingredients = _words(item.name), _numbers(item.name), _ingredients(kind, item.name, codes, table)
    same: list[Entry] = []
    likely: list[Entry] = []
    for k in known:
        if none != _none(k.entry):
            continue  # that there is none is no line about one, whatever its words
        if codes & k.entry.codes or (said and said == k.words and (kind != "medication" or numbers == k.numbers)):
            same.append(k.entry)
        elif (ingredients and ingredients == k.ingredients) or (said and k.words and (said <= k.words or k.words <= said)):
            likely.append(k.entry)
    return Row(item, (*same, *likely), SAME if same else LIKELY if likely else "")


def _ingredients(kind: str, name: str, codes: Iterable[tuple[str, str]], table: Table) -> frozenset[str]:
    """What a medication or an allergy is about, as the table knows it."""
    return frozenset(table.ingredients_in(name, tuple(codes))) if kind != "problem" else frozenset()


def _words(name: str) -> frozenset[str]:
    """The words of a name that tell what it is: without strength, form and what stands in brackets."""
    return frozenset(w for w in re.findall(r"[a-z0-9]+", _PLAIN.sub(" ", name.casefold())) if w not in _EMPTY)


def _numbers(name: str) -> list[str]:
    """The strengths in a name."""
    return re.findall(r"\d+(?:[.,]\d+)*", name)


def _agree(row: Row, entry: Entry) -> bool:
    """Whether nothing that the document adds is missing: directions of a medication, reactions of an allergy."""
    if row.item.fact.kind == "medication":
        return _flat(mapping.dosage(row.item.fact)) in ("", _flat(entry.says))
    if row.item.fact.kind == "allergy":
        return all(_flat(r) in _flat(entry.says) for r in (elements.said(v) for k, v in row.item.fact.details if k == "reaction") if r)
    return True


def _flat(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9.]+", text.casefold()))


def seen(found: Case) -> str:
    """A digest of everything that the page was made from: who decides does so of what is there now."""
    parts = [row.key for row in found.every] + [f"{e.ref}@{e.version}" for row in found.every for e in row.entries]
    return hashlib.sha256("\0".join(sorted(parts)).encode()).hexdigest()[:32]


class Changed(NamedTuple):
    """How a version of a document differs from the one before it: names of what is new, of what is no longer in it, and of what says something else."""

    new: list[str]
    gone: list[str]
    other: list[str]


def changed(before: Sequence[Mapped], after: Sequence[Mapped]) -> Changed:
    """By what each statement is, and then by what it says."""
    old, now = ({m.key: m for m in every} for every in (before, after))
    return Changed(
        [m.name for k, m in now.items() if k not in old], [m.name for k, m in old.items() if k not in now],
        [f"{m.name}: {old[k].says or 'nothing'} → {m.says or 'nothing'}" for k, m in now.items() if k in old and old[k].says != m.says],
    )  # fmt: skip
