"""The definitions of FHIR R4 as compiled tables: types, elements, references, profiles.

    ELEMENTS of a type:      elements("Patient"), elements("Patient.contact")
    all resource types:      RESOURCE_TYPES
    may it point there:      is_reference_allowed("Observation", "subject", "Patient")

Tables of other packages (US Core, or what an organization brings) are added with `register`.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final, NamedTuple

import msgspec

Facts = dict[str, Any]
_read: Final = msgspec.json.Decoder(float_hook=Decimal).decode
"""For our own tables, which need none of the checks of the codec."""


class TypeRef(NamedTuple):
    """One type that an element may have."""

    code: str
    """A type's name, or the path of a nested element such as `Patient.contact`."""
    targets: frozenset[str]
    """Resource types that a Reference or canonical may point to; empty when any may."""
    profiles: tuple[str, ...]
    """Profiles that the value must meet, e.g. SimpleQuantity."""


class Element(NamedTuple):
    """One element of a type, as its definition states it."""

    name: str
    """Without `[x]`."""
    choice: bool
    min: int
    max: int
    """-1 for any number."""
    types: tuple[TypeRef, ...]
    binding: tuple[str, str] | None
    """Strength and value set."""
    invariants: dict[str, str]
    """Key to FHIRPath of the constraints stated at the element."""
    summary: bool
    modifier: bool

    @property
    def repeats(self) -> bool:
        """Whether it is an array in JSON."""
        return self.max != 1

    def properties(self) -> Iterator[tuple[str, TypeRef]]:
        """Each JSON property it may have, with the type; several for a choice."""
        for kind in self.types:
            suffix = kind.code[:1].upper() + kind.code[1:] if self.choice else ""
            yield self.name + suffix, kind


class Type(NamedTuple):
    """A resource, data type or nested element."""

    name: str
    kind: str
    """resource, complex-type or backbone."""
    abstract: bool
    invariants: dict[str, str]
    elements: tuple[Element, ...]


class Definitions:
    """The tables of one or more packages, R4 core first."""

    def __init__(self, *tables: Facts) -> None:
        """The first table that defines a profile or value set is the one meant without a version."""
        self.sources: list[Facts] = []
        self.profiles: dict[str, Facts] = {}
        self.code_systems: dict[str, list[str]] = {}
        self.value_sets: dict[str, Facts | None] = {}
        self.primitives: frozenset[str] = frozenset()
        self._types: Facts = {}
        self._ready: dict[str, Type] = {}
        for table in tables:
            self.add(table, replace=False)

    def add(self, table: Facts, *, replace: bool = True) -> None:
        """Take in another package. What it defines again it replaces, or else is found as `url|version`."""
        self.sources.append(table["source"])
        self.code_systems |= table.get("codesystems", {})
        for known, name in ((self.profiles, "profiles"), (self.value_sets, "valuesets")):
            for url, facts in table.get(name, {}).items():
                known[f"{url}|{table['source']['version']}"] = facts
                if (replace and facts is not None) or url not in known:
                    known[url] = facts
        self.primitives |= table.get("primitives", {}).keys()
        self._types |= table.get("types", {})

    def type(self, name: str) -> Type | None:
        """The type, or nested element by path; None when there is none of that name."""
        found = self._ready.get(name)
        if found is None and name in self._types:
            found = self._ready[name] = _type(name, self._types[name])
        return found

    def type_names(self) -> Iterator[str]:
        """Names of all resource and data types, and paths of nested elements."""
        return iter(self._types)

    def resource_types(self) -> frozenset[str]:
        """Names of the resources that can have instances."""
        return frozenset(
            name for name, facts in self._types.items() if facts["kind"] == "resource" and not facts["abstract"]
        )


def _type(name: str, facts: Facts) -> Type:
    return Type(
        name,
        facts["kind"],
        facts.get("abstract", False),
        facts.get("invariants", {}),
        tuple(_element(row) for row in facts["elements"]),
    )


def _element(row: Facts) -> Element:
    return Element(
        row["name"],
        row.get("choice", False),
        row.get("min", 0),
        row.get("max", 1),
        tuple(_type_ref(kind) for kind in row["types"]),
        tuple(row["binding"]) if "binding" in row else None,
        row.get("invariants", {}),
        row.get("summary", False),
        row.get("modifier", False),
    )


def _type_ref(row: list[Any]) -> TypeRef:
    code, targets, profiles = [*row, [], []][:3] if len(row) < 3 else row
    return TypeRef(code.removeprefix("#"), frozenset(targets) - {"Resource"}, tuple(profiles))


TABLES: Final[Traversable] = files("sojourn.fhir") / "tables"
R4: Final = "hl7.fhir.r4.core-4.0.1.json.gz"


def read_table(name: str) -> Facts:
    """A table kept with the project: a compressed file, or a folder of readable ones."""
    place = TABLES / name
    if place.is_file():
        table: Facts = _read(gzip.decompress(place.read_bytes()))
        return table
    return join_table({file.name: file.read_bytes() for file in place.iterdir() if file.name.endswith(".json")})


def join_table(texts: dict[str, bytes]) -> Facts:
    """One table from the readable files of a folder; see docs/validation.md for their format."""
    table: Facts = _read(texts["package.json"])
    table["profiles"] = {}
    for name in sorted(texts):
        if name not in ("package.json", "codes.json", "search.json", "server.json"):
            profile = _read(texts[name])
            table["profiles"][profile.pop("url")] = profile
    table.update(_read(texts["codes.json"]))
    return table


@cache
def default_tables() -> tuple[str, ...]:
    """Names of the tables kept with the project, R4 first."""
    others = sorted(place.name for place in TABLES.iterdir() if place.name.startswith("hl7.fhir.us.core"))
    return (R4, *others)


DEFINITIONS: Final = Definitions(*map(read_table, default_tables()))
RESOURCE_TYPES: Final = DEFINITIONS.resource_types()
_listeners: Final[list[Callable[[], None]]] = []


def register(table: Facts) -> None:
    """Add the table of a package to the definitions that this process validates with."""
    DEFINITIONS.add(table)
    for forget in _listeners:
        forget()


def on_register(forget: Callable[[], None]) -> None:
    """Have `forget` called when a package is added, to drop what was derived from the tables."""
    _listeners.append(forget)


def elements(path: str) -> tuple[Element, ...]:
    """Elements of a type or of a nested element (`Patient.contact`); empty when unknown."""
    found = DEFINITIONS.type(path)
    return found.elements if found else ()


def element(path: str, name: str) -> Element | None:
    """The element `name` (without [x]) of a type or nested element."""
    return next((item for item in elements(path) if item.name == name), None)


def is_reference_allowed(path: str, name: str, target: str) -> bool:
    """Whether the reference `name` of `path` may point to a resource of type `target`."""
    found = element(path, name)
    kinds = [kind for kind in found.types if kind.code in ("Reference", "canonical")] if found else []
    return any(not kind.targets or target in kind.targets for kind in kinds)
