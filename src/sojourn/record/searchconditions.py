"""Each condition of a search as SQL about one row of record.resource.

A condition is either a question about the row's own token array (when other conditions bound the rows), or an EXISTS over
an index table, from which the planner may as well begin. Tokens, edges and index rows count only where their mask passes;
the resources at the ends of chains and reverse chains only where their row passes.
"""

from collections.abc import Callable, Iterable

from sojourn.fhir.fold import fold
from sojourn.fhir.query import (
    AnyOf,
    Chain,
    Condition,
    Dates,
    Has,
    Ids,
    Member,
    Missing,
    Numbers,
    References,
    Spans,
    Strings,
    Tokens,
    Updated,
    Uris,
)
from sojourn.record.index import Keys
from sojourn.record.searchbeginning import Window, alike, few, passing, window
from sojourn.record.searchsql import Scope, compared, either, instant, literal, within

Where = Callable[[str], str]

LAST = "\U0010ffff"
"""Sorts after every character, so that [p, p + LAST) holds what begins with p."""


class Conditions:
    """Renders conditions for one statement."""

    __slots__ = ("_keys", "_scope")

    def __init__(self, scope: Scope, keys: Keys) -> None:
        self._scope = scope
        self._keys = keys

    def on(self, row: str, condition: Condition, *, bounded: bool) -> str:
        """The condition about the row; `bounded` when other conditions make the rows few."""
        match condition:
            case Tokens():
                return self._tokens(row, condition, bounded)
            case Missing():
                found = self._present(row, condition)
                return f"NOT {found}" if condition.missing else found
            case Strings() | Uris():
                return self._indexed("string", row, self._like(condition), bounded=bounded)
            case Dates():
                return self._indexed("date", row, self._when(condition), bounded=bounded)
            case Numbers() | Spans():
                return self._indexed("number", row, self._much(condition), bounded=bounded)
            case References():
                return self._references(row, condition)
            case Ids():
                ids = self._scope.args.add(list(condition.values), "text[]")
                return f"{row}.id <> ALL ({ids})" if condition.negated else f"{row}.id = ANY ({ids})"
            case Updated():
                return either(instant(f"{row}.{self._scope.predicate.updated}", value, self._scope) for value in condition.values)
            case Chain():
                return either(self._chain(row, condition, target, end, bounded) for target, end in condition.ends)
            case Has():
                return self._has(row, condition, bounded)
            case AnyOf():
                return either(self.on(row, part, bounded=bounded) for part in condition.conditions)
            case Member():
                return self._member(row, condition)
        raise TypeError("no such condition")

    def names(self, types: Iterable[str], names: Iterable[str]) -> list[int]:
        """The keys of the names."""
        wanted = list(names)
        return [self._keys.name(t, name) for t in types for name in wanted]

    def hashes(self, condition: Tokens) -> list[int]:
        """The keys of the tokens; a token of any system and any code is the parameter's presence."""
        keys = self._keys
        return [
            keys.name(t, name) if value == (None, None) else keys.token(t, name, value.system, value.code)
            for t in condition.types
            for name in condition.names
            for value in condition.values
        ]

    def has_token(self, row: str, hashes: list[int]) -> str:
        """Whether the row has one of the tokens, and the caller may see that it has."""
        scope = self._scope
        bound = scope.args.add(hashes, "bigint[]")
        sign = "@>" if len(hashes) == 1 else "&&"
        alias = scope.name("k")
        return (
            f"({row}.tokens {sign} {bound} OR ({row}.labelled_tokens IS NOT NULL AND EXISTS (SELECT FROM record.token {alias} "
            f"WHERE {alias}.tenant = {scope.tenant} AND {alias}.hash = ANY ({bound}) AND {alias}.rid = {row}.rid "
            f"AND {scope.found(alias, row)})))"
        )

    def _present(self, row: str, condition: Missing) -> str:
        """Whether the row has a value that may be seen; of references, one whose target is not withheld."""
        found = self.has_token(row, self.names(condition.types, condition.names))
        if not condition.edges:
            return found
        scope = self._scope
        e = scope.name("e")
        toward = f" AND starts_with({e}.target, {literal(condition.toward + '/')})" if condition.toward else ""
        edge = (
            f"EXISTS (SELECT FROM record.edge {e} WHERE {e}.tenant = {scope.tenant} AND {e}.rid = {row}.rid "
            f"AND {self.edge(e, condition.types, condition.edges)}{toward} AND {scope.shown(e, row)})"
        )
        return f"({found} AND ({scope.predicate.behind(row, scope.args)} OR {edge}))"

    def _tokens(self, row: str, condition: Tokens, bounded: bool) -> str:
        hashes = self.hashes(condition)
        if condition.negated:
            return f"NOT {self.has_token(row, hashes)}"
        if bounded or (None, None) in condition.values:
            found = self.has_token(row, hashes)
        else:
            found = self._indexed("token", row, lambda k: f"{k}.hash {self._scope.one_of(hashes, 'bigint')}")
        if by_identifier(condition):
            # Redaction takes identifiers out of references to what is withheld; so does this.
            return f"({found} AND {self._scope.predicate.behind(row, self._scope.args)})"
        return found

    def _indexed(self, table: str, row: str, where: Where, *, bounded: bool = True) -> str:
        """EXISTS an index row of the resource that may be seen and for which the condition holds.

        Where nothing else makes the rows few, first that there is such an index row at all, seen or not: in a form that PostgreSQL can begin
        at, while EXISTS with a mask that hangs on the resource's row makes it go through all rows of the type.
        """
        scope = self._scope
        begin = "" if bounded else f"{row}.rid IN ({self._rids(table, where)}) AND "
        alias = scope.name("k")
        seen = {"edge": scope.shown, "token": scope.found}.get(table, scope.seen)(alias, row)
        return (
            f"({begin}EXISTS (SELECT FROM record.{table} {alias} WHERE {alias}.tenant = {scope.tenant} AND {alias}.rid = {row}.rid "
            f"AND {where(alias)} AND {seen}))"
        )

    def _rids(self, table: str, where: Where) -> str:
        """The rows of an index table, by their resources."""
        alias = self._scope.name("b")
        return f"SELECT {alias}.rid FROM record.{table} {alias} WHERE {alias}.tenant = {self._scope.tenant} AND {where(alias)}"

    def beginning(self, first: Condition, others: Iterable[Condition]) -> str | None:
        """A query for the rids, in their order, each once, that have an index row for the first condition, seen or not, and for each of the
        others that few resources meet; None where the first has no such index, or where it is better to begin at its index rows themselves."""
        partners = [other for other in others if few(other) and not by_identifier(other)]
        if isinstance(first, Tokens) and not partners and not passing(first):
            return None  # it may be better to walk through the type until a page is full
        found = self._rids_of(first, [first, *partners])
        if found is None:
            return None
        parts, dates = [found], alike(first, partners) if isinstance(first, Dates) else []
        for other in partners:
            if other not in dates:
                parts.append(self._rids_of(other, partners) or "")
                dates += alike(other, partners) if isinstance(other, Dates) else []
        return f"SELECT DISTINCT x.rid FROM ({' INTERSECT '.join(f'({part})' for part in parts)}) x ORDER BY x.rid OFFSET 0"

    def _rids_of(self, condition: Condition, others: Iterable[Condition]) -> str | None:
        """The rids of all index rows that fit, seen or not."""
        match condition:
            case Tokens(negated=False) if (None, None) not in condition.values and not by_identifier(condition):
                hashes = self.hashes(condition)
                return self._rids("token", lambda k: f"{k}.hash {self._scope.one_of(hashes, 'bigint')}")
            case Strings() | Uris():
                return self._rids("string", self._like(condition))
            case Dates():
                return self._rids_between(condition, window(alike(condition, others), self._scope.now)) or self._rids("date", self._when(condition))
            case Numbers() | Spans():
                return self._rids("number", self._much(condition))
            case References(targets=targets) if targets:
                return self._rids("edge", self._to(condition))
        return None

    def _rids_between(self, condition: Dates, between: Window) -> str | None:
        """The rids of index rows within a window, by the index that is ordered by their ends; None for one that begins with time itself.

        Where an interval was written down the wrong way round (from a moment to a day, with a time zone between), it is not before its end:
        these few have an index of their own.
        """
        if between.after is None:
            return None
        bind = self._scope.args.add
        after = f"{{0}}.high > {bind(between.after, 'timestamptz')}"
        before = f" AND {{0}}.low < {bind(between.before, 'timestamptz')}" if between.before else ""
        found = self._rids("date", lambda k: f"{self._keyed(k, condition)} AND {(after + before).format(k)}")
        return f"{found} UNION ALL {self._rids('date', lambda k: f'{self._keyed(k, condition)} AND {k}.low >= {k}.high')}"

    def _keyed(self, alias: str, condition: Strings | Uris | Dates | Numbers | Spans) -> str:
        """The index row is one of the condition's parameters."""
        return f"{alias}.key {self._scope.one_of(self.names(condition.types, condition.names), 'bigint')}"

    def _like(self, condition: Strings | Uris) -> Where:
        return lambda k: f"{self._keyed(k, condition)} AND {self._text(k, condition)}"

    def _text(self, alias: str, condition: Strings | Uris) -> str:
        """The text compares as the mode says."""
        args = self._scope.args
        match condition.mode:
            case "exact":
                folded = args.add([fold(value) for value in condition.values], "text[]")
                return f"{alias}.folded = ANY ({folded}) AND {alias}.exact = ANY ({args.add(list(condition.values), 'text[]')})"
            case "contains":
                return either(f"strpos({alias}.folded, {args.add(value, 'text')}) > 0" for value in condition.values)
            case "is":
                return f"{alias}.folded = ANY ({args.add(list(condition.values), 'text[]')})"
            case "above":
                return f"{alias}.folded = ANY ({args.add(sorted(above(condition.values)), 'text[]')})"
        return either(
            f"({alias}.folded >= {args.add(value, 'text')} AND {alias}.folded < {args.add(value + LAST, 'text')})"
            for value in condition.values
        )

    def _when(self, condition: Dates) -> Where:
        return lambda k: f"{self._keyed(k, condition)} AND {either(within(f'{k}.low', f'{k}.high', v, self._scope) for v in condition.values)}"

    def _much(self, condition: Numbers | Spans) -> Where:
        def where(k: str) -> str:
            if isinstance(condition, Spans):
                start = compared(f"{k}.low", f"{k}.low", condition.start, self._scope)
                end = compared(f"{k}.high", f"{k}.high", condition.end, self._scope)
                return f"{self._keyed(k, condition)} AND {k}.unit = 0 AND {start} AND {end}"
            parts = []
            for value in condition.values:
                unit = 0 if value.code is None else self._keys.unit(value.system, value.code)
                bound = self._scope.args.add(unit, "bigint")
                parts.append(f"({k}.unit = {bound} AND {compared(f'{k}.low', f'{k}.high', value, self._scope)})")
            return f"{self._keyed(k, condition)} AND {either(parts)}"

        return where

    def edge(self, alias: str, types: Iterable[str], names: Iterable[str]) -> str:
        """The edge is one of the parameters of the types."""
        types, names = list(types), list(names)
        by_type = f"{alias}.type = {literal(types[0])}" if len(types) == 1 else f"{alias}.type {self._scope.one_of(types, 'text')}"
        return f"{by_type} AND {alias}.param {self._scope.one_of(names, 'text')}"

    def _references(self, row: str, condition: References) -> str:
        if not condition.targets:
            return "false"

        return self._indexed("edge", row, self._to(condition))

    def _to(self, condition: References) -> Where:
        return lambda k: f"{self.edge(k, condition.types, condition.names)} AND {k}.target {self._scope.one_of(condition.targets, 'text')}"

    def _chain(self, row: str, condition: Chain, target: str, end: Condition, bounded: bool) -> str:
        """EXISTS a reference that may be seen to a resource that may be seen and meets the condition.

        OFFSET 0 parts the text functions from the join: under row-level security the planner uses no index for a join
        condition in which a function that is not leakproof reads a protected table.
        """
        scope = self._scope
        e, t, x = scope.name("e"), scope.name("t"), scope.name("x")
        edge = f"{e}.tenant = {scope.tenant} AND {e}.rid = {row}.rid AND {self.edge(e, condition.types, condition.names)}"
        if bounded:
            prefix = literal(target + "/")
            return (
                f"EXISTS (SELECT FROM (SELECT substr({e}.target, {len(target) + 2}) AS id FROM record.edge {e} WHERE {edge} "
                f"AND starts_with({e}.target, {prefix}) AND {scope.seen(e, row)} OFFSET 0) {x} "
                f"JOIN record.resource {t} ON {t}.id = {x}.id WHERE {scope.rows(t, target)} AND {self.on(t, end, bounded=True)} OFFSET 0)"
            )
        return (
            f"EXISTS (SELECT FROM (SELECT {literal(target + '/')} || {t}.id AS target FROM record.resource {t} "
            f"WHERE {scope.rows(t, target)} AND {self.on(t, end, bounded=False)} OFFSET 0) {x} "
            f"JOIN record.edge {e} ON {e}.target = {x}.target WHERE {edge} AND {scope.seen(e, row)})"
        )

    def _has(self, row: str, condition: Has, bounded: bool) -> str:
        """EXISTS a resource that may be seen, meets the condition and refers here by a reference that may be seen."""
        scope = self._scope
        e, s, x = scope.name("e"), scope.name("s"), scope.name("x")
        edge = f"{e}.tenant = {scope.tenant} AND {self.edge(e, (condition.source,), condition.names)}"
        joined = f"record.edge {e} JOIN record.resource {s} ON {s}.rid = {e}.rid"
        seen = f"{scope.rows(s, condition.source)} AND {scope.seen(e, s)} AND {self.on(s, condition.condition, bounded=bounded)}"
        if bounded or len(condition.types) != 1:
            here = f"{row}.type || '/' || {row}.id"
            return f"EXISTS (SELECT FROM {joined} WHERE {edge} AND {e}.target = {here} AND {seen} OFFSET 0)"
        prefix = condition.types[0] + "/"
        return (
            f"EXISTS (SELECT FROM (SELECT substr({e}.target, {len(prefix) + 1}) AS id FROM {joined} WHERE {edge} "
            f"AND starts_with({e}.target, {literal(prefix)}) AND {seen} OFFSET 0) {x} WHERE {x}.id = {row}.id)"
        )

    def _member(self, row: str, condition: Member) -> str:
        scope = self._scope
        m, e, s = scope.name("m"), scope.name("e"), scope.name("s")
        owner, _, owner_id = condition.target.partition("/")
        pairs = scope.args.add([f"{t}:{name}" for t, names in condition.names for name in names], "text[]")
        return (
            f"EXISTS (SELECT FROM (SELECT {s}.type, {s}.rid FROM record.resource {s} WHERE {s}.tenant = {scope.tenant} "
            f"AND {s}.type = {literal(owner)} AND {s}.id = {scope.args.add(owner_id, 'text')} UNION "
            f"SELECT {e}.type, {e}.rid FROM record.edge {e} JOIN record.resource {s} ON {s}.tenant = {e}.tenant AND {s}.type = {e}.type "
            f"AND {s}.rid = {e}.rid WHERE {e}.tenant = {scope.tenant} AND {e}.target = {scope.args.add(condition.target, 'text')} "
            f"AND {e}.type || ':' || {e}.param = ANY ({pairs}) AND {scope.shown(e, s)}) {m} "
            f"WHERE {m}.type = {row}.type AND {m}.rid = {row}.rid)"
        )


def by_identifier(condition: Condition) -> bool:
    """Whether the condition is about the identifier in a reference."""
    return isinstance(condition, Tokens) and any(name.endswith(":identifier") for name in condition.names)


def above(uris: Iterable[str]) -> set[str]:
    """The uris and everything that they lie below, by their slashes."""
    found: set[str] = set()
    for uri in uris:
        parts = uri.split("/")
        for count in range(1, len(parts) + 1):
            prefix = "/".join(parts[:count])
            found.update((prefix, prefix + "/"))
    return found - {"", "/"}
