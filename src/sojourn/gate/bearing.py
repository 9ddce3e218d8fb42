"""What a resource cannot do without: what, when withheld, withholds the whole of it.

Told to the database when the resource is written, so that counting, paging and searching withhold it too, and not only showing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from sojourn.fhir.shapes import shape
from sojourn.gate import bases, redact
from sojourn.gate.labelrules import LabelRules
from sojourn.gate.visible import target_of

MARK: Final = "!"
"""Begins the `param` of an edge that says so; no search parameter begins like this."""
_DEEP = 4
_EACH: Final = frozenset({"Linkage"})
"""Types of which nothing is left when one of several is withheld: that two records are of one person is said to nobody who may not see both."""


@cache
def _paths(kind: str, deep: int = _DEEP) -> tuple[tuple[str, ...], ...]:
    """JSON names from a type down to each reference that must be there, through elements that must be there."""
    known = shape(kind)
    out: list[tuple[str, ...]] = []
    for names in known.required:
        for name in names:
            member = known.members.get(name)
            if member is None or member.primitive:
                continue
            if member.type == "Reference":
                out.append((name,))
            elif deep and "." in member.type:
                out += [(name, *rest) for rest in _paths(member.type, deep - 1)]
    return tuple(out)


def edges(resource: dict[str, Any]) -> list[tuple[str, str]]:
    """(param, target) of each reference that bears the resource; of one param it takes all to be withheld."""
    out: list[tuple[str, str]] = []
    each = resource["resourceType"] in _EACH
    for n, path in enumerate(_paths(resource["resourceType"])):
        found = list(_at(resource, path))
        if found and all(found):
            out += [(f"{MARK}{n}.{k}" if each else f"{MARK}{n}", target) for k, target in enumerate(dict.fromkeys(found))]
    return out


def _at(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """`Type/id` of each reference at the path, "" for one that leads nowhere here."""
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            continue
        if path:
            yield from _at(item.get(path[0]), path[1:])
        else:
            link = item.get("reference")
            yield target_of(link) if isinstance(link, str) else ""


def laws(resource: dict[str, Any], parts: int, rules: LabelRules | None = None) -> int:
    """The bases of labelled elements without which nothing is left that is still a resource."""
    bits = [1 << n for n in range(parts.bit_length()) if parts >> n & 1]
    found = sum(bit for bit in bits if redact.redact(resource, permitted=bases.ALL & ~bit, hidden=frozenset(), strip=False, rules=rules) is None)
    if not found and redact.redact(resource, permitted=0, hidden=frozenset(), strip=False, rules=rules) is None:
        return parts  # only together: better all than none
    return found
