"""_include and _revinclude: one statement for what a page refers to and what refers to it.

Each round follows references from what the round before found; rounds after the first follow only what was asked for with
`:iterate`. Every reference and every resource passes the predicate in every round.
"""

from collections.abc import Sequence
from datetime import datetime

from sojourn.fhir.query import Include, Query
from sojourn.record.search import BODY, COLUMNS, Statement
from sojourn.record.searchsql import Predicate, Scope, literal

ROUNDS = 4
"""How often `:iterate` is followed."""


def compile_includes(
    query: Query, predicate: Predicate, page: Sequence[tuple[int, str, str]], *, tenant: int, now: datetime, limit: int = 1000
) -> Statement | None:
    """The statement for what is included with a page, given as (rid, type, id) of its rows; None when nothing was asked for.

    Rows of the page itself are not found again. At most `limit` rows come back, in the order of rid.
    """
    if not (query.include or query.revinclude) or not page:
        return None
    scope = Scope(tenant, predicate, now)
    rids = scope.args.add([rid for rid, _, _ in page], "bigint[]")
    types = scope.args.add([kind for _, kind, _ in page], "text[]")
    names = scope.args.add([name for _, _, name in page], "text[]")
    sql = includes_of(query, scope, f"unnest({rids}, {types}, {names}) AS p (rid, type, id)", limit)
    return Statement(sql, tuple(scope.args.values))


def includes_of(query: Query, scope: Scope, page: str, limit: int) -> str:
    """The same as text, for a statement that may hold more. page: what stands after FROM and has the columns rid, type and id."""
    predicate = scope.predicate
    parts = [f"l0 AS MATERIALIZED (SELECT rid, type, type || '/' || id AS target FROM {page})"]
    iterated = any(i.iterate for i in (*query.include, *query.revinclude))
    rounds = 0
    for number in range(1, ROUNDS + 1 if iterated else 2):
        found = _round(query, scope, number)
        if found:
            parts.append(f"l{number} AS MATERIALIZED ({found})")
            rounds = number
    every = " UNION ".join(f"SELECT rid, type FROM l{n}" for n in range(1, rounds + 1))
    columns = ", ".join(f"r.{column}" for column in COLUMNS) + f", {BODY}, {predicate.clean('r', scope.args)} AS clean"
    return (
        f"WITH {', '.join(parts)} SELECT {columns} FROM ({every} EXCEPT SELECT rid, type FROM l0) x "
        f"JOIN record.resource r ON r.tenant = {scope.tenant} AND r.type = x.type AND r.rid = x.rid{predicate.beside(scope.args)} "
        f"ORDER BY r.rid LIMIT {scope.args.add(limit, 'int')}"
    )


def _round(query: Query, scope: Scope, number: int) -> str:
    """What one round finds from the rows of the round before."""
    source = f"l{number - 1}"
    first = number == 1
    parts = [_forward(i, scope, source) for i in query.include if first or i.iterate]
    parts += [_backward(i, scope, source) for i in query.revinclude if first or i.iterate]
    return " UNION ".join(parts)


def _param(include: Include, scope: Scope, edge: str) -> str:
    """The edge is one that the include follows."""
    by_type = "" if include.source == "*" else f" AND {edge}.type = {literal(include.source)}"
    by_name = "" if include.names is None else f" AND {edge}.param {scope.one_of(include.names, 'text')}"
    return by_type + by_name


def _forward(include: Include, scope: Scope, source: str) -> str:
    """What the rows refer to. The inner DISTINCT parts the text functions from the join, which then can use the index."""
    limited = "" if include.target is None else f" AND starts_with(e.target, {literal(include.target + '/')})"
    return (
        f"SELECT t.rid, t.type, t.type || '/' || t.id AS target FROM (SELECT DISTINCT split_part(e.target, '/', 1) AS type, "
        f"split_part(e.target, '/', 2) AS id FROM {source} p "
        f"JOIN record.edge e ON e.tenant = {scope.tenant} AND e.rid = p.rid AND e.type = p.type{_param(include, scope, 'e')}{limited} "
        f"JOIN record.resource s ON s.tenant = {scope.tenant} AND s.type = p.type AND s.rid = p.rid AND {scope.seen('e', 's')}) x "
        f"JOIN record.resource t ON t.tenant = {scope.tenant} AND t.type = x.type AND t.id = x.id AND {scope.predicate.row('t', scope.args)}"
    )


def _backward(include: Include, scope: Scope, source: str) -> str:
    """What refers to the rows."""
    limited = "" if include.target is None else f" AND p.type = {literal(include.target)}"
    return (
        f"SELECT t.rid, t.type, t.type || '/' || t.id AS target FROM {source} p "
        f"JOIN record.edge e ON e.tenant = {scope.tenant} AND e.target = p.target{_param(include, scope, 'e')}{limited} "
        f"JOIN record.resource t ON t.tenant = {scope.tenant} AND t.type = e.type AND t.rid = e.rid AND {scope.seen('e', 't')} "
        f"AND {scope.predicate.row('t', scope.args)}"
    )
