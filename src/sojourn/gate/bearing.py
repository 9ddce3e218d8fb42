"""What a resource cannot do without: what, when withheld, withholds the whole of it.

Told to the database when the resource is written, so that counting, paging and searching withhold it too, and not only showing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from sojourn.fhir.shapes import shape
from sojourn.gate import bases, redact
from sojourn.gate.labelrules import LabelRules
from sojourn.gate.visible import Sight, target_of, visible

MARK: Final = "!"
"""Begins the `param` of an edge that says so; no search parameter begins like this."""
_DEEP = 4
_EACH: Final = frozenset({"Linkage"})
"""Types of which nothing is left when one of several is withheld: that two records are of one person is said to nobody who may not see both."""
_NO_LAW: Final = Sight(0, frozenset(), False)  # noqa: FBT003 - as redact calls it


class Path(NamedTuple):
    """JSON names from a type down to a reference that must be there. kind: the type of what stands under the first.

    words: whether it stands for every caller if it leads nowhere: one that may point to one type only does (visible).
    """

    names: tuple[str, ...]
    kind: str
    words: bool


@cache
def _paths(kind: str, deep: int = _DEEP) -> tuple[Path, ...]:
    """To each reference that must be there, through elements that must be there."""
    known = shape(kind)
    out: list[Path] = []
    for names in known.required:
        for name in names:
            member = known.members.get(name)
            if member is None:
                continue
            if member.type == "Reference":
                out.append(Path((name,), member.type, bool(member.target)))
            elif deep and "." in member.type:
                out += [Path((name, *path.names), member.type, path.words) for path in _paths(member.type, deep - 1)]
    return tuple(out)


def edges(resource: dict[str, Any]) -> list[tuple[str, str]]:
    """(param, target) of each reference that bears the resource; of one param it takes all to be withheld.

    What stands beside them and may be withheld as well does not bear it: what has a label of its own, and words, which a caller subject to
    redaction does not get. So somebody may be refused what is left for them, and nothing is counted of which nothing is left.
    """
    out: list[tuple[str, str]] = []
    each = resource["resourceType"] in _EACH
    for n, path in enumerate(_paths(resource["resourceType"])):
        items = _objects(resource.get(path.names[0]))
        stand = [item for item in items if each or visible(item, path.kind, _NO_LAW) is not None]
        found = _led(stand, path) or _led(items, path)
        if all(found):
            out += [(f"{MARK}{n}.{k}" if each else f"{MARK}{n}", target) for k, target in enumerate(dict.fromkeys(found))]
    return out


def _led(items: list[dict[str, Any]], path: Path) -> list[str]:
    """Where their references lead; what leads nowhere only where it stands all the same."""
    return [target for item in items for target in _at(item, path.names[1:]) if path.words or target]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]


def _at(item: dict[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    """`Type/id` of each reference at the path below, "" for one that leads nowhere here."""
    if names:
        for inner in _objects(item.get(names[0])):
            yield from _at(inner, names[1:])
    else:
        link = item.get("reference")
        yield target_of(link) if isinstance(link, str) else ""


def laws(resource: dict[str, Any], parts: int, rules: LabelRules | None = None) -> int:
    """The bases of labelled elements without which nothing is left that is still a resource."""
    if resource["resourceType"] in _EACH:
        return parts
    bits = [1 << n for n in range(parts.bit_length()) if parts >> n & 1]
    found = sum(bit for bit in bits if _is_gone(resource, bases.ALL & ~bit, rules))
    if _is_gone(resource, found, rules):
        return parts  # others only together: better all than none
    return found


def _is_gone(resource: dict[str, Any], permitted: int, rules: LabelRules | None) -> bool:
    """Whether it is for want of other laws that nothing is left, for who is subject to redaction or for who is not."""
    return any(
        _left(resource, permitted, rules, strip=strip) is None and _left(resource, bases.ALL, rules, strip=strip) is not None
        for strip in (False, True)
    )


def _left(resource: dict[str, Any], permitted: int, rules: LabelRules | None, *, strip: bool) -> dict[str, Any] | None:
    return redact.redact(resource, permitted=permitted, hidden=frozenset(), strip=strip, rules=rules)
