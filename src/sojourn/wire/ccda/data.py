"""All that the entries of a document say as data, piece by piece: what became of each is asked.

The narrative is left out: it is read as it stands. So are names of templates, and references from data to words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from sojourn.wire.ccda.xml import Node

PERSON: Final = -1
"""The entry of what the header says of the person."""
_APART: Final = frozenset({"templateId", "typeId", "realmCode", "reference"})
_SAID: Final = ("code", "value", "unit", "extension", "displayName")


class Datum(NamedTuple):
    """One piece. entry: the byte by which the entry begins that it stands in; place: as in `observation/value@unit`; text: as it was written."""

    entry: int
    place: str
    text: str


def data(root: Node) -> Iterator[Datum]:
    """Every piece of every entry, and of whom the document is about."""
    for target in root.all("recordTarget"):
        yield from _of(target, PERSON, "recordTarget")
    stack = [c for path in ("component", "component/structuredBody/component", "component/structuredBody") for c in (root, *root.all(path))]
    seen: set[int] = set()
    while stack:
        for section in stack.pop().all("section"):
            if id(section) in seen:
                continue
            seen.add(id(section))
            for entry in section.all("entry"):
                for child in entry.below:
                    yield from _of(child, entry.at, child.name)
            stack += section.all("component")


def _of(node: Node, entry: int, place: str) -> Iterator[Datum]:
    stack = [(node, place)]
    while stack:
        at, where = stack.pop()
        if at.name in _APART:
            continue
        for name in _SAID:
            if said := at.get(name):
                yield Datum(entry, f"{where}@{name}", said)
        if not at.below and (words := at.text()):
            yield Datum(entry, where, words)
        stack += [(child, f"{where.rpartition('/')[2]}/{child.name}") for child in reversed(at.below)]
