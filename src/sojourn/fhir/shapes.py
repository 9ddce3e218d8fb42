"""What elements a type has: which repeat, are required, are choices, or belong to the summary.

The table is compiled from the R4 package by tools/definitions/shapes.py. A backbone element's
type is its path ("Patient.contact"), so that one lookup serves types and backbones alike.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

_REPEATS, _REQUIRED, _SUMMARY, _CHOICE = 1, 2, 4, 8

_PRIMITIVES = frozenset(
    [
        "base64Binary",
        "boolean",
        "canonical",
        "code",
        "date",
        "dateTime",
        "decimal",
        "id",
        "instant",
        "integer",
        "markdown",
        "oid",
        "positiveInt",
        "string",
        "time",
        "unsignedInt",
        "uri",
        "url",
        "uuid",
        "xhtml",
    ]
)


class Member(NamedTuple):
    """One property of a type as it is written in JSON; a choice has one per type it may take."""

    element: str
    """The element's name without `[x]`: `value` for `valueQuantity`."""
    type: str
    """A type's name, or the path of a backbone element."""
    repeats: bool
    required: bool
    summary: bool
    choice: bool
    primitive: bool


class Shape(NamedTuple):
    """The elements of one type or backbone element."""

    members: dict[str, Member]
    """By JSON name."""
    names: dict[str, tuple[str, ...]]
    """Element name -> the JSON names it can have."""
    required: tuple[tuple[str, ...], ...]
    """For each element with a minimum of one: the JSON names that fulfil it, `_` siblings included."""


NOTHING = Shape({}, {}, ())
"""The shape of a type that is not known."""

_shapes: dict[str, Shape] = {}


@cache
def _table() -> dict[str, dict[str, tuple[int | str, ...]]]:
    data = (Path(__file__).parent / "tables" / "shapes.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, dict[str, tuple[int | str, ...]]])


def _members(name: str, flags: int, types: tuple[str, ...]) -> dict[str, Member]:
    """The JSON properties of one element; a choice is spelled with its type (`valueQuantity`)."""
    choice = bool(flags & _CHOICE)
    return {
        f"{name}{type_[0].upper()}{type_[1:]}" if choice else name: Member(
            name, type_, bool(flags & _REPEATS), bool(flags & _REQUIRED), bool(flags & _SUMMARY), choice, type_ in _PRIMITIVES
        )
        for type_ in types
    }


def shape(type_: str) -> Shape:
    """The shape of a type (`Patient`, `HumanName`) or backbone path (`Patient.contact`); NOTHING when unknown."""
    found = _shapes.get(type_)
    if found is None:
        elements = _table().get(type_)
        if elements is None:  # not remembered: the name may be anything a client sends
            return NOTHING
        found = _shapes[type_] = _compile(elements)
    return found


def _compile(elements: dict[str, tuple[int | str, ...]]) -> Shape:
    members: dict[str, Member] = {}
    names: dict[str, tuple[str, ...]] = {}
    required = []
    for name, (flags, *types) in elements.items():
        found = _members(name, int(flags), tuple(str(t) for t in types))
        members |= found
        names[name] = tuple(found)
        if int(flags) & _REQUIRED:
            required.append((*found, *(f"_{key}" for key in found)))
    return Shape(members, names, tuple(required))


def is_resource_type(name: str) -> bool:
    """Whether R4 has a concrete resource type of this name."""
    return name in {"Bundle", "Binary", "Parameters"} or ("contained" in shape(name).members and name != "DomainResource")


@cache
def link_names() -> frozenset[str]:
    """JSON names of all elements that can hold a link: uri, url, canonical, oid, uuid, and Reference.reference."""
    links = {"uri", "url", "canonical", "oid", "uuid"}
    found = {key for type_ in _table() for key, member in shape(type_).members.items() if member.type in links}
    return frozenset(found | {"reference"})
