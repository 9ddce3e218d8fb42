"""What JSON properties a type has: which repeat, are required, are choices, or belong to the summary.

The definitions arranged for walking through JSON: by property name, choices spelled out. A backbone
element's type is its path ("Patient.contact"), so that one lookup serves types and backbones alike.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from sojourn.fhir.definitions import DEFINITIONS, RESOURCE_TYPES, Element, TypeRef, elements

_PRIMITIVES = frozenset(
    "base64Binary boolean canonical code date dateTime decimal id instant integer markdown oid positiveInt string time "
    "unsignedInt uri url uuid xhtml".split()
)
_LINKS = frozenset({"uri", "url", "canonical", "oid", "uuid"})


class Member(NamedTuple):
    """One property of a type as it is written in JSON; a choice has one per type it may take."""

    element: str
    """The element's name without `[x]`: `value` for `valueQuantity`."""
    type: str
    """A type's name, or the path of a backbone element."""
    repeats: bool
    required: bool
    summary: bool
    modifier: bool
    choice: bool
    primitive: bool
    target: str
    """Of a reference that may point to one type only: that type."""


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


def shape(type_: str) -> Shape:
    """The shape of a type (`Patient`, `HumanName`) or backbone path (`Patient.contact`); NOTHING when unknown."""
    found = _shapes.get(type_)
    if found is None:
        defined = elements(type_)
        if not defined:  # not remembered: the name may be anything a client sends
            return NOTHING
        found = _shapes[type_] = _compile(defined)
    return found


def _compile(defined: tuple[Element, ...]) -> Shape:
    members: dict[str, Member] = {}
    names: dict[str, tuple[str, ...]] = {}
    required = []
    for element in defined:
        found = {key: _member(element, kind) for key, kind in element.properties()}
        members |= found
        names[element.name] = tuple(found)
        if element.min > 0:
            required.append((*found, *(f"_{key}" for key in found)))
    return Shape(members, names, tuple(required))


def _member(element: Element, kind: TypeRef) -> Member:
    return Member(
        element=element.name,
        type=kind.code,
        repeats=element.repeats,
        required=element.min > 0,
        summary=element.summary,
        modifier=element.modifier,
        choice=element.choice,
        primitive=kind.code in _PRIMITIVES,
        target=next(iter(kind.targets)) if len(kind.targets) == 1 else "",
    )


def is_resource_type(name: str) -> bool:
    """Whether R4 has a concrete resource type of this name."""
    return name in RESOURCE_TYPES


@cache
def link_names() -> frozenset[str]:
    """JSON names of all elements that can hold a link: uri, url, canonical, oid, uuid, and Reference.reference."""
    every = (member for type_ in DEFINITIONS.type_names() for member in shape(type_).members.items())
    return frozenset(key for key, member in every if member.type in _LINKS) | {"reference"}
