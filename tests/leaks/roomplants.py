"""Leaks of single rooms, planted on purpose: the room's own pages are asked in two worlds of their own.

Planted by planting.py, in a run of that test alone.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, NamedTuple

from sojourn.gate import labels
from sojourn.gate.scopes import SCOPED
from tests.leaks.plants import APART, OVERSEER, STAFF, Plant, always, in_sql, py, src


def _seeing_all(access: Any) -> Any:
    """The same caller with a decision that withholds nothing: what a room has that asks with another Access than its caller's."""
    wide = copy(access)
    wide.decision = replace(access.decision, mask=(2**63 - 1) & ~SCOPED, related=False, redacted=False)
    return wide


def _widely(real: Any) -> Any:
    """A function of a room that asks for more than its caller may see."""
    return lambda access, *args, **named: real(_seeing_all(access), *args, **named)


async def _no_notes(*_args: Any) -> bool:
    return False


class RoomPlant(NamedTuple):
    """One planted in a room of the staff app. noticed_by: the test of that room in two worlds."""

    plant: Plant
    noticed_by: str


def _room(name: str, target: str, noticed_by: str, make: Callable[[Any], Any] = _widely) -> RoomPlant:
    return RoomPlant(py(name, STAFF, target, make), noticed_by)


_ANY_CONSENT = (("12_disclosure.sql", "AND (d.consents = '{}' OR k.consents IS NOT NULL) AND", "AND"),)
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
_WORDS = "tests/web/test_disclosure_words.py"
_LOG = "tests/web/test_release.py"
_QUEUE = "tests/web/test_emergency.py::test_an_officer_outside_the_programs_that_were_opened_has_nothing_of_it_to_review"
_EACH = "tests/web/test_emergency.py::test_each_officer_reviews_for_the_programs_in_which_they_work"
_NOTHING_LEFT = f"{_LOG}::test_an_officer_outside_a_part_2_program_is_told_of_nothing_that_left_of_it"
_OWN_LEFT = f"{_LOG}::test_an_officer_outside_a_part_2_program_is_told_what_left_of_their_own_as_if_it_were_all"
_SIGNING = "tests/leaks/test_signing_worlds.py::test_what_waits_for_her_and_is_hidden_from_her_changes_no_page"
ROOMS = (
    _room("Today shows tasks about hidden clients", "sojourn.care.tasks:mine", _SIGNING),
    _room("Today shows hidden visits", "sojourn.doors.staff.schedule.today:appointments.between", _SCHEDULE),
    _room("double bookings with hidden visits are listed", "sojourn.care.scheduling.collisions:listed", "tests/web/test_schedule.py::test_a_collision_with_something_hidden_changes_nothing_and_goes_to_who_may_see_both"),
    _room("the search for somebody alike finds hidden people", "sojourn.care.admissions.calls:alike", _ADMISSIONS),
    _room("the other record of a person is told to whoever may not see it", "sojourn.care.admissions.people:others", f"{_CARE}::test_what_was_written_down_twice_is_found_for_those_who_see_both_and_linked_without_widening_anybodys_sight"),
    _room("a hidden record stands in the chart that it was merged with", "sojourn.care.admissions.merging:of", f"{_MERGE}::test_who_sees_one_of_two_records_sees_what_they_saw"),
    RoomPlant(src("that somebody has another record is told to whoever reaches one", STAFF, "sojourn.gate.bearing:edges", "if each else", "if False else"), f"{_MERGE}::test_a_record_that_is_merely_out_of_reach_hides_the_merge_as_well"),
    _room("a bed that a hidden stay holds, too, is told", "sojourn.care.census.double:waiting", f"{_CARE}::test_a_bed_that_is_promised_twice_is_found_for_those_who_see_both"),
    _room("the board of admissions shows hidden cases", "sojourn.care.admissions.case:board", _ADMISSIONS),
    _room("the census shows beds of hidden stays", "sojourn.care.census.occupancy:_places", _ADMISSIONS),
    _room("the caseload shows hidden plans", "sojourn.care.plan.caseload:cases", "tests/leaks/test_plan_worlds.py::test_what_is_hidden_changes_no_page_of_plans"),
    # What left, and what an emergency opened, in the trail (decision 110).
    RoomPlant(in_sql("the trail tells what left by a hidden consent", STAFF, ("11_trail.sql", "bool_or(d.consents = '{}' OR EXISTS", "bool_or(true OR EXISTS")), _TRAIL),
    RoomPlant(in_sql("the trail tells that an emergency opened something", STAFF, ("11_trail.sql", "IF NOT looking AND left_of IS NOT NULL THEN", "IF false THEN")), _TRAIL),
    RoomPlant(in_sql("the trail tells who outside read what refers to somebody", STAFF, ("11_trail.sql", "OR (looking AND kind = 'organization' AND whose IS NULL)", "")), _TRAIL),
    # The log of disclosures and the queue of emergencies (decision 104).
    RoomPlant(in_sql("the log shows the words of a note kept apart", OVERSEER, ("12_disclosure.sql", "p_one IS NOT NULL AND h.entire AND d.what <> '{}' AND d.blob <> '' AND NOT EXISTS (", "p_one IS NOT NULL AND h.entire OR d.what <> '{}' AND d.blob <> '' AND NOT EXISTS (")), f"{_WORDS}::test_the_words_of_a_note_kept_apart_are_not_read_in_the_log"),
    RoomPlant(in_sql("the log shows what held a part that is kept apart", OVERSEER, ("12_disclosure.sql", "AND NOT (/*row:r*/ AND /*part:r:r.parts*/)))", "AND NOT /*row:r*/))"), ("12_disclosure.sql", "/*row:v*/ AND /*part:v:v.parts | v.refs & 12*/ AND NOT EXISTS (", "/*row:v*/ AND NOT EXISTS (")), f"{_WORDS}::test_what_left_with_a_part_kept_apart_is_not_read_by_who_may_not_see_the_part"),
    RoomPlant(py("what held a note kept apart is sealed like anything else", OVERSEER, "sojourn.gate.disclosing:disclosures.names_apart", lambda _: _no_notes), f"{_WORDS}::test_what_holds_a_note_kept_apart_is_kept_under_the_key_of_such_notes"),
    RoomPlant(in_sql("the log tells an officer outside what left of a program", OVERSEER, ("12_disclosure.sql", "AND v.type <> 'Consent' AND /*row:v*/\n          AND NOT EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = v.type AND r.id = v.id AND NOT /*row:r*/)) s ON true", "AND v.type <> 'Consent') s ON true"), *_ANY_CONSENT), _NOTHING_LEFT),
    RoomPlant(in_sql("the log tells an officer outside what left by a hidden consent", OVERSEER, *_ANY_CONSENT), _TRAIL),
    RoomPlant(in_sql("the log tells what a search found", OVERSEER, ("12_disclosure.sql", "AND NOT h.entire AND NOT d.found AND", "AND NOT h.entire AND"), *_ANY_CONSENT), _TRAIL),
    RoomPlant(in_sql("the log says of all that left what it says of a part", OVERSEER, ("12_disclosure.sql", "CASE WHEN h.entire THEN d.notice ELSE '' END, CASE WHEN h.entire THEN d.scope ELSE '' END", "d.notice, d.scope")), _OWN_LEFT),
    RoomPlant(in_sql("the desk counts all that left", OVERSEER, ("12_disclosure.sql", "IF p_reader = 'whole' THEN\n        PERFORM", "IF p_reader IN ('whole', 'part') THEN\n        PERFORM")), _NOTHING_LEFT),
    RoomPlant(in_sql("the queue shows emergencies that opened another program", OVERSEER, ("12_disclosure.sql", "WHEN s.programs = '{}' THEN false\n                ELSE EXISTS", "ELSE EXISTS")), _QUEUE),
    RoomPlant(in_sql("the queue shows emergencies about hidden clients", OVERSEER, ("12_disclosure.sql", "WHEN s.programs = '{}' THEN false\n                ELSE EXISTS (SELECT FROM record.resource r WHERE r.tenant = p_tenant AND r.type = 'Patient' AND r.id = e.patient AND /*row:r*/) END)", "ELSE true END)")), _QUEUE),
    RoomPlant(in_sql("the top of every page counts emergencies of other programs", OVERSEER, ("12_disclosure.sql", "p_reader, NULL, true, NULL)) ELSE 0 END", "'whole', NULL, true, NULL)) ELSE 0 END")), _QUEUE),
    RoomPlant(in_sql("the queue tells one program's officer of the other program", OVERSEER, ("12_disclosure.sql", "CASE WHEN p_reader = 'whole' THEN e.programs\n", "CASE WHEN true THEN e.programs\n")), _EACH),
    RoomPlant(in_sql("the queue tells what another reviewer said for another program", OVERSEER, ("12_disclosure.sql", "CASE WHEN p_reader = 'whole' OR w.programs <@ p_programs THEN w.note ELSE '' END", "w.note"), ("12_disclosure.sql", "WHERE q.done AND v.tenant", "WHERE v.tenant"), ("12_disclosure.sql", "AND (p_reader = 'whole' OR v.programs IS NULL OR v.programs && s.programs) ORDER BY", "ORDER BY")), _EACH),
    RoomPlant(
        in_sql("drafts of others are listed", STAFF, ("13_rooms.sql", "d.account = p_account AND starts_with", "starts_with")),
        "tests/gate/test_drafts.py::test_a_draft_is_its_authors_alone",
    ),
    RoomPlant(
        in_sql("a service that was not tested gets what is real", STAFF, ("22_exchange_apps.sql", "IF why IN ('', 'stopped') THEN", "IF true THEN"), ("22_exchange_apps.sql", "CASE WHEN why = '' AND gate", "CASE WHEN gate")),
        "tests/leaks/test_app_worlds.py::test_who_is_tested_learns_nothing_of_anybody_real",
    ),
    RoomPlant(
        in_sql("who exchanges nothing for real is told of real changes", STAFF, ("20_subscriptions.sql", "AND NOT gate.app_waits(x.tenant, x.credential, p_now)", "")),
        "tests/web/test_exchange_bench_apps.py::test_a_subscription_of_a_service_that_is_held_waits_and_loses_nothing",
    ),
    # Rows and charts that nobody may see are left out before the predicate is asked (decision 86): all three are broken.
    RoomPlant(
        src("an export holds what is withheld", STAFF, "sojourn.record.bulk:walk", 'where.append(predicate.row("r", scope.args))', "where.append(f\"({predicate.row('r', scope.args)} OR true)\")",
             (", walked.possible]", ', f"({walked.possible} OR true)"]'), ("WHERE (p.bases & {walked.closed}) = 0", "WHERE (p.bases & {walked.closed}) IS NOT NULL")),
        _BULK_WORLDS,
    ),
    RoomPlant(src("deletions of what is withheld are told in bulk", STAFF, "sojourn.record.bulk:gone", 'where.append(predicate.row("r", scope.args))', "where.append(f\"({predicate.row('r', scope.args)} OR true)\")"), _BULK_WORLDS),
    RoomPlant(in_sql("progress counts the kinds that are walked", STAFF, ("18_bulk.sql", "coalesce(seen.kind, 0)", "e.kind")), _BULK_WORLDS),
    RoomPlant(src("a form that was kept goes out whatever it refers to", STAFF, "sojourn.record.bulk:walk", " AND {predicate.behind('r', scope.args)})", ")"), f"{_BULK}::test_every_line_is_what_a_read_shows_for_every_caller"),
    RoomPlant(py("everything says that it stands", STAFF, "sojourn.gate.quick:stands_alone", always(True)), f"{_BULK}::test_what_says_that_it_stands_is_what_a_redacted_caller_sees"),
    RoomPlant(src("a download is decided as when it was asked for", STAFF, "sojourn.gate.bulk.leaving:_stretch", "access.now = clock.now()", "access.now = export.begun"), f"{_BULK}::test_a_consent_that_ends_by_the_clock_acts_on_files_that_are_not_downloaded_yet"),
    RoomPlant(in_sql("an export is seen by others", STAFF, ("18_bulk.sql", "AND e.account = c.account AND e.door = c.door", "AND e.door = c.door")), f"{_BULK}::test_exports_are_seen_and_ended_by_who_asked_and_are_over_in_time"),
    RoomPlant(src("what leaves in bulk is not written down", STAFF, "sojourn.gate.bulk.leaving:_left", "await _written_down(access, export, file, part)", "pass"), f"{_BULK}::test_what_leaves_is_in_the_trail_and_in_the_log_by_patient"),
    RoomPlant(in_sql("a hidden consent opens single entries", STAFF, ("09_consent.sql", "AND NOT 'Consent/' || g.consent = ANY (p_known);", "AND false;")), f"{_RELEASE}::test_a_hidden_consent_opens_no_single_entry_beside_what_somebody_sees_leave"),
    RoomPlant(src("own codes are forgotten beside something hidden", STAFF, "sojourn.gate.visible:_relabelled", "read(out, see.rules)", "read(out)"), f"{_OWN}::test_a_subject_by_an_own_code_is_shown_alike_whatever_is_hidden"),
    RoomPlant(py("a law by a code in a hidden part is on the whole", STAFF, "sojourn.gate.labels:_outside", lambda _: lambda root, rules: labels._walk(root, rules)[0]), f"{_OWN}::test_a_law_of_the_state_by_a_code_in_a_hidden_part_is_on_that_part_alone"),
    RoomPlant(src("a label that is sent is compared with what is stored", STAFF, "sojourn.gate.preparing:as_sent", "if c not in seen]", "if c not in seen and c not in kept]"), f"{_OWN}::test_what_becomes_of_a_label_that_somebody_sends_tells_nothing"),
    # Laws that turn elsewhere, and what becomes a note kept apart while somebody writes (decision 101).
    RoomPlant(src("past versions do not follow a law of their visit", APART, "sojourn.gate.relabelling:current", "if found else {}", "if False else {}"), _LATELY),
    RoomPlant(src("an edit says a law that what it replaces does not say", APART, "sojourn.gate.inheriting:known", "change.owed = laws & ~labels.named(change.before)", "change.owed = 0"), _LATELY),
    RoomPlant(src("an edit loses a law that what it replaces still has", APART, "sojourn.gate.inheriting:known", "inherited=laws & ~bases.MINOR", "inherited=0"), _LATELY),
    RoomPlant(in_sql("what an edit was judged by is not looked at again", APART, ("03_write.sql", "WHERE j.apart <> (note IS NOT NULL)) THEN", "WHERE false) THEN")), _TURNING),
    RoomPlant(in_sql("what becomes a note with another is held by nobody", APART, ("08_labels.sql", "PERFORM pg_advisory_xact_lock(k.key)", "PERFORM k.key")), _TURNING),
    RoomPlant(in_sql("references of the past from another chart are forgotten", APART, ("16_kept_apart.sql", "AND k.target = t.name", "AND false")), _TURNING),
    RoomPlant(src("what lacks an element is left out beside something hidden", STAFF, "sojourn.gate.visible:_is_complete", "stored is None or any(name in stored for name in names)", "True"), f"{_OWN}::test_what_lacks_a_required_element_is_shown_alike_whatever_is_hidden"),
)  # fmt: skip
"""Every one."""
