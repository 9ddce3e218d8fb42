"""Bulk exports in the record: the statement of a stretch, and the SQL functions about exports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from sojourn.base.db import Database
from sojourn.fhir.query import Condition
from sojourn.record.index import Keys
from sojourn.record.search import BODY, Statement
from sojourn.record.searchconditions import Conditions
from sojourn.record.searchsql import Predicate, Scope, both, either, literal
from sojourn.record.store import Head

FIRST: tuple[str, int] = ("", 0)
"""The place before everything: what is of no patient comes first, then patients by id."""
LAST = 2**63 - 1
_COLUMNS = "r.rid, r.seq, r.type, r.id, r.version, r.updated, r.patient, r.own, r.blobs"


class Chart(NamedTuple):
    """A patient, and the bases that each row of theirs carries, as far as is known: where one of them is closed to the caller the chart is not gone through."""

    patient: str
    bases: int = 0


class Stretch(NamedTuple):
    """What one statement goes through: one type, of no patient (patients None) or of these patients in this order.

    after: rid after which the first patient's rows count; to: rid up to which the last one's do. about: of what is of no patient, only what refers to
    one of these patients (None: all of it). filters: at least one of them has to hold (each is a list of conditions). Times: updated after
    `since`, and up to `until`.
    """

    type: str
    patients: Sequence[Chart] | None
    after: int
    to: int
    limit: int
    until: datetime
    since: datetime | None = None
    about: Sequence[str] | None = None
    filters: tuple[tuple[Condition, ...], ...] = ()


def walk(stretch: Stretch, predicate: Predicate, keys: Keys, *, tenant: int, now: datetime, redacted: bool, counted: bool = False, joined: bool = False) -> Statement:
    """Rows of a stretch that may be seen, in order. `ready`: the body is what goes out as it is; `fine`: it could be, if its form were kept.

    counted: one row, of what the lines come to where all are ready: rows, bytes, the versions in order, and the last row's place. Whoever cuts files
    needs no more, and no line leaves the database for it. joined: one row for each patient, with their lines as one text. Both say `ord`: the (last) patient's number from 1, 0 for what is of none.
    """
    scope = Scope(tenant, predicate, now)
    add = scope.args.add
    conditions = Conditions(scope, keys)
    rows = [f"r.tenant = {scope.tenant}", f"r.type = {literal(stretch.type)}", "(r.own & 12) = 0"]
    where, first = [], ""
    if stretch.patients is None:
        rows += ["r.patient IS NULL", f"r.rid > {add(stretch.after, 'bigint')}", f"r.rid <= {add(stretch.to, 'bigint')}"]
        if stretch.about is not None:
            targets = add([f"Patient/{p}" for p in stretch.about], "text[]")
            shown = scope.shown("e", "r")
            where.append(f"EXISTS (SELECT FROM record.edge e WHERE e.tenant = {scope.tenant} AND e.rid = r.rid AND e.type = r.type AND e.target = ANY ({targets}) AND {shown})")
    else:
        charts = f"{add([c.patient for c in stretch.patients], 'text[]')}, {add([c.bases for c in stretch.patients], 'bigint[]')}"
        each = f"SELECT {scope.tenant} AS tenant, u.patient, u.bases, u.ord, '{{}}'::int[] AS origin, '{{}}'::int[] AS ref_origin FROM unnest({charts}) WITH ORDINALITY AS u(patient, bases, ord)"
        walked = predicate.beside_patients("p", scope.args)
        first = f"WITH p AS MATERIALIZED (SELECT p.patient, p.ord, known.bits, {walked.closed} AS closed FROM ({each}) p CROSS JOIN LATERAL ({walked.standing}) known WHERE (p.bases & {walked.closed}) = 0 ORDER BY p.ord) "
        rows += ["r.patient = p.patient", f"(p.ord > 1 OR r.rid > {add(stretch.after, 'bigint')})", f"(p.ord < {add(len(stretch.patients), 'bigint')} OR r.rid <= {add(stretch.to, 'bigint')})", walked.possible]
    rows.append(f"r.{predicate.updated} <= {add(stretch.until, 'timestamptz')}")
    if stretch.since is not None:
        rows.append(f"r.{predicate.updated} > {add(stretch.since, 'timestamptz')}")
    if stretch.patients is None:
        where, source, place, order = [*rows, *where], f"record.resource r{predicate.beside(scope.args)}", "0", "r.rid"
    else:
        # Patient by patient, whatever is thought of how many rows there are (OFFSET 0); so they come nearly in order, and only those of each have to be sorted.
        of_one = f"SELECT r.*, {walked.bits} AS bits FROM record.resource r WHERE {' AND '.join(rows)} OFFSET 0"
        source, place, order = f"p CROSS JOIN LATERAL ({of_one}) r CROSS JOIN LATERAL (SELECT r.bits) stands", "p.ord", "p.ord, r.rid"
    if stretch.filters:
        where.append(either(both(conditions.on("r", c, bounded=True) for c in one) for one in stretch.filters))
    where.append(predicate.row("r", scope.args))
    limit = add(stretch.limit, "int")
    if redacted:
        # What says of itself that it stands needs no form kept. No join: one that finds nothing costs as much as the predicate.
        kept = f"FROM record.plain_form f WHERE f.tenant = {scope.tenant} AND f.seq = r.seq"
        as_it_is = f"{add(stands(keys), 'bigint')} = ANY (r.tokens)"
        body = f"CASE WHEN {as_it_is} THEN r.body ELSE (SELECT coalesce(f.body, r.body) {kept}) END"
        size = f"CASE WHEN {as_it_is} THEN octet_length(r.body) ELSE (SELECT coalesce(f.size, octet_length(r.body)) {kept}) END"  # an index tells it
        fine = f"(r.seq = r.rid AND r.parts = 0 AND r.blobs IS NULL AND r.body <> '' AND {predicate.behind('r', scope.args)})"
        clean = "false"
    else:
        fine, body, size = f"({predicate.clean('r', scope.args)} AND r.blobs IS NULL)", "r.body", "octet_length(r.body)"
        clean = fine
    rest = f"FROM {source} WHERE {' AND '.join(where)} ORDER BY {order} LIMIT {limit}"
    if counted or joined:
        what = f"{body} AS form" if joined else f"{size} AS size"
        inner = f"SELECT r.seq, r.rid, {place} AS ord, {fine} AS fine, {what} {rest}"
        told = "x.fine AND x.form IS NOT NULL AS ready, octet_length(x.form) AS size, x.form AS body" if joined else "x.fine AND x.size IS NOT NULL AS ready, x.size"
        each = f"SELECT x.seq, x.rid, x.ord, {told} FROM ({inner}) x"
        sql = f"{first}{_SUMMED} FROM ({each}) x" if counted else f"{first}{_JOINED} FROM ({each}) x GROUP BY x.ord ORDER BY x.ord"
    elif redacted:
        inner = f"SELECT {_COLUMNS}, {clean} AS clean, {fine} AS fine, {body} AS form, {BODY.removesuffix(' AS body')} AS kept {rest}"
        sql = f"{first}SELECT y.*, CASE WHEN y.ready THEN y.form ELSE y.kept END AS body FROM (SELECT x.*, x.fine AND x.form IS NOT NULL AS ready FROM ({inner}) x) y"
    else:
        sql = f"{first}SELECT {_COLUMNS}, false AS fine, {fine} AS ready, {clean} AS clean, {BODY} {rest}"
    return Statement(sql, tuple(scope.args.values))


_SIZES = "count(*) AS rows, coalesce(sum(size + 1) FILTER (WHERE size > 0), 0)::bigint AS size, coalesce(bool_and(ready), true) AS ready"
# The rows come to the aggregates in their order, one after another: nothing is between them and the limit.
_SUMMED = f"SELECT {_SIZES}, array_agg(seq) FILTER (WHERE size > 0) AS seqs, max(ord) AS ord, (array_agg(rid))[count(*)] AS rid"
# Patient by patient: one text of all is of a size for which memory is fetched anew each time, a third of what it costs.
_JOINED = (
    f"SELECT {_SIZES}, array_agg(seq ORDER BY rid) FILTER (WHERE size > 0) AS seqs, ord, max(rid) AS rid, "
    "string_agg(body, '\\x0a'::bytea ORDER BY rid) FILTER (WHERE size > 0) AS data"
)


def stands(keys: Keys) -> int:
    """The key by which a row says of itself that its bytes are what a redacted caller sees of it where nothing is hidden (gate/preparing.py)."""
    return keys.key("stands")


_PRESENT = "SELECT t.name FROM unnest($2::text[]) AS t(name) WHERE EXISTS (SELECT FROM record.resource r WHERE r.tenant = $1 AND r.type = t.name)"


async def present(db: Database, tenant: int, types: Sequence[str]) -> set[str]:
    """Of which of these types there is anything, whoever asks."""
    async with db.reading(tenant) as connection:
        return {row["name"] for row in await connection.fetch(_PRESENT, tenant, list(types))}


def gone(types: Sequence[str], predicate: Predicate, *, tenant: int, now: datetime, since: datetime, until: datetime, after: int, to: int, limit: int, patients: Sequence[str] | None, directory: Sequence[str]) -> Statement:
    """Deletions of these types that may be known of, in their order; patients: only of these and of the directory (None: of everybody)."""
    scope = Scope(tenant, predicate, now)
    add = scope.args.add
    where = [
        f"r.tenant = {scope.tenant}", f"r.type = ANY ({add(list(types), 'text[]')})", "r.kind = 'delete'", "(r.own & 12) = 0",
        f"r.seq > {add(after, 'bigint')}", f"r.seq <= {add(to, 'bigint')}", f"r.updated > {add(since, 'timestamptz')}", f"r.updated <= {add(until, 'timestamptz')}",
        f"NOT EXISTS (SELECT FROM record.version w WHERE w.tenant = {scope.tenant} AND w.type = r.type AND w.id = r.id AND w.seq > r.seq)",
    ]  # fmt: skip
    if patients is not None:
        where.append(f"(r.patient = ANY ({add(list(patients), 'text[]')}) OR r.type = ANY ({add(list(directory), 'text[]')}))")
    where.append(predicate.row("r", scope.args))
    sql = f"SELECT r.seq, r.type, r.id, r.version, r.patient FROM record.version r{predicate.beside(scope.args)} WHERE {' AND '.join(where)} ORDER BY r.seq LIMIT {add(limit, 'int')}"
    return Statement(sql, tuple(scope.args.values))


# Part 2 is open to who works in a program that made any of a chart (visible.sql): of such a chart it does not say.
_BASES = "CASE WHEN c.programs && $4::int[] THEN c.own & ~2::bigint ELSE c.own END AS bases"
_PATIENTS = f"SELECT c.patient, {_BASES} FROM record.chart_bases c WHERE c.tenant = $1 AND c.patient > $2 ORDER BY c.patient LIMIT $3"
_RELATED = f"""
SELECT c.patient, {_BASES} FROM (
    SELECT DISTINCT l.patient FROM record.relation l WHERE l.tenant = $1 AND l.patient > $2 AND l.actor = ANY ($5) AND l.known_to = 'infinity') l
JOIN record.chart_bases c ON c.tenant = $1 AND c.patient = l.patient ORDER BY c.patient LIMIT $3
"""


async def charts(db: Database, tenant: int, after: str, count: int, programs: Sequence[int], *, keys: Sequence[str] | None = None) -> list[Chart]:
    """The next patients by id of whom there is anything; programs: in which the caller works; keys: of those to whom one of these has a relation. Whether anything of
    it may be seen is not asked here."""
    more = [] if keys is None else [list(keys)]
    async with db.reading(tenant) as connection:
        found = await connection.fetch(_PATIENTS if keys is None else _RELATED, tenant, after, count, list(programs), *more)
    return [Chart(row["patient"], row["bases"]) for row in found]


async def rows(db: Database, tenant: int, statement: Statement, *, anew: bool = False) -> list[asyncpg.Record]:
    """The rows of a statement, under the reading role. anew: planned for just its values, where conditions of a search are in it; else once."""
    async with db.reading(tenant, large=anew, once=True) as connection:
        found: list[asyncpg.Record] = await connection.fetch(statement.sql, *statement.args)
        return found


def _call(name: str, count: int) -> str:
    return f"SELECT * FROM gate.{name}({', '.join(f'${n}' for n in range(1, count + 1))})"  # noqa: S608 - our own names


_BEGIN, _CLAIM, _DONE, _STEP, _OF, _PARTS, _FILES = _call("export_begin", 12), _call("export_claim", 3), _call("export_done", 14), _call("export_step", 8), _call("export_of", 6), _call("export_parts", 4), _call("export_files", 2)
_CHANGED, _END, _SWEEP, _ALL, _KEEP, _DISCLOSED = _call("export_changed", 7), _call("export_end", 6), _call("export_sweep", 1), _call("exports", 5), _call("keep_forms", 6), _call("bulk_disclosed", 16)


async def begin(db: Database, head: Head, *row: Any) -> bool:
    """Begin an export, in the order of gate.export_begin; False when as many are under way as may be."""
    return bool((await db.call(_BEGIN, *head, *row))[0][0])


async def claim(db: Database, now: datetime, runner: str, lease: datetime) -> asyncpg.Record | None:
    """The next to work on, now ours until the lease is over."""
    found = await db.call(_CLAIM, now, runner, lease)
    return found[0] if found else None


async def done(db: Database, *row: Any) -> bool:
    """A stretch, in the order of gate.export_done; False when the export is not ours any more."""
    return bool((await db.call(_DONE, *row))[0][0])


async def step(db: Database, *row: Any) -> bool:
    """How far it is, in the order of gate.export_step; False as above."""
    return bool((await db.call(_STEP, *row))[0][0])


async def of(db: Database, head: Head, export: str, scopes: str) -> asyncpg.Record | None:
    """An export, for who asked for it."""
    found = await db.call(_OF, *head, export, scopes)
    return found[0] if found else None


async def parts(db: Database, tenant: int, export: str, kind: int | None = None, file: int | None = None) -> list[asyncpg.Record]:
    """Its stretches, in order."""
    return await db.call(_PARTS, tenant, export, kind, file)


async def files(db: Database, tenant: int, export: str) -> list[asyncpg.Record]:
    """Its files in which anything is: kind, number, lines, bytes."""
    return await db.call(_FILES, tenant, export)


async def changed(db: Database, tenant: int, export: str, *row: Any) -> None:
    """A stretch is another than it was, in the order of gate.export_changed."""
    await db.call(_CHANGED, tenant, export, *row)


async def end(db: Database, head: Head, export: str, scopes: str | None) -> bool:
    """End an export with everything that there is of it; scopes None: whoever asked for it. Whether there was one."""
    return bool((await db.call(_END, *head, export, scopes))[0][0])


async def sweep(db: Database, now: datetime) -> None:
    """Drop those that are over."""
    await db.call(_SWEEP, now)


async def every(db: Database, head: Head, limit: int) -> list[asyncpg.Record]:
    """All exports of the organization, newest first."""
    return await db.call(_ALL, *head, limit)


async def keep_forms(db: Database, tenant: int, types: list[str], ids: list[str], seqs: list[int], stored: list[bytes], bodies: list[bytes | None]) -> None:
    """Keep what a redacted caller sees of resources in which nothing is hidden. stored: the SHA-256 of the body that each was made from."""
    await db.call(_KEEP, tenant, types, ids, seqs, stored, bodies)


async def disclosed(db: Database, head: Head, *columns: Any) -> None:
    """Write down what leaves, in the order of gate.bulk_disclosed."""
    await db.call(_DISCLOSED, *head, *columns)
