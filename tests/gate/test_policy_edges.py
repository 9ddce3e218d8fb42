"""The edges: rare recipients, forms and facts, each with the neighbour that is decided the other way; and what cannot be read."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sojourn.gate.policy import part2
from tests.gate.test_policy import ask, decided, form, results, scenario, specific, tpo
from tests.gate.test_policy_rules import NET, check, table

EMERGENCY = {"bona_fide_emergency": True, "consent_obtainable": False}


@table(
    ("own people who work outside the program", {"to": "self_workforce", "by": "clinician_outside_program"}, "withhold", "NOT_PROGRAM_PERSONNEL"),
    ("break-glass by own people", {"to": "self_workforce", "why": "BTG", "does": "access"}, "permit", "BREAK_GLASS"),
    ("control that is not direct", {"to": "direct_administrative_control", "administrative_control": False}, "withhold", "NOT_PROGRAM_PERSONNEL"),
    ("service organization, own people", {"at": "qso", "to": "self_workforce"}, "permit", "QSO_AGREEMENT"),
    ("service organization, agent without contract", {"at": "qso", "to": "contractor", "does": "redisclose"}, "withhold", "QSO_NO_REDISCLOSURE"),
    ("business associate under agreement", {"to": "business_associate", "why": "HOPERAT", "written_agreement": True}, "permit", "QSO_AGREEMENT"),
    ("business associate, refused agreement", {"to": "business_associate", "why": "HOPERAT", "written_agreement": False}, "withhold", "NO_QSO_AGREEMENT"),
    ("business associate of a program without HIPAA", {"at": "program without HIPAA", "to": "business_associate", "why": "HOPERAT", "written_agreement": True}, "withhold", "NO_CONSENT"),
    ("emergency, paramedic elsewhere who is no medical personnel", {"to": "medical_personnel_emergency", "why": "ETREAT", "recipient": {"medical_personnel": False}, **EMERGENCY}, "withhold", "NOT_MEDICAL_PERSONNEL"),
    ("emergency stated, purpose treatment", {"by": "system", **EMERGENCY}, "permit", "MEDICAL_EMERGENCY"),
    ("emergency for payment", {"to": "health_plan", "why": "HPAYMT", **EMERGENCY}, "withhold", "NO_CONSENT"),
    ("emergency from a program without HIPAA", {"at": "program without HIPAA", "to": "medical_personnel_emergency", "why": "ETREAT", **EMERGENCY}, "permit", "MEDICAL_EMERGENCY"),
    ("break-glass from outside in an emergency", {"why": "BTG", **EMERGENCY}, "permit", "MEDICAL_EMERGENCY"),
    ("disaster and emergency, program open", {"to": "medical_personnel_emergency", "why": "ETREAT", "declared_emergency": True, **EMERGENCY}, "permit", "MEDICAL_EMERGENCY"),
    ("emergency on an HIV record under state law", {"to": "medical_personnel_emergency", "why": "ETREAT", "records": ["part 2 and HIV"], "state_overlay": "hiv_written_release", **EMERGENCY}, "withhold", "ALL_BASES_MUST_BE_SATISFIED"),
    ("research by own people with waiver", {"to": "self_workforce", "why": "HRESCH", "waiver_documented": True}, "permit", "RESEARCH"),
    ("research waiver shown by an employer", {"to": "employer", "why": "HRESCH", "waiver_documented": True}, "withhold", "RESEARCH_DOCUMENTATION_REQUIRED"),
    ("researcher to researcher, with waiver", {"at": "researcher", "to": "researcher", "why": "HRESCH", "does": "redisclose", "waiver_documented": True}, "withhold", "REDISCLOSURE_PROHIBITED"),
    ("research by the researcher's own people", {"at": "researcher", "to": "self_workforce", "why": "HRESCH", "waiver_documented": True}, "permit", "RESEARCH"),
    ("lawful holder by consent, research with waiver", {"at": "lawful holder", "to": "researcher", "why": "HRESCH", "does": "redisclose", "waiver_documented": True}, "permit", "RESEARCH"),
    ("emergency, stated in the facts that it is no medical personnel", {"to": "medical_personnel_emergency", "why": "ETREAT", "medical_personnel": False, **EMERGENCY}, "withhold", "NOT_MEDICAL_PERSONNEL"),
    ("release cannot be written down", {"consents": [tpo()], "audit_available": False}, "withhold", "FAIL_CLOSED"),
    ("release cannot be written down, emergency", {"to": "medical_personnel_emergency", "why": "ETREAT", "audit_write_failed": True, **EMERGENCY}, "withhold", "FAIL_CLOSED"),
    ("representative of an adult after adjudication", {"to": "personal_representative", "by": "personal_representative", "why": "PATRQT", "does": "access", "via": "portal", "adjudicated": True}, "permit", "PERSONAL_REPRESENTATIVE"),
    ("representative of an adult without", {"to": "personal_representative", "by": "personal_representative", "why": "PATRQT", "does": "access", "via": "portal"}, "withhold", "NO_CONSENT"),
    ("representative after adjudication, abuse suspected", {"to": "personal_representative", "by": "personal_representative", "why": "PATRQT", "does": "access", "adjudicated": True, "suspected_abuse": True}, "withhold", "REPRESENTATIVE_REFUSED"),
    ("asked not to tell the plan, but the plan pays", {"at": "clinic", "records": ["allergy"], "to": "health_plan", "why": "HPAYMT", "restrictions": [{"kind": "self_pay_health_plan"}], "paid_in_full": False}, "permit", "HIPAA_PAYMENT"),
    ("asked not to tell the plan, paid in full", {"at": "clinic", "records": ["allergy"], "to": "health_plan", "why": "HPAYMT", "restrictions": [{"kind": "self_pay_health_plan"}], "paid_in_full": True}, "withhold", "SELF_PAY_RESTRICTION"),
    ("counseling note, role of its author", {"to": "self_workforce", "by": "counselor_author", "does": "access", "records": ["counseling note"]}, "permit", "COUNSELING_NOTES_ORIGINATOR"),
    ("counseling note, role other than its author", {"to": "self_workforce", "by": "counselor_other_than_author", "does": "access", "records": ["counseling note"]}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
    ("counseling note, trainee", {"to": "self_workforce", "by": "supervised_trainee", "does": "use", "records": ["counseling note"]}, "permit", "COUNSELING_NOTES_TRAINING"),
    ("counseling note, trainee whom nobody supervises", {"to": "self_workforce", "by": "unsupervised_trainee", "does": "use", "records": ["counseling note"]}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
    ("counseling note, trainee elsewhere", {"to": "covered_entity_provider", "by": "supervised_trainee", "records": ["counseling note"]}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
    ("de-identified for research", {"to": "researcher", "why": "HRESCH", "records": ["deidentified"]}, "permit", "DEIDENTIFIED"),
    ("de-identified for marketing", {"to": "marketer", "why": "HMARKT", "records": ["deidentified"]}, "withhold", "NO_CONSENT"),
    ("clinic, research with waiver", {"at": "clinic", "records": ["allergy"], "to": "researcher", "why": "HRESCH", "waiver_documented": True}, "permit", "HIPAA_RESEARCH"),
    ("clinic, research without", {"at": "clinic", "records": ["allergy"], "to": "researcher", "why": "HRESCH"}, "withhold", "RESEARCH_DOCUMENTATION_REQUIRED"),
    ("clinic, de-identified research", {"at": "clinic", "records": ["allergy"], "to": "researcher", "why": "HRESCH", "deidentified": True}, "permit", "DEIDENTIFIED"),
    ("clinic, operations of a stranger", {"at": "clinic", "records": ["allergy"], "why": "HOPERAT", "recipient": {"treating_relationship": False}}, "withhold", "NO_TREATING_RELATIONSHIP"),
    ("clinic, vendor under agreement", {"at": "clinic", "records": ["allergy"], "to": "vendor", "why": "HOPERAT", "written_agreement": True}, "permit", "HIPAA_OPERATIONS"),
    ("clinic, vendor without", {"at": "clinic", "records": ["allergy"], "to": "vendor", "why": "HPAYMT"}, "withhold", "NO_BA_AGREEMENT"),
    ("clinic, own lawyer", {"at": "clinic", "records": ["allergy"], "to": "self_workforce", "why": "HLEGAL"}, "permit", "HIPAA_OPERATIONS"),
    ("clinic, fundraising with demographics", {"at": "clinic", "records": ["hidden address"], "to": "foundation", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True}, "permit", "HIPAA_FUNDRAISING"),
    ("clinic, fundraising with diagnoses", {"at": "clinic", "records": ["depression"], "to": "foundation", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True}, "withhold", "AUTHORIZATION_REQUIRED"),
    ("clinic, family who may know", {"at": "clinic", "records": ["allergy"], "to": "family_member", "why": "FAMRQT", "patient_agreed": True}, "permit", "HIPAA_INVOLVED_PERSON"),
    ("clinic, family, the patient objects", {"at": "clinic", "records": ["allergy"], "to": "family_member", "why": "FAMRQT", "patient_agreed": True, "patient_objects": True}, "withhold", "AUTHORIZATION_REQUIRED"),
    ("clinic, documented power of attorney", {"at": "clinic", "records": ["allergy"], "to": "proxy", "why": "PWATRNY", "legal_authority_documented": True}, "permit", "PERSONAL_REPRESENTATIVE"),
    ("program, documented power of attorney", {"to": "proxy", "why": "PWATRNY", "legal_authority_documented": True}, "withhold", "NO_CONSENT"),
    ("clinic, oversight", {"at": "clinic", "records": ["allergy"], "to": "government_auditor", "why": "HOPERAT"}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("clinic, monitoring program", {"at": "clinic", "records": ["buprenorphine"], "to": "pdmp", "why": "PUBHLTH", "state_requires_pdmp": True}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("clinic, coroner", {"at": "clinic", "records": ["allergy"], "to": "coroner", "why": "PUBHLTH"}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("clinic, child abuse report", {"at": "clinic", "records": ["allergy"], "to": "child_protection_agency", "why": "HLEGAL", "child_abuse_report": True}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("clinic, police without process", {"at": "clinic", "records": ["allergy"], "to": "law_enforcement", "why": "HLEGAL"}, "withhold", "LEGAL_PROCESS_REQUIRED"),
    ("clinic, police with a warrant", {"at": "clinic", "records": ["allergy"], "to": "law_enforcement", "why": "HLEGAL", "legal_instrument": "search_warrant"}, "permit", "HIPAA_LEGAL_PROCESS"),
    ("psychotherapy note, serious threat", {"at": "clinic", "records": ["psychotherapy note"], "to": "law_enforcement", "why": "THREAT", "serious_imminent_threat": True}, "permit", "PSYCHOTHERAPY_NOTES_REQUIRED"),
    ("psychotherapy note, threat to nobody who can act", {"at": "clinic", "records": ["psychotherapy note"], "to": "employer", "why": "THREAT", "serious_imminent_threat": True}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("psychotherapy note, coroner", {"at": "clinic", "records": ["psychotherapy note"], "to": "coroner", "why": "PUBHLTH", "vital_statistics_law": True}, "permit", "PSYCHOTHERAPY_NOTES_REQUIRED"),
    ("psychotherapy note, emergency", {"at": "clinic", "records": ["psychotherapy note"], "to": "medical_personnel_emergency", "why": "ETREAT", **EMERGENCY}, "withhold", "PSYCHOTHERAPY_NOTES"),
    ("psychotherapy note, the author of it asks to bill", {"at": "clinic", "to": "self_workforce", "why": "HPAYMT", "records": ["psychotherapy note"], "originator": True}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("counseling note, its author at another holder", {"at": "covered recipient", "to": "self_workforce", "records": ["counseling note"], "originator": True}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
    ("own record for a purpose that is not one's own", {"to": "patient", "why": "HPAYMT"}, "withhold", "PURPOSE_NOT_COVERED"),
    ("accounting at the clinic", {"at": "clinic", "to": "patient", "why": "PATRQT", "records": ["allergy"], "lookback_years": 6}, "permit", "PATIENT_ACCESS"),
    ("minor by age", {"at": "clinic", "to": "parent", "why": "PATRQT", "records": ["allergy"], "patient_age": 12}, "permit", "PERSONAL_REPRESENTATIVE"),
    ("of age", {"at": "clinic", "to": "parent", "why": "PATRQT", "records": ["allergy"], "patient_age": 18}, "withhold", "AUTHORIZATION_REQUIRED"),
    ("minor who decides by state law", {"at": "clinic", "to": "parent", "why": "PATRQT", "records": ["depression"], "minor": True, "minor_may_consent": True}, "withhold", "MINOR_CONSENTED_SERVICE"),
    ("both signed for a minor", {"consents": [specific(signed_by="both")], "minor": True, "parental_consent_required": True}, "permit", "SPECIFIC_CONSENT"),
    ("treatment-only form at an emergency room for billing", {"at": "emergency room", "to": "self_workforce", "why": "HPAYMT", "does": "use"}, "withhold", "NO_CONSENT"),
    ("intermediary of another network", {"at": "intermediary", "does": "redisclose", "recipient": {"treating_relationship": True}, "consents": [{**NET, "recipients": ["organization:Net"]}]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("recipient named by kind with a prefix", {"consents": [specific(to="kind:covered_entity_provider")]}, "permit", "SPECIFIC_CONSENT"),
    ("recipient named by kind as a class", {"consents": [specific(to="class:covered_entity_provider")]}, "permit", "SPECIFIC_CONSENT"),
    ("registry with a form of another kind", {"to": "central_registry", "consents": [specific("central_registry")]}, "withhold", "CENTRAL_REGISTRY_NEEDS_CONSENT"),
    ("state release that denies", {"at": "clinic", "records": ["hiv"], "state_overlay": "hiv_written_release", "consents": [{"kind": "patient_directive_deny", "recipients": ["health_plan"], "purposes": ["HPAYMT"]}]}, "withhold", "STATE_HIV_CONSENT"),
    ("state release by categories", {"at": "clinic", "records": ["hiv"], "state_overlay": "hiv_written_release", "consents": [form("state_specific_release", "covered_entity_provider", "TREAT", categories=["HIV"])]}, "permit", "STATE_RELEASE"),
    ("violence and Part 2", {"records": ["assault", "diagnosis"], "sud_only_facility": True, "state_overlay": "sdv_no_disclosure", "consents": [tpo()]}, "withhold permit", "STATE_SDV_PROTECTION"),
    ("opt-out of another network", {"to": "intermediary", "recipient": {"organization": "Net"}, "consents": [NET, {"kind": "hie_opt_out", "recipients": ["organization:Other"], "purposes": []}]}, "permit", "SPECIFIC_CONSENT"),
    ("opt-out of this network", {"to": "intermediary", "recipient": {"organization": "Net"}, "consents": [NET, {"kind": "hie_opt_out", "recipients": ["organization:Net"], "purposes": []}]}, "withhold", "HIE_OPT_OUT"),
)  # fmt: skip
def test_edges(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


def test_no_record_is_no_permission() -> None:
    given = scenario(consents=[tpo()])
    given["records"] = []
    assert (decided(given).decision, decided(given).reason) == ("deny", "NO_RECORDS")


def test_a_rule_that_fails_releases_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("secret value")

    monkeypatch.setattr(part2, "permitted", broken)
    decision = ask(consents=[tpo()])
    assert (decision.decision, decision.reason) == ("deny", "FAIL_CLOSED")
    assert "secret value" not in str(decision.chain)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("request",), None), (("custodian",), "program"), (("records",), "r1"), (("consents",), {}), (("request", "context"), []), (("request", "recipient"), None),
        (("request", "evaluation_time"), "tomorrow"), (("records", 0, "date"), "June"), (("records", 0, "origin"), "somewhere"), (("records", 0, "origin"), None),
        (("records", 0, "labels"), ["R", "XYZZY"]), (("records", 0), "r1"), (("custodian", "kind"), "museum"), (("custodian", "possession"), "theft"),
        (("request", "recipient", "treating_relationship"), "yes"), (("request", "purpose"), ["TREAT"]), (("request", "purpose"), None), (("consents", 0), "TPO"),
        (("consents", 0, "data_period"), "2026"), (("consents", 0, "signed"), "Michaelmas"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_releases_nothing_and_never_raises(path: tuple[Any, ...], value: Any) -> None:
    given = copy.deepcopy(scenario(consents=[tpo()]))
    inner: Any = given
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert decided(given).decision == "deny"


@pytest.mark.parametrize("facts", [{"patient_age": "15"}, {"patient_age": True}, {"patient_age": 15.5}, {"state_overlay": 5}, {"state_overlay": True}, {"lookback_years": True}])
def test_a_fact_of_another_sort_releases_nothing(facts: dict[str, Any]) -> None:
    """An age in words is not that of an adult, and a law with no name is not no law."""
    assert results(ask(consents=[tpo()])) == "permit"
    assert ask(consents=[tpo()], **facts).decision == "deny"


def test_a_stated_reference_is_enough_to_take_a_part_out() -> None:
    given = scenario("visit", "diagnosis", by="clinician_outside_program")
    assert results(decided(given)) == "permit withhold"
    given["records"][0]["refers_to"] = ["r2"]
    assert results(decided(given)) == "partial withhold"
    assert {"REDACT_ELEMENTS", "SUPPRESS_EXISTENCE"} <= set(decided(given).obligations)


def test_a_document_with_a_withheld_entry_goes_without_it() -> None:
    given = scenario("visit", "diagnosis", via="ccda")
    given["records"][0]["type"] = "Composition"
    assert results(decided(given)) == "partial withhold"


def test_a_labelled_element_is_taken_out_and_the_rest_goes() -> None:
    given = scenario("allergy", at="clinic")
    given["records"][0]["labels"] = ["N", "PROCESSINLINELABEL"]
    assert results(decided(given)) == "partial"
    given["request"]["recipient"]["kind"] = "self_workforce"
    assert results(decided(given)) == "permit"


def test_the_originator_may_be_named_on_the_note() -> None:
    given = scenario("counseling note", to="self_workforce", by="counselor_in_program", recipient={"name": "Ames"})
    assert results(decided(given)) == "withhold"
    given["records"][0]["originator"] = "Bell"
    assert results(decided(given)) == "withhold"
    given["records"][0]["originator"] = "Ames"
    assert results(decided(given)) == "permit"


def test_notice_and_scope_are_for_disclosures_only() -> None:
    assert set(ask(to="self_workforce", why="FUNDRAISE", does="use", fundraising_opportunity_given=True, consents=[tpo()]).obligations) == {
        "AUDIT",
        "MINIMUM_NECESSARY",
    }
    assert (
        "ATTACH_NOTICE_2_32"
        not in ask(why="HRESCH", to="self_workforce", consents=[specific("self_workforce", "HRESCH")], does="use").obligations
    )


def test_every_refused_legal_request_is_read_by_a_person() -> None:
    for to in ("law_enforcement", "criminal_justice_element", "court_or_litigant", "child_protection_agency"):
        assert "LEGAL_REVIEW" in ask(to=to, why="HLEGAL").obligations
