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
from copy import copy
from dataclasses import replace
from typing import Any, NamedTuple
from unittest import mock

import asyncpg
import msgspec

from sojourn.base import errors
from sojourn.gate import bases, labels
from sojourn.gate.decide import EMERGENCY
from sojourn.gate.scopes import SCOPED
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


def _py(name: str, who: tuple[str, ...], target: str, make: Callable[[Any], Any], **more: Any) -> Plant:
    module, _, attribute = target.partition(":")
    return Plant(name, who, patch=((module, attribute, make),), **more)


def _sql(name: str, who: tuple[str, ...], *changes: tuple[str, str, str], **more: Any) -> Plant:
    return Plant(name, who, sql=changes, **more)


def _src(name: str, who: tuple[str, ...], target: str, old: str, new: str, *others: tuple[str, str], **more: Any) -> Plant:
    """A changed line in the source of a function, or several."""

    def make(real: Any) -> Any:
        source = textwrap.dedent(inspect.getsource(real))
        for one, other in ((old, new), *others):
            assert one in source, f"{target} no longer has {one!r}"
            source = source.replace(one, other)
        scope: dict[str, Any] = {}
        exec(compile("from __future__ import annotations\n" + source, target, "exec"), real.__globals__, scope)
        return scope[real.__name__]

    return _py(name, who, target, make, **more)


def _always(value: Any) -> Callable[[Any], Any]:
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
    _sql("a read does not ask the predicate", APART, UNASKED),
    _sql("neither a read nor the versions behind it ask the predicate", STAFF, UNASKED, VERSIONS, ("02_read.sql", TODAY, "")),
    _sql("a read forgets the tenant", ("other-clinician",), ("02_read.sql", "WHERE r.tenant = p_tenant AND r.type = p_type AND r.id = p_id AND /*row:r:stands.bits*/;\n    IF", "WHERE r.type = p_type AND r.id = p_id AND /*row:r:stands.bits*/;\n    IF"), ("02_read.sql", "WHERE v.tenant = p_tenant AND v.type = w.type AND v.id = w.id AND /*row:v*/", "WHERE v.type = w.type AND v.id = w.id AND /*row:v*/")),
    _sql("a deletion is told to everybody", STAFF, ("02_read.sql", "WHERE v.kind = 'delete' AND /*row:v*/;\n    END IF", "WHERE v.kind = 'delete';\n    END IF"), VERSIONS),
    _py("the error text tells forbidden from not found", STAFF, "sojourn.gate.reading:read", _forbidden),
    # history
    _sql("the history of a type does not ask the predicate", STAFF, ("02_read.sql", "AND (NOT v.apart OR /*part:v:12*/)\n          AND /*row:v*/\n", "AND (NOT v.apart OR /*part:v:12*/)\n")),
    _sql("the history of a type shows hidden changes", STAFF, ("02_read.sql", "AND (NOT p_plain OR v.plain_seq = v.seq)", "")),
    _sql("past versions forget the labels of today", STAFF + OUTSIDE, ("02_read.sql", "AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = w.type AND r.id = w.id AND NOT /*row:r*/)", "")),
    _py("every version is shown, also where nothing visible changed", STAFF, "sojourn.gate.runs:_heads", lambda _: list),
    _py("version ids count", STAFF, "sojourn.base.ids:new_version", _counter),
    _py("ids count", STAFF, "sojourn.base.ids:new_id", _counted_ids),
    # the trail
    _sql("the trail shows lines of which nothing is left", OVERSEER, ("11_trail.sql", "CONTINUE WHEN left_of IS NULL AND NOT (", "CONTINUE WHEN false AND NOT (")),
    _sql("the trail numbers the versions that were looked at", OVERSEER, ("11_trail.sql", "ELSE array_agg(DISTINCT t.thing) END AS left_of", "ELSE array_agg(DISTINCT t.thing || '/_history/' || t.version) END AS left_of")),
    _sql("the trail tells who wrote what every program shares", OVERSEER, ("11_trail.sql", " AND v.type <> ALL (gate.longitudinal())", "")),
    _sql("the trail tells what those found who may see more", OVERSEER, ("11_trail.sql", "OR (looking AND NOT (line.action", "OR (false AND NOT (line.action")),
    # the staff app
    _sql("the page of labels counts what changed about everybody", OVERSEER, ("08_labels_work.sql", " AND r.origin <@ p_programs AND v.origin <@ p_programs AND /*row:r*/\n            AND /*part:r:c.own_before | c.own_after*/\n            AND (c.own_before <> c.own_after OR /*part:r:c.parts_before | c.parts_after*/)", ""), seeds=("d2", "d3", "d5", "d6", "d8")),
    _sql("the page of labels leaves out what has a hidden element", OVERSEER, ("08_labels_work.sql", "AND (c.own_before <> c.own_after OR /*part:r:c.parts_before | c.parts_after*/)", "AND /*part:r:c.parts_before | c.parts_after*/"), seeds=("b2", "d2", "d3", "d5", "d6", "d8")),
    # redaction
    _src("the narrative is kept", STAFF, "sojourn.gate.visible:_members", 'type_ == "Narrative" or ', ""),
    _sql("references to what is withheld are kept", STAFF, ("02_read.sql", "    WHERE r.rid IS NOT NULL AND NOT /*row:r:stands.bits*/\n    UNION ALL", "    WHERE false\n    UNION ALL")),
    _sql("references to what was withheld and deleted are kept", STAFF, ("02_read.sql", "    WHERE v.kind = 'delete' AND NOT /*row:v*/\n    UNION ALL", "    WHERE false\n    UNION ALL")),
    _sql("labelled elements are shown to everybody", STAFF, ("02_read.sql", "WHERE (n.parts & b.bit) <> 0 AND /*part:x:b.bit*/)", ")")),
    _py("the labels of hidden elements stay on the whole", STAFF, "sojourn.gate.visible:_relabelled", lambda _: lambda _before, out, _see: out),
    _src("a resource that seems to need no redaction has a hidden reference", STAFF, "sojourn.gate.quick:Facts.stands", " and hidden.isdisjoint(self.targets)", ""),
    # notes kept apart, before staff who may see everything else
    _sql("a reference to a note kept apart is shown", APART, (VISIBLE, "(({r}.own | {r}.parts) & ~:mask | {r}.refs & ~(:mask & ~5188146770730811392)) = 0", "(({r}.own | {r}.parts) & ~:mask) = 0")),
    _sql("a past version shows a reference to what has become a note", APART, ("16_kept_apart.sql", "SET refs = v.refs | 12", "SET refs = v.refs"), ("02_read.sql", "(r.seq = v.seq OR v.patient IS NOT NULL)", "true")),
    _src("what hides a note is stripped of more", APART, "sojourn.gate.shown:_redacted", "strip = access.decision.redacted", "strip = True"),
    _sql("a version that only notes changed is listed", APART, ("02_read.sql", "      AND (NOT v.apart OR /*part:v:12*/)\n      AND /*row:v*/\n", "      AND /*row:v*/\n")),
    _py("a version that differs by what became a note is listed", APART, "sojourn.gate.retelling:_turns", _always(False)),
    _sql("a version goes on telling of what has a label by now", ("mh-clinician",), ("16_telling.sql", "IF cardinality(asked) > 0 THEN", "IF false THEN")),
    _src("a resource is known by a version that only notes changed", APART, "sojourn.gate.runs:told", 'if version["told"]', "if True"),
    _src("the author of a change is shown the notes that stayed", APART, "sojourn.gate.preparing:written", "p.clean and ", ""),
    # searching
    _py("a total counts everything", STAFF, "sojourn.record.search:count", _loose_count),
    _py("a total is an estimate of the planner", STAFF, "sojourn.record.search:count", _estimate),
    _py("chains and reverse chains hop over what is withheld", STAFF, "sojourn.record.searchsql:Scope.rows", _loose_rows),
    _py("a token of a hidden element is found", STAFF, "sojourn.record.searchsql:Scope.seen", _seen_but("k")),
    _py("a search begins at tokens of hidden elements", STAFF, "sojourn.record.searchsql:Scope.seen", _seen_but("d")),
    _py("a hidden value takes part in sorting", STAFF, "sojourn.record.searchsql:Scope.seen", _seen_but("o")),
    _py("a reference is found by its withheld target", STAFF, "sojourn.record.searchsql:Scope.shown", lambda _: lambda self, edge, row: self.seen(edge, row)),
    _py("what is behind a row is judged by the row's program", STAFF, "sojourn.gate.enforce:Bound.behind", lambda _: lambda self, alias, args: self.mask(f"{alias}.refs", alias, args)),
    _py("an include does not ask the predicate", STAFF, "sojourn.gate.enforce:Bound.row", _row_but("t")),
    _py("the real time of the last change is searched", ("tpo",), "sojourn.gate.enforce:Bound.updated", lambda _: property(lambda _self: "updated")),
    _py("a resource is found by the labels of its hidden elements", STAFF, "sojourn.gate.labels:findable", _full_labels),
    _src("a patient is found by labels that have fallen", STAFF, "sojourn.gate.relabelling:Again.prepared", "preparing.index_rows(access, finished, self.origin, self.sent, facts_of(row))", "preparing.index_rows(access, self.stored, self.origin)"),
    _py("a resource of which nothing is left is counted", (*OUTSIDE, "stranger"), "sojourn.gate.bearing:edges", _always([]), seeds=("s1", "s2", "f1", "f2")),
    _py("the length of a cursor tells how much was written", STAFF, "sojourn.gate.sealed:_SIZE", lambda _: 1),
    _py("a cursor can be read", STAFF, "sojourn.gate.sealed:cursor", _open_cursor),
    # writing
    _sql("a write finds what is withheld", STAFF, ("02_read.sql", "WHERE r.tenant = p_tenant AND r.type = w.type AND r.id = w.id AND /*row:r*/) r ON true", "WHERE r.tenant = p_tenant AND r.type = w.type AND r.id = w.id) r ON true")),
    _py("a reference tells whether its target is there", STAFF, "sojourn.gate.leading:check", lambda _: _nothing),
    _py("the order of elements tells of hidden ones", STAFF, "sojourn.gate.merging:_order", _stored_first),
    _py("a version conflict tells of hidden changes", STAFF, "sojourn.gate.writing:_known_as", _real_version),
    # rules
    _sql("a revoked consent still holds", ("revoked",), (VISIBLE, NOW, "AND g.valid_from <= :now AND :now < g.valid_to"), ("01_gate.sql", GRANT_NOW, "AND g.valid_from <= p_now AND p_now < g.valid_to")),
    _sql("an expired consent still holds", ("expired",), (VISIBLE, NOW, "AND g.known_to = 'infinity'"), ("01_gate.sql", GRANT_NOW, "AND g.known_to = 'infinity'")),
    _sql("any purpose will do", ("tpo-research",), (VISIBLE, "AND (g.purpose = :purpose OR g.purpose = '*')", ""), ("01_gate.sql", "AND g.effect = 'permit' AND g.purpose = p_purpose", "AND g.effect = 'permit'")),
    _py("what no law of its own protects goes out for any purpose", ("tpo-research",), "sojourn.gate.decide:outside_mask", _always(bases.ORDINARY)),
    _sql("a relation alone opens what no law of its own protects, for any purpose", ("tpo-research",), (VISIBLE, "AND gate.consented({r}.tenant, {r}.patient, 1152921504606846976,", "AND gate.consented({r}.tenant, {r}.patient, 0,")),
    _py("being named for one purpose is a relation for all", ("specific-billing",), "sojourn.gate.decide:for_purpose", lambda real: lambda _purpose, key: real("TREAT", key)),
    _sql("a consent for one recipient serves all", ("stranger",), (VISIBLE, "g.recipient = ANY (:keys)", "g.recipient <> ''"), ("01_gate.sql", "g.recipient = ANY (p_keys)", "g.recipient <> ''")),
    _sql("a consent's types are ignored", ("specific",), ("01_gate.sql", "AND (g.types IS NULL OR p_type = ANY (g.types))", "")),
    _sql("a consent's time of data is ignored", ("specific",), ("01_gate.sql", "AND (coalesce(g.data_from, g.data_to) IS NULL OR", "AND (true OR")),
    _sql("a consent's programs are ignored", ("tpo",), ("01_gate.sql", "AND (g.programs IS NULL OR (p_origin <> '{}' AND (p_origin <@ g.programs\n                                   OR (p_type = ANY (gate.longitudinal()) AND p_origin && g.programs))))", "")),
    _sql("no relation is asked for", ("stranger",), (VISIBLE, "AND (NOT :related OR ({stands}", "AND (true OR ({stands}")),
    _sql("staff reach everybody", ("far-clinician",), (VISIBLE, "AND (NOT :related OR ({stands}", "AND (true OR ({stands}")),
    _sql("a consent within limits is one without", ("specific",), (VISIBLE, "coalesce(a.bits, 0)", "coalesce(a.bits, 0) | CASE WHEN (a.bits & 72057594037927936) <> 0 THEN 2 ELSE 0 END")),
    # emergencies
    _py("an emergency needs no declaration", STAFF, "sojourn.gate.decide:decide", _undeclared),
    _src("an emergency that is not attested tells who is here", STAFF, "sojourn.gate.emergency:declare", "not attested:\n        raise", "not attested:\n        if await disclosures.emergency_find(access.house.db, access.head, *_terms(access, sought), -1):\n            raise errors.Forbidden()\n        raise"),
    # and the other way round: what is permitted is withheld
    _sql("no consent is believed", ("tpo",), (VISIBLE, "coalesce(a.bits, 0)", "(coalesce(a.bits, 0) & 144115188075855872)"), ("01_gate.sql", "AND g.effect = 'permit' AND g.purpose = p_purpose", "AND false")),
    _py("no authorization is believed", ("tpo-research",), "sojourn.gate.consenting.compiling:_ordinary", _always(())),
    # The short way asks of such a consent no function: both ways are broken.
    _sql("a consent without limits is not believed", ("tpo",), ("01_gate.sql", "AND (g.types IS NULL OR p_type = ANY (g.types))", "AND p_type = ANY (g.types)"),
         (VISIBLE, "WHEN {r}.origin <> '{}' AND {r}.origin <@ g.programs AND {r}.ref_origin <@ g.programs THEN", "WHEN false THEN")),
)  # fmt: skip


def _seeing_all(access: Any) -> Any:
    """The same caller with a decision that withholds nothing: what a room has that asks with another Access than its caller's."""
    wide = copy(access)
    wide.decision = replace(access.decision, mask=(2**63 - 1) & ~SCOPED, related=False, redacted=False)
    return wide


def _widely(real: Any) -> Any:
    """A function of a room that asks for more than its caller may see."""
    return lambda access, *args, **named: real(_seeing_all(access), *args, **named)


class RoomPlant(NamedTuple):
    """One planted in a room of the staff app. noticed_by: the test of that room in two worlds."""

    plant: Plant
    noticed_by: str


def _room(name: str, target: str, noticed_by: str, make: Callable[[Any], Any] = _widely) -> RoomPlant:
    return RoomPlant(_py(name, STAFF, target, make), noticed_by)


_SCHEDULE = "tests/leaks/test_schedule_worlds.py::test_what_is_hidden_changes_no_page_no_free_time_and_no_calendar"
_ADMISSIONS = "tests/leaks/test_admission_worlds.py::test_what_is_hidden_changes_no_page"
_CARE = "tests/care/test_admissions.py"
_MERGE = "tests/leaks/test_merge_worlds.py"
_BULK_WORLDS = "tests/leaks/test_bulk_worlds.py"
_BULK = "tests/doors/api/test_bulk.py"
_RELEASE = "tests/leaks/test_release_worlds.py"
_OWN = "tests/gate/test_own_rules_tell_nothing.py"
_TRAIL = "tests/leaks/test_trail_worlds.py"
_LATELY = "tests/gate/test_leaks_lately.py::test_a_law_of_a_visit_that_comes_or_falls_tells_of_no_hidden_element"
_TURNING = "tests/gate/test_retelling.py"
_SIGNING = "tests/leaks/test_signing_worlds.py::test_what_waits_for_her_and_is_hidden_from_her_changes_no_page"
ROOMS = (
    _room("Today shows tasks about hidden clients", "sojourn.care.tasks:mine", _SIGNING),
    _room("Today shows hidden visits", "sojourn.doors.staff.schedule.today:appointments.between", _SCHEDULE),
    _room("double bookings with hidden visits are listed", "sojourn.care.scheduling.collisions:listed", "tests/web/test_schedule.py::test_a_collision_with_something_hidden_changes_nothing_and_goes_to_who_may_see_both"),
    _room("the search for somebody alike finds hidden people", "sojourn.care.admissions.calls:alike", _ADMISSIONS),
    _room("the other record of a person is told to whoever may not see it", "sojourn.care.admissions.people:others", f"{_CARE}::test_what_was_written_down_twice_is_found_for_those_who_see_both_and_linked_without_widening_anybodys_sight"),
    _room("a hidden record stands in the chart that it was merged with", "sojourn.care.admissions.merging:of", f"{_MERGE}::test_who_sees_one_of_two_records_sees_what_they_saw"),
    RoomPlant(_src("that somebody has another record is told to whoever reaches one", STAFF, "sojourn.gate.bearing:edges", "if each else", "if False else"), f"{_MERGE}::test_a_record_that_is_merely_out_of_reach_hides_the_merge_as_well"),
    _room("a bed that a hidden stay holds, too, is told", "sojourn.care.census.double:waiting", f"{_CARE}::test_a_bed_that_is_promised_twice_is_found_for_those_who_see_both"),
    _room("the board of admissions shows hidden cases", "sojourn.care.admissions.case:board", _ADMISSIONS),
    _room("the census shows beds of hidden stays", "sojourn.care.census.occupancy:_places", _ADMISSIONS),
    _room("the caseload shows hidden plans", "sojourn.care.plan.caseload:cases", "tests/leaks/test_plan_worlds.py::test_what_is_hidden_changes_no_page_of_plans"),
    # What left, and what an emergency opened, in the trail (decision 110).
    RoomPlant(_sql("the trail tells what left by a hidden consent", STAFF, ("11_trail.sql", "bool_or(d.consents = '{}' OR EXISTS", "bool_or(true OR EXISTS")), _TRAIL),
    RoomPlant(_sql("the trail tells that an emergency opened something", STAFF, ("11_trail.sql", "IF NOT looking AND left_of IS NOT NULL THEN", "IF false THEN")), _TRAIL),
    RoomPlant(_sql("the trail tells who outside read what refers to somebody", STAFF, ("11_trail.sql", "OR (looking AND kind = 'organization' AND whose IS NULL)", "")), _TRAIL),
    RoomPlant(
        _sql("drafts of others are listed", STAFF, ("13_rooms.sql", "d.account = p_account AND starts_with", "starts_with")),
        "tests/gate/test_drafts.py::test_a_draft_is_its_authors_alone",
    ),
    RoomPlant(
        _sql("a service that was not tested gets what is real", STAFF, ("22_exchange_apps.sql", "IF why IN ('', 'stopped') THEN", "IF true THEN"), ("22_exchange_apps.sql", "CASE WHEN why = '' AND gate", "CASE WHEN gate")),
        "tests/leaks/test_app_worlds.py::test_who_is_tested_learns_nothing_of_anybody_real",
    ),
    RoomPlant(
        _sql("who exchanges nothing for real is told of real changes", STAFF, ("20_subscriptions.sql", "AND NOT gate.app_waits(x.tenant, x.credential, p_now)", "")),
        "tests/web/test_exchange_bench_apps.py::test_a_subscription_of_a_service_that_is_held_waits_and_loses_nothing",
    ),
    # Rows and charts that nobody may see are left out before the predicate is asked (decision 86): all three are broken.
    RoomPlant(
        _src("an export holds what is withheld", STAFF, "sojourn.record.bulk:walk", 'where.append(predicate.row("r", scope.args))', "where.append(f\"({predicate.row('r', scope.args)} OR true)\")",
             (", walked.possible]", ', f"({walked.possible} OR true)"]'), ("WHERE (p.bases & {walked.closed}) = 0", "WHERE (p.bases & {walked.closed}) IS NOT NULL")),
        _BULK_WORLDS,
    ),
    RoomPlant(_src("deletions of what is withheld are told in bulk", STAFF, "sojourn.record.bulk:gone", 'where.append(predicate.row("r", scope.args))', "where.append(f\"({predicate.row('r', scope.args)} OR true)\")"), _BULK_WORLDS),
    RoomPlant(_sql("progress counts the kinds that are walked", STAFF, ("18_bulk.sql", "coalesce(seen.kind, 0)", "e.kind")), _BULK_WORLDS),
    RoomPlant(_src("a form that was kept goes out whatever it refers to", STAFF, "sojourn.record.bulk:walk", " AND {predicate.behind('r', scope.args)})", ")"), f"{_BULK}::test_every_line_is_what_a_read_shows_for_every_caller"),
    RoomPlant(_py("everything says that it stands", STAFF, "sojourn.gate.quick:stands_alone", _always(True)), f"{_BULK}::test_what_says_that_it_stands_is_what_a_redacted_caller_sees"),
    RoomPlant(_src("a download is decided as when it was asked for", STAFF, "sojourn.gate.bulk.leaving:_stretch", "access.now = clock.now()", "access.now = export.begun"), f"{_BULK}::test_a_consent_that_ends_by_the_clock_acts_on_files_that_are_not_downloaded_yet"),
    RoomPlant(_sql("an export is seen by others", STAFF, ("18_bulk.sql", "AND e.account = c.account AND e.door = c.door", "AND e.door = c.door")), f"{_BULK}::test_exports_are_seen_and_ended_by_who_asked_and_are_over_in_time"),
    RoomPlant(_src("what leaves in bulk is not written down", STAFF, "sojourn.gate.bulk.leaving:_left", "await _written_down(access, export, file, part)", "pass"), f"{_BULK}::test_what_leaves_is_in_the_trail_and_in_the_log_by_patient"),
    RoomPlant(_sql("a hidden consent opens single entries", STAFF, ("09_consent.sql", "AND NOT 'Consent/' || g.consent = ANY (p_known);", "AND false;")), f"{_RELEASE}::test_a_hidden_consent_opens_no_single_entry_beside_what_somebody_sees_leave"),
    RoomPlant(_src("own codes are forgotten beside something hidden", STAFF, "sojourn.gate.visible:_relabelled", "read(out, see.rules)", "read(out)"), f"{_OWN}::test_a_subject_by_an_own_code_is_shown_alike_whatever_is_hidden"),
    RoomPlant(_py("a law by a code in a hidden part is on the whole", STAFF, "sojourn.gate.labels:_outside", lambda _: lambda root, rules: labels._walk(root, rules)[0]), f"{_OWN}::test_a_law_of_the_state_by_a_code_in_a_hidden_part_is_on_that_part_alone"),
    RoomPlant(_src("a label that is sent is compared with what is stored", STAFF, "sojourn.gate.preparing:as_sent", "if c not in seen]", "if c not in seen and c not in kept]"), f"{_OWN}::test_what_becomes_of_a_label_that_somebody_sends_tells_nothing"),
    # Laws that turn elsewhere, and what becomes a note kept apart while somebody writes (decision 101).
    RoomPlant(_src("past versions do not follow a law of their visit", APART, "sojourn.gate.relabelling:current", "if found else {}", "if False else {}"), _LATELY),
    RoomPlant(_src("an edit says a law that what it replaces does not say", APART, "sojourn.gate.inheriting:known", "change.owed = laws & ~labels.named(change.before)", "change.owed = 0"), _LATELY),
    RoomPlant(_src("an edit loses a law that what it replaces still has", APART, "sojourn.gate.inheriting:known", "inherited=laws & ~bases.MINOR", "inherited=0"), _LATELY),
    RoomPlant(_sql("what an edit was judged by is not looked at again", APART, ("03_write.sql", "WHERE j.apart <> (note IS NOT NULL)) THEN", "WHERE false) THEN")), _TURNING),
    RoomPlant(_sql("what becomes a note with another is held by nobody", APART, ("08_labels.sql", "PERFORM pg_advisory_xact_lock(k.key)", "PERFORM k.key")), _TURNING),
    RoomPlant(_sql("references of the past from another chart are forgotten", APART, ("16_kept_apart.sql", "AND k.target = t.name", "AND false")), _TURNING),
    RoomPlant(_src("what lacks an element is left out beside something hidden", STAFF, "sojourn.gate.visible:_is_complete", "stored is None or any(name in stored for name in names)", "True"), f"{_OWN}::test_what_lacks_a_required_element_is_shown_alike_whatever_is_hidden"),
)  # fmt: skip
"""Leaks of single rooms, whose own pages are asked in two worlds of their own. Planted by planting.py, in a run of that test alone."""


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
