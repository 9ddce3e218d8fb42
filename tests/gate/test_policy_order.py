"""Which law is asked first, and what stands when several say something: bars, notes, wishes of the patient, state law, necessity."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.test_policy import ask, decided, deny, form, results, scenario, specific, tpo
from tests.gate.test_policy_alone import AGREED, EMERGENCY, NOTES
from tests.gate.test_policy_rules import check, table

COURT = {"to": "court_or_litigant", "why": "HLEGAL", "consents": [deny(to="court_or_litigant", purpose="HLEGAL")]}
ABOUT_NOTES = form("hipaa_authorization", "covered_entity_provider", "TREAT", psychotherapy_notes=True)
HIV_RELEASE = form("state_specific_release", "covered_entity_provider", "TREAT", categories=["HIV"])
TWO_LAWS: dict[str, Any] = {"records": ["part 2 and HIV"], "state_overlay": "hiv_written_release", "consents": [tpo(), HIV_RELEASE]}


@table(
    ("the bar on proceedings stands before any wish", {**COURT, "against_patient": True}, "withhold", "PROCEEDING_PROHIBITED"),
    ("the court's order stands before any wish", COURT, "withhold", "COURT_ORDER_REQUIRED"),
    ("the form for counseling notes stands before any wish", {"records": ["counseling note"], "consents": [deny()]}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
    ("a wish stands before a consent that is not there", {"consents": [deny()]}, "withhold", "PATIENT_DENY"),
    ("a therapy note of a program, by an authorization alone", {"records": ["therapy note of the program"], "consents": [ABOUT_NOTES]}, "withhold", "GENERAL_RELEASE_INSUFFICIENT"),
    ("a therapy note of a program, by a consent alone", {"records": ["therapy note of the program"], "consents": [tpo()]}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("a therapy note of a program, by both", {"records": ["therapy note of the program"], "consents": [tpo(), ABOUT_NOTES]}, "permit", "PSYCHOTHERAPY_AUTHORIZATION"),
    ("a counseling note that came from elsewhere is one", {"at": "clinic", "records": ["counseling note that came from elsewhere"]}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
    ("a consent for a proceeding is none for a counseling note", {"records": ["counseling note"], "to": "court_or_litigant", "why": "HLEGAL", "consents": [form("part2_proceedings", "court_or_litigant", "HLEGAL")]}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
    ("a minor signs alone where no parent has to", {"minor": True, "parental_consent_required": False, "consents": [tpo(signed_by="minor")]}, "permit", "TPO_CONSENT"),
    ("and not where a parent has to", {"minor": True, "parental_consent_required": True, "consents": [tpo(signed_by="minor")]}, "withhold", "SIGNER_NOT_AUTHORIZED"),
    ("the patient's own lawyer, with a consent", {"to": "attorney_of_patient", "why": "HLEGAL", "consents": [specific("attorney_of_patient", "HLEGAL")]}, "permit", "SPECIFIC_CONSENT"),
    ("the patient who was served something", {"to": "patient", "why": "PATRQT", "legal_instrument": "subpoena"}, "permit", "PATIENT_ACCESS"),
    ("own people for a lawsuit are no court", {"to": "self_workforce", "why": "HLEGAL"}, "withhold", "NO_CONSENT"),
    ("a form for treatment that speaks of proceedings too", {"to": "court_or_litigant", "why": "HLEGAL", "consents": [tpo(purposes=["TREAT", "HLEGAL"])]}, "withhold", "INVALID_COMBINATION"),
    ("an order for a civil case is none for a prosecutor", {"to": "prosecutor", "why": "HLEGAL", "legal_instrument": "court_order_2_64+subpoena"}, "withhold", "COURT_ORDER_REQUIRED"),
    ("a form for counseling notes that says more, where research needs none", {"records": ["counseling note"], "to": "researcher", "why": "HRESCH", "waiver_documented": True, "consents": [form("part2_counseling_notes", "researcher", "HRESCH", combined_with=["part2_specific"])]}, "withhold", "INVALID_COMBINATION"),
    ("research without a form reaches no counseling note", {"records": ["counseling note"], "to": "researcher", "why": "HRESCH", "waiver_documented": True}, "withhold", "COUNSELING_NOTES_NOT_IN_EXCEPTION"),
    ("what its sender marked as a Part 2 record is one", {"at": "clinic", "records": ["marked by its sender"]}, "withhold", "REDISCLOSURE_PROHIBITED"),
    ("an audit goes before no wish", {"to": "government_auditor", "why": "HOPERAT", "copies_removed": False, "consents": [deny(to="government_auditor", purpose="HOPERAT")]}, "withhold", "PATIENT_DENY"),
    ("treatment in an emergency goes before an agreed restriction", {"at": "clinic", "records": ["allergy"], "why": "ETREAT", "restrictions": [AGREED]}, "permit", "HIPAA_TREATMENT"),
    ("and before no directive", {"at": "clinic", "records": ["allergy"], "why": "ETREAT", "consents": [deny()]}, "withhold", "PATIENT_DENY"),
    ("nobody is told anything for a purpose that nobody knows", {"at": "clinic", "records": ["allergy"], "to": "coroner", "why": "XYZZY"}, "withhold", "UNKNOWN_PURPOSE"),
    ("what may not go anyway is not said to lack labels", {"at": "clinic", "records": ["unlabelled elsewhere"], "to": "marketer", "why": "HMARKT"}, "withhold", "AUTHORIZATION_REQUIRED"),
    ("patients need nothing in particular", {"to": "patient", "why": "PATRQT", "needed_for_purpose": []}, "permit", "PATIENT_ACCESS"),
    ("those who control the program need it for a duty", {"to": "direct_administrative_control", "why": "HOPERAT", "needed_for_purpose": []}, "withhold", "NO_DUTY_NEED"),
    ("what is withheld whole is not released in part", {"to": "marketer", "why": "HMARKT", "via": "fhir_everything", "records": ["visit", "diagnosis"]}, "withhold withhold", "NO_CONSENT"),
    ("what is kept from others is a refusal", {"at": "clinic", "why": "ETREAT", "records": ["allergy", "psychotherapy note"]}, "permit withhold", "PSYCHOTHERAPY_NOTES"),
    ("what is kept from the patient by default is none", {"at": "clinic", "to": "patient", "why": "PATRQT", "records": ["allergy", "psychotherapy note"]}, "permit withhold", "PATIENT_ACCESS"),
    ("a note kept apart that state law protects too", {**NOTES, "state_overlay": "mental_health_written_consent", "consents": [ABOUT_NOTES]}, "withhold", "ALL_BASES_MUST_BE_SATISFIED"),
    ("the labeler gave no answer", {"consents": [tpo()], "sls_available": False}, "withhold", "FAIL_CLOSED"),
    ("the labeler gave no answer, in an emergency", {**EMERGENCY, "sls_available": False}, "permit", "MEDICAL_EMERGENCY"),
)  # fmt: skip
def test_what_stands_first(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


def test_a_record_under_two_laws_carries_the_duties_of_both() -> None:
    decision = ask(*TWO_LAWS["records"], **{k: v for k, v in TWO_LAWS.items() if k != "records"})
    assert (results(decision), decision.reason) == ("permit", "ALL_BASES_SATISFIED")
    assert {"ATTACH_NOTICE_2_32", "ATTACH_CONSENT_OR_SCOPE"} <= set(decision.obligations)
    assert [s.reason for s in decision.chain] == ["TPO_CONSENT", "STATE_RELEASE", "ALL_BASES_SATISFIED"]


def test_a_note_of_a_program_that_two_laws_let_go_carries_the_notice() -> None:
    """42 CFR 2.32: whatever else permits it, it is a Part 2 record that leaves with consent."""
    decision = ask("therapy note of the program", consents=[tpo(), ABOUT_NOTES])
    assert {"ATTACH_NOTICE_2_32", "ATTACH_CONSENT_OR_SCOPE", "LABEL_NORDSCLCD"} <= set(decision.obligations)


def test_what_goes_in_part_carries_the_notice() -> None:
    decision = ask("chart", "counseling note", via="fhir_everything", consents=[tpo()])
    assert results(decision) == "partial withhold"
    assert {"ATTACH_NOTICE_2_32", "REDACT_ELEMENTS"} <= set(decision.obligations)


def test_what_nobody_understood_stands_at_the_end_of_the_chain_and_nowhere_else() -> None:
    given = scenario()
    assert [s.reason for s in decided(given).chain] == ["NO_CONSENT"]
    last = decided({**given, "surprise": 1}).chain[-1]
    assert (last.effect, last.reason, "field surprise" in last.words) == ("withhold", "FAIL_CLOSED", True)


def test_no_record_is_named_where_there_is_none() -> None:
    assert decided({**scenario(consents=[specific()]), "records": []}).records == {}


@pytest.mark.parametrize("by", ["note_originator", "originator", "originating_counselor", "originating_therapist", "note_author"])
def test_who_wrote_a_counseling_note_uses_it_for_treatment(by: str) -> None:
    """2.11: the one of all who work there. For payment they do not."""
    check({"records": ["counseling note"], "to": "self_workforce", "by": by}, "permit", "COUNSELING_NOTES_ORIGINATOR")
    check({"records": ["counseling note"], "to": "self_workforce", "by": by, "why": "HPAYMT"}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT")


def test_who_wrote_a_note_may_be_the_one_who_asks() -> None:
    given = scenario("counseling note", to="self_workforce", by="Ames")
    given["records"][0]["originator"] = "Ames"
    assert decided(given).reason == "COUNSELING_NOTES_ORIGINATOR"


@pytest.mark.parametrize("to", ["potential_victim", "family_member", "covered_entity_provider", "law_enforcement"])
def test_a_serious_threat_opens_a_psychotherapy_note_to_who_can_lessen_it(to: str) -> None:
    """164.508(a)(2)(ii), 164.512(j)(1)(i)."""
    threat = {**NOTES, "to": to, "why": "THREAT", "serious_imminent_threat": True}
    check(threat, "permit", "PSYCHOTHERAPY_NOTES_REQUIRED")
    check({**threat, "to": "employer"}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION")


@pytest.mark.parametrize(("other", "looked"), [("part2_counseling_notes", True), ("something else", True), ("part2_specific", False)])
def test_a_form_that_says_what_must_be_said_apart_is_looked_at(other: str, looked: bool) -> None:
    assert ("PRIVACY_REVIEW" in ask(consents=[tpo(combined_with=[other])]).obligations) is looked


def test_a_form_for_notes_that_says_more_is_looked_at() -> None:
    joined = form("hipaa_authorization", "covered_entity_provider", "TREAT", content=["psychotherapy_notes"], combined_with=["part2_tpo_single"])
    assert "PRIVACY_REVIEW" in ask("psychotherapy note", at="clinic", consents=[joined]).obligations
    counseling = form("part2_counseling_notes", "covered_entity_provider", "TREAT", combined_with=["part2_specific"])
    assert "PRIVACY_REVIEW" in ask("counseling note", consents=[counseling]).obligations
    check({**NOTES, "consents": [specific(combined_with=["part2_counseling_notes"])]}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION")


@pytest.mark.parametrize("words", ["PSYTHPN", "psychotherapy_notes", "psychotherapy notes", "HIPAAPsyNotes"])
def test_an_authorization_about_psychotherapy_notes_is_for_whom_it_names_and_when(words: str) -> None:
    def about(to: str, **more: Any) -> dict[str, Any]:
        return {**NOTES, "consents": [form("hipaa_authorization", to, "TREAT", content=[words], **more)]}

    check(about("covered_entity_provider"), "permit", "PSYCHOTHERAPY_AUTHORIZATION")
    check(about("health_plan"), "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION")
    check(about("covered_entity_provider", data_period={"start": "2026-01-01"}), "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION")


SHIELD = {"records": ["abortion"], "state_overlay": "ca_ab352"}
SDV_RELEASE = form("state_specific_release", "covered_entity_provider", "TREAT", categories=["SDV"])


@table(
    ("what nobody may have, with a release", {"records": ["assault"], "state_overlay": "sdv_no_disclosure", "consents": [SDV_RELEASE]}, "withhold", "STATE_SDV_PROTECTION"),
    ("demographics under a law that asks for a release", {"records": ["demographics that tell of HIV"], "state_overlay": "hiv_written_release"}, "withhold", "STATE_HIV_CONSENT"),
    ("at home, under a law that asks for a release", {"records": ["hiv"], "state_overlay": "hiv_written_release", "state": "CA", "recipient": {"state": "CA"}}, "withhold", "STATE_HIV_CONSENT"),
    ("at home, as the name of the law tells", {**SHIELD, "recipient": {"state": "CA"}}, "permit", "HIPAA_TREATMENT"),
    ("away from there", {**SHIELD, "recipient": {"state": "TX"}}, "withhold", "STATE_REPRODUCTIVE_SHIELD"),
    ("at home, as is said", {**SHIELD, "state": "NY", "recipient": {"state": "NY"}}, "permit", "HIPAA_TREATMENT"),
    ("at home where the holder is", {**SHIELD, "at": "clinic in Ohio", "recipient": {"state": "OH"}}, "permit", "HIPAA_TREATMENT"),
    ("elsewhere than the holder is", {**SHIELD, "at": "clinic in Ohio", "recipient": {"state": "CA"}}, "withhold", "STATE_REPRODUCTIVE_SHIELD"),
    ("nobody knows where either is", {**SHIELD, "state_overlay": "_reproductive"}, "withhold", "STATE_REPRODUCTIVE_SHIELD"),
)  # fmt: skip
def test_laws_of_states(question: dict[str, Any], result: str, reason: str) -> None:
    check({"at": "clinic", **question}, result, reason)


@pytest.mark.parametrize(
    ("question", "hidden"),
    [({}, False), ({"by": "system"}, True), ({"by": "clinician_outside_program"}, True), ({"via": "fhir_search"}, True), ({"does": "access"}, True), ({"to": "self_workforce", "why": "HMARKT", "does": "access"}, False)],
)  # fmt: skip
def test_who_asks_from_outside_is_not_told_that_there_is_anything(question: dict[str, Any], hidden: bool) -> None:
    decision = ask(**question)
    assert (decision.reason, "SUPPRESS_EXISTENCE" in decision.obligations) == ("NO_CONSENT", hidden)


@table(
    ("what tells of a record, where it comes along", {"records": ["provenance"], "via": "fhir_search"}, "withhold", "REVINCLUDE_LEAK"),
    ("what tells of a record, by itself", {"records": ["provenance"]}, "withhold", "NO_CONSENT"),
    ("how it was, before it was labelled", {"via": "fhir_history"}, "withhold", "CURRENT_LABELS_APPLY"),
    ("demographics go whole where a release lets them", {"at": "clinic", "records": ["demographics that tell of HIV"], "state_overlay": "hiv_written_release", "consents": [HIV_RELEASE]}, "permit", "STATE_RELEASE"),
)  # fmt: skip
def test_how_an_answer_tells(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


PAID = {"at": "qso", "does": "redisclose", "why": "HPAYMT", "written_agreement": True}


@table(
    ("a service organization and a plan under an agreement", {**PAID, "to": "health_plan"}, "withhold", "QSO_NO_REDISCLOSURE"),
    ("a service organization tells the program", {**PAID, "to": "part2_program", "does": "disclose"}, "permit", "QSO_CONTRACT_AGENT"),
    ("a program looks in at its service organization", {**PAID, "to": "part2_program", "does": "access"}, "withhold", "QSO_NO_REDISCLOSURE"),
    ("who controls a holder does not control the program", {"at": "lawful holder", "to": "direct_administrative_control", "why": "HOPERAT", "does": "redisclose"}, "withhold", "REDISCLOSURE_PROHIBITED"),
    ("a holder has no service organizations", {"at": "lawful holder", "to": "qso", "does": "redisclose", "written_agreement": True}, "withhold", "REDISCLOSURE_PROHIBITED"),
    ("elsewhere in the house of a holder", {"at": "lawful holder", "to": "same_organization_non_program", "does": "redisclose"}, "withhold", "REDISCLOSURE_PROHIBITED"),
    ("a business associate of whose agreement nobody said anything", {"to": "business_associate", "why": "HOPERAT"}, "withhold", "NO_CONSENT"),
)  # fmt: skip
def test_those_who_serve_a_program_serve_it_alone(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


FOR_PATIENT = {"at": "clinic", "records": ["allergy"], "why": "FAMRQT"}


@table(
    ("papers make no family of an employer", {"to": "employer", "why": "PATRQT", "legal_authority_documented": True}, "withhold", "AUTHORIZATION_REQUIRED"),
    ("a spouse is no guardian", {"to": "spouse", "adjudicated_incompetent": True}, "withhold", "AUTHORIZATION_REQUIRED"),
    ("a guardian is", {"to": "guardian", "adjudicated_incompetent": True}, "permit", "PERSONAL_REPRESENTATIVE"),
    ("an executor of somebody who lives", {"to": "executor"}, "withhold", "AUTHORIZATION_REQUIRED"),
    ("an executor", {"to": "executor", "deceased": True}, "permit", "PERSONAL_REPRESENTATIVE"),
    ("a spouse where there is an executor", {"to": "spouse", "deceased": True}, "withhold", "AUTHORIZATION_REQUIRED"),
    ("a spouse where there is none", {"to": "spouse", "deceased": True, "no_personal_representative": True}, "permit", "PERSONAL_REPRESENTATIVE"),
    ("a spouse where there is none, of somebody who lives", {"to": "spouse", "no_personal_representative": True}, "withhold", "AUTHORIZATION_REQUIRED"),
)  # fmt: skip
def test_who_stands_in_the_place_of_the_patient(question: dict[str, Any], result: str, reason: str) -> None:
    check({**FOR_PATIENT, **question}, result, reason)


def test_break_glass_looks_at_what_is_needed() -> None:
    assert "MINIMUM_NECESSARY" in ask(to="self_workforce", why="BTG", does="access").obligations


def test_a_line_of_the_trail_is_no_accounting_unless_that_was_asked_for() -> None:
    given = scenario("message", to="patient", why="PATRQT")
    given["records"][0]["type"] = "AuditEvent"
    assert decided(given).reason == "PATIENT_ACCESS"
    given["request"]["context"] = {"lookback_years": 3}
    assert decided(given).reason == "ACCOUNTING"


@pytest.mark.parametrize(
    ("question", "carried"),
    [
        ({"consents": [tpo()]}, True),
        ({"does": "use", "consents": [tpo()]}, False),
        ({"to": "self_workforce", "why": "PUBHLTH", "consents": [specific("self_workforce", "PUBHLTH")]}, False),
    ],
)
def test_the_notice_goes_with_a_disclosure_and_with_no_use(question: dict[str, Any], carried: bool) -> None:
    """2.32: with each disclosure; those who work here get none."""
    decision = ask(**question)
    assert (results(decision), "ATTACH_NOTICE_2_32" in decision.obligations) == ("permit", carried)


def test_a_review_that_is_due_stays_due_where_something_else_is_kept() -> None:
    joined = specific(purpose="ETREAT", combined_with=["part2_counseling_notes"])
    decision = ask("diagnosis", "psychotherapy note", why="ETREAT", consents=[joined])
    assert results(decision) == "permit withhold"
    assert "PRIVACY_REVIEW" in decision.obligations
