"""Leaks planted on purpose. Each must be found, or the search for leaks is worth nothing.

A plant changes one thing: a line of the SQL files (`sql`: file or visible.sql, old text, new text) or a Python object (`patch`:
module, name, replacement). `who` are viewers who should notice. A leak that is found one day gets its plant here.
"""

from __future__ import annotations

import base64
import importlib
import inspect
import itertools
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple
from unittest import mock

import asyncpg
import msgspec

from sojourn.base import errors
from sojourn.gate import bases, labels
from sojourn.gate.decide import EMERGENCY
from sojourn.record import sql
from sojourn.record.migrate import FUNCTIONS
from sojourn.record.search import Statement

STAFF = ("mh-clinician",)
OUTSIDE = ("tpo", "specific")
APART = ("both-clinician",)
OVERSEER = ("mh-officer",)


class Plant(NamedTuple):
    """One planted leak."""

    name: str
    who: tuple[str, ...]
    sql: tuple[tuple[str, str, str], ...] = ()
    patch: tuple[tuple[str, str, Callable[[Any], Any]], ...] = ()
    apart: bool = True
    seeds: tuple[str, ...] = ()


def py(name: str, who: tuple[str, ...], target: str, make: Callable[[Any], Any], **more: Any) -> Plant:
    module, _, attribute = target.partition(":")
    return Plant(name, who, patch=((module, attribute, make),), **more)


def in_sql(name: str, who: tuple[str, ...], *changes: tuple[str, str, str], **more: Any) -> Plant:
    return Plant(name, who, sql=changes, **more)


def src(name: str, who: tuple[str, ...], target: str, old: str, new: str, *others: tuple[str, str], **more: Any) -> Plant:
    """A changed line in the source of a function, or several."""

    def make(real: Any) -> Any:
        source = textwrap.dedent(inspect.getsource(real))
        for one, other in ((old, new), *others):
            assert one in source, f"{target} no longer has {one!r}"
            source = source.replace(one, other)
        scope: dict[str, Any] = {}
        exec(compile("from __future__ import annotations\n" + source, target, "exec"), real.__globals__, scope)
        return scope[real.__name__]

    return py(name, who, target, make, **more)


def always(value: Any) -> Callable[[Any], Any]:
    """A replacement that gives one value, whatever it is asked."""
    return lambda _: lambda *_args, **_kwargs: value


def _counter(_: Any) -> Any:
    numbers = itertools.count(1)
    return lambda *_args: f"{next(numbers):08d}"


def _counted_ids(real: Any) -> Any:
    numbers = itertools.count(1)
    return lambda purpose="id": f"{next(numbers):08d}" if purpose == "id" else real(purpose)


def _seen_but(letter: str) -> Callable[[Any], Any]:
    """Scope.seen that forgets the mask of index rows under an alias that begins with a letter."""
    return lambda real: lambda self, alias, row: "true" if alias.startswith(letter) else real(self, alias, row)


def _loose_rows(_: Any) -> Any:
    return lambda self, alias, type_: f"{alias}.tenant = {self.tenant} AND {alias}.type = '{type_}'"


def _loose_count(_: Any) -> Any:
    return lambda query, *_args, tenant, **_kwargs: Statement("SELECT count(*) FROM record.resource WHERE tenant = $1 AND type = ANY ($2)", (tenant, list(query.types)))


def _estimate(_: Any) -> Any:
    return lambda *_args, **_kwargs: Statement("SELECT pg_relation_size('record.edge') / 8192 + pg_relation_size('record.resource') / 8192", ())


def _row_but(letter: str) -> Callable[[Any], Any]:
    return lambda real: lambda self, alias, args: "true" if alias == letter else real(self, alias, args)


def _open_cursor(_: Any) -> Any:
    return lambda _access, _question, position: base64.urlsafe_b64encode(msgspec.json.encode(position)).decode()


def _forbidden(real: Any) -> Any:
    """A read that says forbidden where it withholds, and not found where there is nothing."""
    from sojourn.record import store

    async def read(access: Any, type_: str, id_: str) -> Any:
        try:
            return await real(access, type_, id_)
        except errors.NotFound:
            if await store.labelled(access.house.db, access.tenant.number, [f"{type_}/{id_}"]):
                raise errors.Forbidden() from None
            raise

    return read


def _real_version(_: Any) -> Any:
    async def known_as(_access: Any, _change: Any, row: Any) -> str:
        return row["version"] or ""

    return known_as


async def _nothing(*_args: Any) -> None:
    return None


def _full_labels(_: Any) -> Any:
    return lambda resource, _, programs, rules=None, facts=labels.NOTHING: labels.label(resource, programs, rules, facts).security


def _stored_first(_: Any) -> Any:
    return lambda ours, theirs, found: [n for n in (*ours, *(n for n in theirs if n not in list(ours))) if n in found]


def _undeclared(real: Any) -> Any:
    """In an emergency everything is open, to whoever says that it is one."""

    def decide(caller: Any, rules: Any, *more: Any, **named: Any) -> Any:
        made = real(caller, rules, *more, **named)
        return replace(made, mask=made.mask | bases.PART2, related=False) if caller.kind == "staff" and caller.purpose in EMERGENCY else made

    return decide


VISIBLE = "visible.sql"
NOW = "AND g.valid_from <= :now AND :now < g.valid_to AND g.known_to = 'infinity'"
GRANT_NOW = "AND g.valid_from <= p_now AND p_now < g.valid_to AND g.known_to = 'infinity'"
TODAY = "          AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = w.type AND r.id = w.id AND NOT /*row:r*/)\n"

UNASKED = ("02_read.sql", "r.id = p_id AND /*row:r:stands.bits*/;\n    IF NOT FOUND", "r.id = p_id;\n    IF NOT FOUND")
VERSIONS = ("02_read.sql", "v.id = w.id AND /*row:v*/", "v.id = w.id")
PLANTS = (
    # reading
    # A redacted caller's read is asked twice, for the row and for its versions: each plant breaks all that stands in its way.
    in_sql("a read does not ask the predicate", APART, UNASKED),
    in_sql("neither a read nor the versions behind it ask the predicate", STAFF, UNASKED, VERSIONS, ("02_read.sql", TODAY, "")),
    in_sql("a read forgets the tenant", ("other-clinician",), ("02_read.sql", "WHERE r.tenant = p_tenant AND r.type = p_type AND r.id = p_id AND /*row:r:stands.bits*/;\n    IF", "WHERE r.type = p_type AND r.id = p_id AND /*row:r:stands.bits*/;\n    IF"), ("02_read.sql", "WHERE v.tenant = p_tenant AND v.type = w.type AND v.id = w.id AND /*row:v*/", "WHERE v.type = w.type AND v.id = w.id AND /*row:v*/")),
    in_sql("a deletion is told to everybody", STAFF, ("02_read.sql", "WHERE v.kind = 'delete' AND /*row:v*/;\n    END IF", "WHERE v.kind = 'delete';\n    END IF"), VERSIONS),
    py("the error text tells forbidden from not found", STAFF, "sojourn.gate.reading:read", _forbidden),
    # history
    in_sql("the history of a type does not ask the predicate", STAFF, ("02_read.sql", "AND (NOT v.apart OR /*part:v:12*/)\n          AND /*row:v*/\n", "AND (NOT v.apart OR /*part:v:12*/)\n")),
    in_sql("the history of a type shows hidden changes", STAFF, ("02_read.sql", "AND (NOT p_plain OR v.plain_seq = v.seq)", "")),
    in_sql("past versions forget the labels of today", STAFF + OUTSIDE, ("02_read.sql", "AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = w.type AND r.id = w.id AND NOT /*row:r*/)", "")),
    py("every version is shown, also where nothing visible changed", STAFF, "sojourn.gate.runs:_heads", lambda _: list),
    py("version ids count", STAFF, "sojourn.base.ids:new_version", _counter),
    py("ids count", STAFF, "sojourn.base.ids:new_id", _counted_ids),
    # the trail
    in_sql("the trail shows lines of which nothing is left", OVERSEER, ("11_trail.sql", "CONTINUE WHEN left_of IS NULL AND NOT (", "CONTINUE WHEN false AND NOT (")),
    in_sql("the trail numbers the versions that were looked at", OVERSEER, ("11_trail.sql", "ELSE array_agg(DISTINCT t.thing) END AS left_of", "ELSE array_agg(DISTINCT t.thing || '/_history/' || t.version) END AS left_of")),
    in_sql("the trail tells who wrote what every program shares", OVERSEER, ("11_trail.sql", " AND v.type <> ALL (gate.longitudinal())", "")),
    in_sql("the trail tells what those found who may see more", OVERSEER, ("11_trail.sql", "OR (looking AND NOT (line.action", "OR (false AND NOT (line.action")),
    # the staff app
    in_sql("the page of labels counts what changed about everybody", OVERSEER, ("08_labels_work.sql", " AND r.origin <@ p_programs AND v.origin <@ p_programs AND /*row:r*/\n            AND /*part:r:c.own_before | c.own_after*/\n            AND (c.own_before <> c.own_after OR /*part:r:c.parts_before | c.parts_after*/)", ""), seeds=("d2", "d3", "d5", "d6", "d8")),
    in_sql("the page of labels leaves out what has a hidden element", OVERSEER, ("08_labels_work.sql", "AND (c.own_before <> c.own_after OR /*part:r:c.parts_before | c.parts_after*/)", "AND /*part:r:c.parts_before | c.parts_after*/"), seeds=("b2", "d2", "d3", "d5", "d6", "d8")),
    # redaction
    src("the narrative is kept", STAFF, "sojourn.gate.visible:_members", 'type_ == "Narrative" or ', ""),
    in_sql("references to what is withheld are kept", STAFF, ("02_read.sql", "    WHERE r.rid IS NOT NULL AND NOT /*row:r:stands.bits*/\n    UNION ALL", "    WHERE false\n    UNION ALL")),
    in_sql("references to what was withheld and deleted are kept", STAFF, ("02_read.sql", "    WHERE v.kind = 'delete' AND NOT /*row:v*/\n    UNION ALL", "    WHERE false\n    UNION ALL")),
    in_sql("labelled elements are shown to everybody", STAFF, ("02_read.sql", "WHERE (n.parts & b.bit) <> 0 AND /*part:x:b.bit*/)", ")")),
    py("the labels of hidden elements stay on the whole", STAFF, "sojourn.gate.visible:_relabelled", lambda _: lambda _before, out, _see: out),
    src("a resource that seems to need no redaction has a hidden reference", STAFF, "sojourn.gate.quick:Facts.stands", " and hidden.isdisjoint(self.targets)", ""),
    # notes kept apart, before staff who may see everything else
    in_sql("a reference to a note kept apart is shown", APART, (VISIBLE, "(({r}.own | {r}.parts) & ~:mask | {r}.refs & ~(:mask & ~5188146770730811392)) = 0", "(({r}.own | {r}.parts) & ~:mask) = 0")),
    in_sql("a past version shows a reference to what has become a note", APART, ("16_kept_apart.sql", "SET refs = v.refs | 12", "SET refs = v.refs"), ("02_read.sql", "(r.seq = v.seq OR v.patient IS NOT NULL)", "true")),
    src("what hides a note is stripped of more", APART, "sojourn.gate.shown:_redacted", "strip = access.decision.redacted", "strip = True"),
    in_sql("a version that only notes changed is listed", APART, ("02_read.sql", "      AND (NOT v.apart OR /*part:v:12*/)\n      AND /*row:v*/\n", "      AND /*row:v*/\n")),
    py("a version that differs by what became a note is listed", APART, "sojourn.gate.retelling:_turns", always(False)),
    in_sql("a version goes on telling of what has a label by now", ("mh-clinician",), ("16_telling.sql", "IF cardinality(asked) > 0 THEN", "IF false THEN")),
    src("a resource is known by a version that only notes changed", APART, "sojourn.gate.runs:told", 'if version["told"]', "if True"),
    src("the author of a change is shown the notes that stayed", APART, "sojourn.gate.preparing:written", "p.clean and ", ""),
    # searching
    py("a total counts everything", STAFF, "sojourn.record.search:count", _loose_count),
    py("a total is an estimate of the planner", STAFF, "sojourn.record.search:count", _estimate),
    py("chains and reverse chains hop over what is withheld", STAFF, "sojourn.record.searchsql:Scope.rows", _loose_rows),
    py("a token of a hidden element is found", STAFF, "sojourn.record.searchsql:Scope.seen", _seen_but("k")),
    py("a search begins at tokens of hidden elements", STAFF, "sojourn.record.searchsql:Scope.seen", _seen_but("d")),
    py("a hidden value takes part in sorting", STAFF, "sojourn.record.searchsql:Scope.seen", _seen_but("o")),
    py("a reference is found by its withheld target", STAFF, "sojourn.record.searchsql:Scope.shown", lambda _: lambda self, edge, row: self.seen(edge, row)),
    py("what is behind a row is judged by the row's program", STAFF, "sojourn.gate.enforce:Bound.behind", lambda _: lambda self, alias, args: self.mask(f"{alias}.refs", alias, args)),
    py("an include does not ask the predicate", STAFF, "sojourn.gate.enforce:Bound.row", _row_but("t")),
    py("the real time of the last change is searched", ("tpo",), "sojourn.gate.enforce:Bound.updated", lambda _: property(lambda _self: "updated")),
    py("a resource is found by the labels of its hidden elements", STAFF, "sojourn.gate.labels:findable", _full_labels),
    src("a patient is found by labels that have fallen", STAFF, "sojourn.gate.relabelling:Again.prepared", "preparing.index_rows(access, finished, self.origin, self.sent, facts_of(row))", "preparing.index_rows(access, self.stored, self.origin)"),
    py("a resource of which nothing is left is counted", (*OUTSIDE, "stranger"), "sojourn.gate.bearing:edges", always([]), seeds=("s1", "s2", "f1", "f2")),
    py("the length of a cursor tells how much was written", STAFF, "sojourn.gate.sealed:_SIZE", lambda _: 1),
    py("a cursor can be read", STAFF, "sojourn.gate.sealed:cursor", _open_cursor),
    # writing
    in_sql("a write finds what is withheld", STAFF, ("02_read.sql", "WHERE r.tenant = p_tenant AND r.type = w.type AND r.id = w.id AND /*row:r*/) r ON true", "WHERE r.tenant = p_tenant AND r.type = w.type AND r.id = w.id) r ON true")),
    py("a reference tells whether its target is there", STAFF, "sojourn.gate.leading:check", lambda _: _nothing),
    py("the order of elements tells of hidden ones", STAFF, "sojourn.gate.merging:_order", _stored_first),
    py("a version conflict tells of hidden changes", STAFF, "sojourn.gate.writing:_known_as", _real_version),
    # rules
    in_sql("a revoked consent still holds", ("revoked",), (VISIBLE, NOW, "AND g.valid_from <= :now AND :now < g.valid_to"), ("01_gate.sql", GRANT_NOW, "AND g.valid_from <= p_now AND p_now < g.valid_to")),
    in_sql("an expired consent still holds", ("expired",), (VISIBLE, NOW, "AND g.known_to = 'infinity'"), ("01_gate.sql", GRANT_NOW, "AND g.known_to = 'infinity'")),
    in_sql("any purpose will do", ("tpo-research",), (VISIBLE, "AND (g.purposes = '{*}' OR :purpose = ANY (g.purposes))", ""), ("01_gate.sql", "AND g.effect = 'permit' AND p_purpose = ANY (g.purposes)", "AND g.effect = 'permit'")),
    py("what no law of its own protects goes out for any purpose", ("tpo-research",), "sojourn.gate.decide:outside_mask", always(bases.ORDINARY)),
    in_sql("a relation alone opens what no law of its own protects, for any purpose", ("tpo-research",), (VISIBLE, "AND gate.consented({r}.tenant, {r}.patient, 1152921504606846976,", "AND gate.consented({r}.tenant, {r}.patient, 0,")),
    py("being named for one purpose is a relation for all", ("specific-billing",), "sojourn.gate.decide:for_purpose", lambda real: lambda _purpose, key: real("TREAT", key)),
    in_sql("a consent for one recipient serves all", ("stranger",), (VISIBLE, "g.recipient = ANY (:keys)", "g.recipient <> ''"), ("01_gate.sql", "g.recipient = ANY (p_keys)", "g.recipient <> ''")),
    in_sql("a consent's types are ignored", ("specific",), ("01_gate.sql", "AND (g.types IS NULL OR p_type = ANY (g.types))", "")),
    in_sql("a consent's time of data is ignored", ("specific",), ("01_gate.sql", "AND (coalesce(g.data_from, g.data_to) IS NULL OR", "AND (true OR")),
    in_sql("a consent's programs are ignored", ("tpo",), ("01_gate.sql", "AND (g.programs IS NULL OR (p_origin <> '{}' AND (p_origin <@ g.programs\n                                   OR (p_type = ANY (gate.longitudinal()) AND p_origin && g.programs))))", "")),
    in_sql("no relation is asked for", ("stranger",), (VISIBLE, "AND (NOT :related OR ({stands}", "AND (true OR ({stands}")),
    in_sql("staff reach everybody", ("far-clinician",), (VISIBLE, "AND (NOT :related OR ({stands}", "AND (true OR ({stands}")),
    in_sql("a consent within limits is one without", ("specific",), (VISIBLE, "coalesce(a.bits, 0)", "coalesce(a.bits, 0) | CASE WHEN (a.bits & 72057594037927936) <> 0 THEN 2 ELSE 0 END")),
    # emergencies
    py("an emergency needs no declaration", STAFF, "sojourn.gate.decide:decide", _undeclared),
    src("an emergency that is not attested tells who is here", STAFF, "sojourn.gate.emergency:declare", "not attested:\n        raise", "not attested:\n        if await disclosures.emergency_find(access.house.db, access.head, *_terms(access, sought), -1):\n            raise errors.Forbidden()\n        raise"),
    # and the other way round: what is permitted is withheld
    in_sql("no consent is believed", ("tpo",), (VISIBLE, "coalesce(a.bits, 0)", "(coalesce(a.bits, 0) & 144115188075855872)"), ("01_gate.sql", "AND g.effect = 'permit' AND p_purpose = ANY (g.purposes)", "AND false")),
    py("no authorization is believed", ("tpo-research",), "sojourn.gate.consenting.compiling:_ordinary", always(())),
    # The short way asks of such a consent no function: both ways are broken.
    in_sql("a consent without limits is not believed", ("tpo",), ("01_gate.sql", "AND (g.types IS NULL OR p_type = ANY (g.types))", "AND p_type = ANY (g.types)"),
         (VISIBLE, "WHEN {r}.origin <> '{}' AND {r}.origin <@ g.programs AND {r}.ref_origin <@ g.programs THEN", "WHEN false THEN")),
)  # fmt: skip


def mutated(plant: Plant) -> str:
    """All function files with the plant in them. Raises ValueError when the text that it changes is no longer there."""
    files = {path.name: path.read_text("utf-8") for path in sorted(FUNCTIONS.glob("*.sql"))}
    visible = (sql.HERE / VISIBLE).read_text("utf-8")
    for name, old, new in plant.sql:
        text = visible if name == VISIBLE else files[name]
        if old not in text:
            raise ValueError(f"{plant.name}: {name} no longer has {old!r}")
        if name == VISIBLE:
            visible = text.replace(old, new)
        else:
            files[name] = text.replace(old, new, 1)
    parts = {
        name: "\n".join(line for line in body.splitlines() if line.strip() and not line.startswith("--")) for name, body in sql._PART.findall(visible)  # noqa: SLF001
    }
    with mock.patch.object(sql, "parts", return_value=parts):
        return "\n".join(sql.render(text) for text in files.values())


async def plant_in(dsn: str, plant: Plant) -> None:
    """Change the functions of a database."""
    if plant.sql:
        owner = await asyncpg.connect(dsn)
        try:
            await owner.execute(mutated(plant))
        finally:
            await owner.close()


@contextmanager
def planted(plant: Plant) -> Iterator[None]:
    """Change the Python objects, and what dynamic statements take from visible.sql."""
    patches = [_patch(*p) for p in plant.patch]
    visible = [(old, new) for name, old, new in plant.sql if name == VISIBLE]
    if visible:
        real = sql.parts()
        changed = {name: _replaced(body, visible) for name, body in real.items()}
        patches.append(mock.patch.object(sql, "parts", return_value=changed))
    _forget()
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in reversed(patches):
            patch.stop()
        _forget()


def _replaced(body: str, changes: list[tuple[str, str]]) -> str:
    for old, new in changes:
        body = body.replace(old, new)
    return body


def _patch(module: str, name: str, make: Callable[[Any], Any]) -> Any:
    owner: Any = importlib.import_module(module)
    *path, last = name.split(".")
    for step in path:
        owner = getattr(owner, step)
    real = owner.__dict__[last] if isinstance(owner, type) else getattr(owner, last)
    return mock.patch.object(owner, last, make(real))


def _forget() -> None:
    """Statements made from the predicate are remembered in the process."""
    from sojourn.gate import enforce

    for cached in (enforce._row, enforce._mask, enforce._behind, enforce._clean):  # noqa: SLF001
        cached.cache_clear()
