"""The ten rules of the gate, each with the tests that hold it (docs/policy.md prints the table)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.people import Clinic, consent, encounter, observation, patient

ROOT = Path(__file__).parents[1]
RULES = {
    1: ("Part 2 follows the origin, never a code", "gate/test_labels.py::test_part_2_follows_the_origin", "gate/test_labels.py::test_a_code_gives_a_tag_and_no_basis"),
    2: ("The mark of origin stays, also on what was received", "doors/hl7v2/test_results_in.py::test_what_a_part_2_sender_sends_and_what_it_marks_stays_marked",
        "gate/test_policy_rules.py::test_courts", "gate/test_leaks_found.py::test_what_another_program_made_is_still_its_own_when_somebody_deletes_it_and_brings_it_back"),
    3: ("AND across laws, OR within one", "gate/test_ten_rules.py::test_a_record_under_two_laws_needs_the_permission_of_both", "gate/test_agree.py::test_", "gate/test_agree_consents.py::test_"),
    4: ("Purposes match exactly", "gate/test_rules.py::test_the_purpose_must_be_exactly_one_that_was_permitted", "gate/test_policy_consents.py::test_"),
    5: ("What cannot be read withholds", "gate/test_rules.py::test_what_is_not_labelled_yet_is_withheld_from_everyone", "gate/test_redact.py::test_a_label_that_cannot_be_read_hides",
        "gate/test_rules.py::test_a_consent_that_lacks_an_element_of_the_form_permits_nothing", "gate/test_labeljob.py::test_"),
    6: ("That something exists is content", "leaks/test_two_worlds.py::test_nobody_can_tell_whether_there_is_something_hidden", "leaks/test_leak_list.py::test_",
        "leaks/test_exchange_out_worlds.py::test_what_is_hidden_from_a_partner_changes_nothing_that_leaves_and_no_page_of_the_exchange"),
    7: ("A consent is worth what its elements say", "gate/test_consents.py::test_a_form_without_one_element_names_it_and_permits_nothing",
        "gate/test_entering.py::test_a_consent_that_staff_post_opens_nothing_and_one_that_is_signed_does"),
    8: ("Notice and scope go with every disclosure", "gate/test_disclosing.py::test_a_bundle_carries_the_long_statement_the_scope_and_its_high_water_mark",
        "gate/test_releasing.py::test_what_leaves_is_what_was_seen_with_notice_marks_and_a_line_of_the_log"),
    9: ("Decided at release, not at request", "doors/api/test_bulk.py::test_a_revoked_consent_acts_on_files_that_are_not_downloaded_yet",
        "gate/test_releasing.py::test_a_revocation_between_looking_and_releasing_stops_it", "care/test_release_requests.py::test_pages_of_a_packet_are_decided_anew_and_say_what_holds_now"),
    10: ("Counseling and psychotherapy notes apart", "gate/test_keeping_apart.py::test_a_note_kept_apart_stands_in_its_own_table_and_nowhere_else", "gate/test_emergency.py::test_notes_kept_apart_stay_shut",
         "gate/test_consents.py::test_counseling_notes_joined_with_anything_else_are_void", "care/test_release_requests.py::test_notes_kept_apart_leave_under_no_order"),
}  # fmt: skip


@pytest.mark.parametrize("number", RULES)
def test_every_rule_has_the_tests_that_it_names(number: int) -> None:
    for place in RULES[number][1:]:
        file, _, name = place.partition("::")
        assert f"def {name}" in (ROOT / file).read_text("utf-8"), place


def test_the_page_on_the_policy_tells_of_every_rule() -> None:
    page = (ROOT.parent / "docs" / "policy.md").read_text("utf-8")
    assert [title for title, *_ in RULES.values() if title not in page] == []


async def test_a_record_under_two_laws_needs_the_permission_of_both(clinic: Clinic) -> None:
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-sud", encounter(p))
    hiv = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]
    plain, both = (await clinic.make("sys-sud", observation(p))).id, (await clinic.make("sys-sud", observation(p, meta={"security": hiv}))).id

    async def seen() -> set[str]:
        return {plain, both} & set((await clinic.get("tpo", f"Observation?patient={p}")).ids)

    assert await seen() == set()
    await clinic.make("sys-sud", consent(p, "tpo"))
    assert await seen() == {plain}, "the one law permits, the other does not"
    release = consent(p, "tpo", kind="state_specific_release", provision={"securityLabel": hiv, "period": {"start": "2026-01-01", "end": "2999-01-01"}})
    await clinic.make("sys-sud", release)
    assert await seen() == {plain, both}
