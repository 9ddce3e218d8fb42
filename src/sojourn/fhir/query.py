"""What a search asks for, as values: conditions, sort keys, includes; not how it is answered.

`types` are the resource types that a condition looks at; `names` the names under which values stand in the index (several
where a parameter is the union of others). All conditions of a Query must hold; a condition's values are alternatives.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

Types = tuple[str, ...]
Names = tuple[str, ...]


class Token(NamedTuple):
    """A code to find: system None = any, "" = none; code None = any code of the system; both None = any value at all."""

    system: str | None
    code: str | None


class Moment(NamedTuple):
    """A date to compare with: its prefix and the interval [low, high) that it covers."""

    prefix: str
    low: datetime
    high: datetime


class Amount(NamedTuple):
    """A number to compare with: `at` as written, [low, high) all that round to it; a unit with code None is any unit."""

    prefix: str
    at: float
    low: float
    high: float
    system: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """Has (or, negated, has not) one of the codes."""

    types: Types
    names: Names
    values: tuple[Token, ...]
    negated: bool = False
    weight: int = 1
    """How much a match narrows a search: 0 for a few codes for everyone (status), 2 for a name of one thing (identifier)."""


@dataclass(frozen=True, slots=True)
class Strings:
    """Has a text; mode `starts`, `contains` or `exact` (as written)."""

    types: Types
    names: Names
    values: tuple[str, ...]
    mode: str = "starts"


@dataclass(frozen=True, slots=True)
class Uris:
    """Has a uri; mode `is`, `below` (it starts with the value) or `above` (the value lies below it)."""

    types: Types
    names: Names
    values: tuple[str, ...]
    mode: str = "is"


@dataclass(frozen=True, slots=True)
class Dates:
    """Has a date that compares as asked."""

    types: Types
    names: Names
    values: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Has a number or quantity that compares as asked."""

    types: Types
    names: Names
    values: tuple[Amount, ...]


@dataclass(frozen=True, slots=True)
class Spans:
    """Has a range under the name whose start and end both compare as asked."""

    types: Types
    names: Names
    start: Amount
    end: Amount


@dataclass(frozen=True, slots=True)
class References:
    """Refers to one of the targets (`Type/id`, or a URL)."""

    types: Types
    names: Names
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Has no value (missing) or has one. `edges` are the index names of a reference, `toward` the one type it is limited to."""

    types: Types
    names: Names
    missing: bool
    edges: Names = ()
    toward: str = ""


@dataclass(frozen=True, slots=True)
class Ids:
    """Has one of the logical ids, or, negated, none of them."""

    types: Types
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Updated:
    """Was last updated at a time that compares as asked."""

    types: Types
    values: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Refers to a resource of one of the types for which that type's condition holds."""

    types: Types
    names: Names
    ends: tuple[tuple[str, "Condition"], ...]


@dataclass(frozen=True, slots=True)
class Has:
    """Is referred to, under one of the names, by a resource of type `source` for which the condition holds."""

    types: Types
    source: str
    names: Names
    condition: "Condition"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the conditions holds."""

    types: Types
    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Member:
    """Lies in a compartment: is its owner, or refers to it under one of its type's names."""

    types: Types
    target: str
    names: tuple[tuple[str, Names], ...]


Condition = Tokens | Strings | Uris | Dates | Numbers | Spans | References | Missing | Ids | Updated | Chain | Has | AnyOf | Member


class Sort(NamedTuple):
    """One sort key: by what column or table the parameter is ordered."""

    names: Names
    kind: str
    """`at` (the clinical date), `updated`, `id`, or the kind of the parameter: date, string, uri, number, quantity."""
    descending: bool


class Include(NamedTuple):
    """Which references to follow: of resources of type `source`, under the names (None = all), to `target` (None = any type)."""

    source: str
    names: Names | None
    target: str | None
    iterate: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A search as it was understood."""

    type: str | None
    """The resource type; None for a search over all types, or those of `types`."""
    types: Types
    where: tuple[Condition, ...] = ()
    sort: tuple[Sort, ...] = ()
    include: tuple[Include, ...] = ()
    revinclude: tuple[Include, ...] = ()
    count: int | None = None
    total: bool = False
    """Whether the number of all matches is asked for (`accurate`; `estimate` is answered in the same way)."""
    summary: str = "false"
    elements: tuple[str, ...] = ()
    passed: tuple[tuple[str, str], ...] = ()
    """Parameters of the answer's form (_format, _pretty), for the door."""
    used: tuple[tuple[str, str], ...] = ()
    """Every parameter that was understood, as sent: what a self link may say."""
    ignored: tuple[str, ...] = ()
    """Names that were not understood; only under lenient handling."""
    patient: str | None = None
    """The id of the patient whose chart bounds the search, when a condition says so."""
