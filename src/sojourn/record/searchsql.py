"""Pieces of SQL for searching: bind values, the gate's predicate, comparisons.

Every value is bound; only names from the compiled definitions (types, parameters) stand in the text, so that one shape of
query has one text and its prepared statement is used again.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sojourn.fhir.query import Amount, Moment
from sojourn.fhir.searchvalues import approximately

SAFE = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]*", re.ASCII)


class Args:
    """Bind values in order; the same value of the same type is bound once."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: list[Any] = []

    def add(self, value: Any, kind: str) -> str:
        """Bind a value; returns `$3::bigint[]`."""
        self.values.append(value)
        return f"${len(self.values)}::{kind}"


class Walked(NamedTuple):
    """What a walk patient by patient asks. standing: the query of a number, `bits`, to be kept beside each patient; closed: kept beside it, of `known.bits`; possible: what
    each row `r` that may be seen meets, asked where it is found; bits: the standing for the row, which is to be `stands.bits` beside it."""

    standing: str
    closed: str
    possible: str
    bits: str


class Predicate(Protocol):
    """The gate's decision, as SQL. Every method may bind values."""

    @property
    def updated(self) -> str:
        """Column of record.resource with the time of the last update, as far as the caller may know it."""
        ...

    @property
    def near(self) -> bool:
        """Whether the caller sees only whom they have to do with, so that nearly all that matches may be withheld."""
        ...

    def beside(self, args: Args) -> str:
        """What is joined to the statement's row `r` so that the questions below can be answered about it; others answer for themselves."""
        ...

    def beside_patients(self, alias: str, args: Args) -> Walked:
        """The same for a walk patient by patient, of which `alias` has a row for each."""
        ...

    def row(self, alias: str, args: Args) -> str:
        """May the row of record.resource be seen."""
        ...

    def mask(self, expr: str, alias: str, args: Args) -> str:
        """May something on that row that carries the label bits `expr` be seen; true at once where they are 0."""
        ...

    def target(self, alias: str, args: Args) -> str:
        """May it be known that there is the row, by those who see a reference to it."""
        ...

    def behind(self, alias: str, args: Args) -> str:
        """May everything be seen that the row refers to, as far as the row itself says."""
        ...

    def clean(self, alias: str, args: Args) -> str:
        """May the bytes of the row be served as they are."""
        ...


class Scope:
    """What all parts of one statement share: bind values, tenant, predicate, the time, names for tables."""

    __slots__ = ("_names", "_number", "_tenant", "args", "now", "predicate")

    def __init__(self, tenant: int, predicate: Predicate, now: datetime) -> None:
        self.args = Args()
        self.predicate = predicate
        self.now = now
        self._number = tenant
        self._tenant = ""
        self._names = 0

    @property
    def tenant(self) -> str:
        """The tenant, bound at its first use: PostgreSQL could not tell the type of a value that the text does not name."""
        if not self._tenant:
            self._tenant = self.args.add(self._number, "int")
        return self._tenant

    def name(self, letter: str) -> str:
        """A table alias that is not used yet."""
        self._names += 1
        return f"{letter}{self._names}"

    def rows(self, alias: str, resource_type: str) -> str:
        """The condition that a row of record.resource is of the tenant and type, and may be seen."""
        return f"{alias}.tenant = {self.tenant} AND {alias}.type = {literal(resource_type)} AND {self.predicate.row(alias, self.args)}"

    def seen(self, alias: str, row: str) -> str:
        """The condition that an index row may be seen on the resource's row."""
        return self.predicate.mask(f"{alias}.mask", row, self.args)

    def found(self, token: str, row: str) -> str:
        """The condition that a row of record.token may be seen: all of its laws pass, or those of one element that yields it.

        A token is one row, so that a search that begins at it finds each resource once.
        """
        m = self.name("m")
        one = self.predicate.mask(f"{m}.mask", row, self.args)
        return f"({self.seen(token, row)} OR ({token}.also IS NOT NULL AND EXISTS (SELECT FROM unnest({token}.also) AS {m}(mask) WHERE {one})))"

    def first(self, edge: str, row: str) -> str:
        """The condition that an edge is the first of those that say the same under several laws and may be seen."""
        o = self.name("o")
        return (
            f"({edge}.mask = 0 OR NOT EXISTS (SELECT FROM record.edge {o} WHERE {o}.tenant = {self.tenant} AND {o}.rid = {edge}.rid "
            f"AND {o}.type = {edge}.type AND {o}.param = {edge}.param AND {o}.target = {edge}.target AND {o}.mask < {edge}.mask AND {self.seen(o, row)}))"
        )

    def shown(self, edge: str, row: str) -> str:
        """The condition that a reference of the row may be seen: its element's label passes, and its target is not withheld.

        `refs` is the union over the targets of a row, so only a row with a withheld target looks at its targets one by one.
        """
        t, v = self.name("t"), self.name("v")
        named = f"type = split_part({edge}.target, '/', 1) AND {{0}}.id = split_part({edge}.target, '/', 2)"
        hidden = (
            f"SELECT FROM record.resource {t} WHERE {t}.tenant = {self.tenant} AND {t}.{named.format(t)} "
            f"AND NOT {self.predicate.target(t, self.args)} UNION ALL "
            f"SELECT FROM (SELECT * FROM record.version {v} WHERE {v}.tenant = {self.tenant} AND {v}.{named.format(v)} "
            f"ORDER BY {v}.seq DESC LIMIT 1) {v} WHERE {v}.kind = 'delete' AND NOT {self.predicate.target(v, self.args)}"
        )
        return f"{self.seen(edge, row)} AND ({self.predicate.behind(row, self.args)} OR NOT EXISTS ({hidden}))"

    def one_of(self, values: Iterable[Any], kind: str) -> str:
        """`= $1` for one value, `= ANY ($1)` for several."""
        found = list(values)
        return f"= {self.args.add(found[0], kind)}" if len(found) == 1 else f"= ANY ({self.args.add(found, kind + '[]')})"


def literal(name: str) -> str:
    """A resource type or parameter name as SQL text. Raises ValueError for what is no such name."""
    if not SAFE.fullmatch(name):
        raise ValueError("not a name of the definitions")
    return f"'{name}'"


def either(parts: Iterable[str]) -> str:
    """At least one of the conditions; false when there is none."""
    found = list(parts)
    return f"({' OR '.join(found)})" if found else "false"


def both(parts: Iterable[str]) -> str:
    """All of the conditions; true when there is none."""
    return " AND ".join(parts) or "true"


def within(low: str, high: str, value: Moment, scope: Scope) -> str:
    """How the stored interval [low, high) compares with a date. https://hl7.org/fhir/R4/search.html#prefix"""
    start, end = approximately(value, scope.now) if value.prefix == "ap" else (value.low, value.high)

    def s() -> str:
        return scope.args.add(start, "timestamptz")

    def e() -> str:
        return scope.args.add(end, "timestamptz")

    match value.prefix:
        case "ne":
            return f"NOT ({low} >= {s()} AND {high} <= {e()})"
        case "gt":
            return f"{high} > {e()}"
        case "lt":
            return f"{low} < {s()}"
        case "ge":
            return f"({low} >= {s()} OR {high} > {e()})"
        case "le":
            return f"({low} < {s()} OR {high} <= {e()})"
        case "sa":
            return f"{low} >= {e()}"
        case "eb":
            return f"{high} <= {s()}"
        case "ap":
            return f"({low} < {e()} AND {high} > {s()})"
    return f"({low} >= {s()} AND {low} < {e()} AND {high} <= {e()})"


def instant(column: str, value: Moment, scope: Scope) -> str:
    """How a moment compares with a date."""
    start, end = approximately(value, scope.now) if value.prefix == "ap" else (value.low, value.high)
    match value.prefix:
        case "gt" | "sa":
            return f"{column} >= {scope.args.add(end, 'timestamptz')}"
        case "lt" | "eb":
            return f"{column} < {scope.args.add(start, 'timestamptz')}"
        case "ge":
            return f"{column} >= {scope.args.add(start, 'timestamptz')}"
        case "le":
            return f"{column} < {scope.args.add(end, 'timestamptz')}"
    inside = f"({column} >= {scope.args.add(start, 'timestamptz')} AND {column} < {scope.args.add(end, 'timestamptz')})"
    return f"NOT {inside}" if value.prefix == "ne" else inside


def compared(low: str, high: str, value: Amount, scope: Scope) -> str:
    """How the stored closed range [low, high] compares with a number. https://hl7.org/fhir/R4/search.html#number"""

    def bind(number: float) -> str:
        return scope.args.add(number, "float8")

    match value.prefix:
        case "gt":
            return f"{high} > {bind(value.at)}"
        case "lt":
            return f"{low} < {bind(value.at)}"
        case "ge":
            return f"{high} >= {bind(value.at)}"
        case "le":
            return f"{low} <= {bind(value.at)}"
        case "sa":
            return f"{low} > {bind(value.at)}"
        case "eb":
            return f"{high} < {bind(value.at)}"
        case "ap":
            return f"({low} < {bind(value.high)} AND {high} >= {bind(value.low)})"
        case "ne":
            return f"NOT ({low} >= {bind(value.low)} AND {high} < {bind(value.high)})"
    return f"({low} >= {bind(value.low)} AND {low} < {bind(value.high)} AND {high} < {bind(value.high)})"
