"""A Query and a Predicate become one SQL statement.

A search that is bounded by a patient runs over that chart's rows; any other begins at the condition that narrows it most.
Pages follow each other by keyset: the last row's sort keys and rid, never an offset. Design and measurements:
docs/decisions/0004-search-index.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sojourn.fhir.dates import FUTURE, PAST
from sojourn.fhir.query import (
    AnyOf,
    Chain,
    Condition,
    Dates,
    Has,
    Ids,
    Member,
    Numbers,
    Query,
    References,
    Sort,
    Spans,
    Strings,
    Tokens,
    Updated,
    Uris,
)
from sojourn.record.index import Keys
from sojourn.record.searchbeginning import few, passing
from sojourn.record.searchconditions import Conditions, by_identifier
from sojourn.record.searchsql import Predicate, Scope, literal

__all__ = ["Cursor", "Statement", "compile", "count"]

COLUMNS = ("rid", "seq", "type", "id", "version", "updated", "own", "parts", "refs", "origin", "ref_origin", "patient", "blobs")
"""Columns of record.resource in every page; `body`, `clean` and the sort keys k0, k1, ... follow."""

BODY = "CASE WHEN r.body = '' THEN gate.kept_apart(r.tenant, r.seq) ELSE r.body END AS body"
"""The bytes of a row of the page; of a note kept apart they stand elsewhere, sealed (functions/16_kept_apart.sql)."""

FLOORS = {"date": ("'-infinity'::timestamptz", "low"), "number": ("'-infinity'::float8", "low"), "quantity": ("'-infinity'::float8", "low"),
          "string": ("''", "folded"), "uri": ("''", "folded")}  # fmt: skip
"""Kind -> where a resource without a value stands (before all others), and the column that is ordered."""

TABLES = {"date": "date", "number": "number", "quantity": "number", "string": "string", "uri": "string"}
TYPES = {"at": "timestamptz", "updated": "timestamptz", "date": "timestamptz", "number": "float8", "quantity": "float8"}


class Statement(NamedTuple):
    """SQL and its bind values. `keys` is the number of sort-key columns."""

    sql: str
    args: tuple[Any, ...]
    keys: int = 0


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended, and until when resources count if the order is by a key that changes."""

    keys: tuple[Any, ...]
    rid: int
    until: datetime | None = None

    @classmethod
    def after(cls, row: Any, statement: Statement, until: datetime | None = None) -> "Cursor":
        """The position of a page's last row."""
        return cls(tuple(row[f"k{i}"] for i in range(statement.keys)), row["rid"], until)

    def pack(self) -> list[Any]:
        """As JSON values, to be sealed."""
        return [self.rid, None if self.until is None else _packed(self.until), *(_packed(key) for key in self.keys)]

    @classmethod
    def unpack(cls, query: Query, packed: Sequence[Any]) -> "Cursor":
        """From JSON values. Raises ValueError when they do not fit the query's sort keys."""
        rid, until, *keys = packed
        if len(keys) != len(query.sort) or not isinstance(rid, int):
            raise ValueError("not a position in this search")
        read = tuple(_unpacked(key, TYPES.get(sort.kind, "text")) for key, sort in zip(keys, query.sort, strict=True))
        return cls(read, rid, None if until is None else _unpacked(until, "timestamptz"))


def _packed(value: Any) -> Any:
    if isinstance(value, datetime):
        whole = value.replace(tzinfo=value.tzinfo or UTC)
        return "-" if whole <= PAST else "+" if whole >= FUTURE else whole.isoformat()
    return repr(value) if isinstance(value, float) else value


def _unpacked(value: Any, kind: str) -> Any:
    if not isinstance(value, str):
        raise ValueError("not a position in this search")
    if kind == "timestamptz":
        return PAST if value == "-" else FUTURE if value == "+" else datetime.fromisoformat(value)
    return float(value) if kind == "float8" else value


def compile(  # noqa: A001  the field's word for it
    query: Query, predicate: Predicate, keys: Keys, *, tenant: int, now: datetime, limit: int, cursor: Cursor | None = None,
    until: datetime | None = None, counted: bool = False,
) -> Statement:  # fmt: skip
    """The statement for one page of at most `limit` rows.

    `until` bounds the time of last update (give the first page's time when the order is by `_lastUpdated`; later pages carry it
    in their cursor). `counted`: each row says as `total` how many match in all; for a first page whose matches are few (in_a_compartment).
    """
    scope = Scope(tenant, predicate, now)
    return Statement(page_of(query, scope, keys, limit=limit, cursor=cursor, until=until, counted=counted), tuple(scope.args.values), len(query.sort))


def page_of(
    query: Query, scope: Scope, keys: Keys, *, limit: int, cursor: Cursor | None = None, until: datetime | None = None, counted: bool = False
) -> str:
    """The same as text, for a statement that may hold more; its values are bound in the scope."""
    predicate, conditions = scope.predicate, Conditions(scope, keys)
    source, where = _matches(query, scope, conditions)
    if cursor is not None and cursor.until is not None:
        until = cursor.until
    if until is not None:
        where.append(f"r.{predicate.updated} <= {scope.args.add(until, 'timestamptz')}")
    orders = [_order(sort, scope, conditions, query) for sort in query.sort]
    columns = ", ".join(f"r.{column}" for column in COLUMNS) + f", {BODY}, {predicate.clean('r', scope.args)} AS clean" + ", count(*) OVER () AS total" * counted
    named = "".join(f", {order} AS k{i}" for i, order in enumerate(orders))
    inner = f"SELECT {columns}{named} FROM {source} WHERE {' AND '.join(where)}"
    plain = all(sort.kind in ("at", "updated", "id") for sort in query.sort)
    ordered, rid = (orders, "r.rid") if plain else ([f"q.k{i}" for i in range(len(orders))], "q.rid")
    down = bool(query.sort) and query.sort[0].descending
    after = _after(cursor, query.sort, ordered, rid, down, scope) if cursor else ""
    by = ", ".join(
        [f"{key}{' DESC' if sort.descending else ''}" for key, sort in zip(ordered, query.sort, strict=True)] + [f"{rid}{' DESC' * down}"]
    )
    most = scope.args.add(limit, "int")
    tail = f" ORDER BY {by} LIMIT {most}"
    if plain and query.sort and predicate.near and _driver(query) is not None:
        # Walking through a type in its order until the page is full pays where most of what matches may be seen. Who sees a few people's
        # records would walk through everybody's: for them all matches are found first, so that a page costs the same whatever is withheld.
        by = ", ".join([f"q.k{i}{' DESC' if sort.descending else ''}" for i, sort in enumerate(query.sort)] + [f"q.rid{' DESC' * down}"])
        return f"SELECT q.* FROM ({inner}{f' AND {after}' if after else ''} OFFSET 0) q ORDER BY {by} LIMIT {most}"
    if plain:
        return inner + (f" AND {after}" if after else "") + tail
    return f"SELECT q.* FROM ({inner}) q" + (f" WHERE {after}" if after else "") + tail


def in_a_compartment(query: Query) -> bool:
    """Whether a search is over one compartment in an order of rows: every match is looked at for a page, so that counting them costs nothing more."""
    return any(isinstance(c, Member) for c in query.where) and all(sort.kind in ("at", "updated", "id") for sort in query.sort)


def count(query: Query, predicate: Predicate, keys: Keys, *, tenant: int, now: datetime, until: datetime | None = None) -> Statement:
    """The statement that counts all matches, under the same predicate as the pages."""
    scope = Scope(tenant, predicate, now)
    return Statement(count_of(query, scope, keys, until=until), tuple(scope.args.values))


def count_of(query: Query, scope: Scope, keys: Keys, *, until: datetime | None = None) -> str:
    """The same as text, for a statement that may hold more; its values are bound in the scope."""
    source, where = _matches(query, scope, Conditions(scope, keys))
    if until is not None:
        where.append(f"r.{scope.predicate.updated} <= {scope.args.add(until, 'timestamptz')}")
    return f"SELECT count(*) AS total FROM {source} WHERE {' AND '.join(where)}"


def _matches(query: Query, scope: Scope, conditions: Conditions) -> tuple[str, list[str]]:
    """The FROM and WHERE of all matches, as table `r`."""
    types = f"= {literal(query.types[0])}" if len(query.types) == 1 else scope.one_of(query.types, "text")
    where = [f"r.tenant = {scope.tenant}", f"r.type {types}"]
    source = "record.resource r"
    rest = list(query.where)
    if query.patient is not None:
        where.append(f"r.patient = {scope.args.add(query.patient, 'text')}")
        fixing = next(c for c in rest if isinstance(c, References) and c.targets == (f"Patient/{query.patient}",))
        rest.remove(fixing)
        where.append(_told(fixing, scope, conditions))
    elif (driver := _driver(query)) is not None:
        joined = _joined(driver, [c for c in rest if c is not driver], scope, conditions)
        source, begin = (source + joined[0], joined[1]) if joined else (source, conditions.on("r", driver, bounded=False))
        where.append(begin)
        rest.remove(driver)
    where.extend(conditions.on("r", condition, bounded=True) for condition in _grouped(rest))
    where.append(scope.predicate.row("r", scope.args))
    return source + scope.predicate.beside(scope.args), where


def _driver(query: Query) -> Condition | None:
    """The condition at which to begin, where neither a patient nor ids bound the search."""
    if query.patient is not None or any(isinstance(c, Ids) and not c.negated for c in query.where):
        return None
    found = max(query.where, key=narrowing, default=None)
    return found if found is not None and narrowing(found) > 0 else None


def _told(fixing: References, scope: Scope, conditions: Conditions) -> str:
    """That the row is in the patient's chart may be told: nothing labelled is about it, or the reference itself may be seen."""
    whole = f"{scope.predicate.behind('r', scope.args)} AND {scope.predicate.mask('r.parts', 'r', scope.args)}"
    return f"(({whole}) OR {conditions.on('r', fixing, bounded=True)})"


def _grouped(conditions: list[Condition]) -> list[Condition]:
    """Cheap questions about the row itself first."""
    return sorted(conditions, key=lambda c: not isinstance(c, Tokens | Ids | Updated))


def narrowing(condition: Condition) -> float:
    """How good a beginning the condition is; 0 for one that cannot be begun with."""
    match condition:
        case Tokens(negated=False, values=values, weight=weight) if (None, None) not in values:
            return 6 if passing(condition) else (1, 5, 9)[weight]
        case References(targets=targets) if targets:
            return 8
        case Strings(mode=mode):
            return 2 if mode == "contains" else 7
        case Uris():
            return 6
        case Dates(values=values):
            return 3 if all(v.prefix == "eq" for v in values) else 2
        case Numbers() | Spans():
            return 2
        case Chain(ends=ends):
            return min(narrowing(end) for _, end in ends) * 0.9
        case Has(condition=inner):
            return narrowing(inner) * 0.9
        case AnyOf(conditions=parts):
            return min(narrowing(part) for part in parts)
        case Member():
            return 4
    return 0


def _joined(condition: Condition, others: list[Condition], scope: Scope, conditions: Conditions) -> tuple[str, str] | None:
    """The condition as a join from which rows come in the order of rid, each once; None when it has no such form."""
    if by_identifier(condition):
        return None
    if any(few(other) and not by_identifier(other) for other in others):
        return _shared(condition, others, conditions)
    match condition:
        case Tokens(types=[_]) if len(hashes := conditions.hashes(condition)) == 1:
            table, where = "token", f"d.hash = {scope.args.add(hashes[0], 'bigint')}"
        case References(types=[_], names=[_], targets=[target]):
            where = f"{conditions.edge('d', condition.types, condition.names)} AND d.target = {scope.args.add(target, 'text')}"
            table = "edge"
        case _:
            return _shared(condition, others, conditions)
    seen = f"{scope.shown('d', 'r')} AND {scope.first('d', 'r')}" if table == "edge" else scope.found("d", "r")
    return f" JOIN record.{table} d ON d.rid = r.rid", f"d.tenant = {scope.tenant} AND {where} AND {seen}"


def _shared(condition: Condition, others: list[Condition], conditions: Conditions) -> tuple[str, str] | None:
    """What the conditions have in common in the index tables, as a join."""
    found = conditions.beginning(condition, others)
    return None if found is None else (f" JOIN ({found}) d ON d.rid = r.rid", conditions.on("r", condition, bounded=True))


def _order(sort: Sort, scope: Scope, conditions: Conditions, query: Query) -> str:
    """The expression of one sort key; only values that may be seen take part."""
    if sort.kind in ("at", "updated", "id"):
        return f"r.{scope.predicate.updated if sort.kind == 'updated' else sort.kind}"
    floor, column = FLOORS[sort.kind]
    key = scope.one_of(conditions.names(query.types, sort.names), "bigint")
    pick = "max" if sort.descending else "min"
    return (
        f"coalesce((SELECT {pick}(o.{column}) FROM record.{TABLES[sort.kind]} o WHERE o.tenant = {scope.tenant} AND o.rid = r.rid "
        f"AND o.key {key} AND {scope.seen('o', 'r')}), {floor})"
    )


def _after(cursor: Cursor, sorts: Sequence[Sort], keys: Sequence[str], rid: str, down: bool, scope: Scope) -> str:
    """The row comes after the cursor."""
    last = scope.args.add(cursor.rid, "bigint")
    sign = "<" if down else ">"
    bound = [scope.args.add(value, TYPES.get(sort.kind, "text")) for value, sort in zip(cursor.keys, sorts, strict=True)]
    if all(sort.descending == down for sort in sorts):
        return f"({', '.join([*keys, rid])}) {sign} ({', '.join([*bound, last])})" if keys else f"{rid} {sign} {last}"
    steps = [*zip(keys, bound, (sort.descending for sort in sorts), strict=True), (rid, last, down)]
    parts = []
    for i, (key, value, falls) in enumerate(steps):
        equal = [f"{k} = {v}" for k, v, _ in steps[:i]]
        step = f"{key} < {value}" if falls else f"{key} > {value}"
        parts.append(f"({' AND '.join([*equal, step])})")
    return f"({' OR '.join(parts)})"


def bounded_by_time(query: Query) -> bool:
    """Whether the order is by a key that changes, so that paging needs the first page's time."""
    return any(sort.kind == "updated" for sort in query.sort)
