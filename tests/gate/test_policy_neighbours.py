"""Neighbours of single conditions: each row fails if one fact of a rule is no longer asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.test_policy import ask, decided, deny, form, results, scenario, specific, tpo
from tests.gate.test_policy_rules import COURT, POLICE, check, table

EMERGENCY = {"bona_fide_emergency": True, "consent_obtainable": False}
ASSURED = {"legal_instrument": "subpoena", "satisfactory_assurances": True}


@table(
    ("crime on the premises, told to a newspaper", {"to": "media", "why": "HLEGAL", "crime_on_premises": True, "records": ["message"]}, "withhold", "COURT_ORDER_REQUIRED"),
    ("crime on the premises, told to a court", {**COURT, "crime_on_premises": True, "records": ["message"]}, "withhold", "COURT_ORDER_REQUIRED"),
    ("child abuse report to a school", {"to": "school", "why": "HLEGAL", "child_abuse_report": True, "records": ["message"]}, "withhold", "COURT_ORDER_REQUIRED"),
    ("the police without a crime on the premises", {**POLICE, "crime_on_premises": False, "records": ["message"]}, "withhold", "COURT_ORDER_REQUIRED"),
    ("order of 2.66 for a litigant", {**COURT, "legal_instrument": "court_order_2_66"}, "withhold", "COURT_ORDER_REQUIRED"),
    ("order of 2.65 for an auditor", {"to": "government_auditor", "why": "HLEGAL", "legal_instrument": "court_order_2_65"}, "withhold", "COURT_ORDER_REQUIRED"),
    ("order of 2.66 against a holder under an exception", {"at": "emergency room", "to": "investigative_agency", "why": "HLEGAL", "legal_instrument": "court_order_2_66"}, "permit", "COURT_ORDER_PROGRAM"),
    ("order of 2.65 used against the patient", {**POLICE, "legal_instrument": "court_order_2_65", "against_patient": True}, "permit", "COURT_ORDER_CRIMINAL"),
    ("order of 2.67", {**POLICE, "legal_instrument": "court_order_2_67"}, "permit", "COURT_ORDER_UNDERCOVER"),
    ("order of 2.67 used against the patient", {**POLICE, "legal_instrument": "court_order_2_67", "against_patient": True}, "withhold", "PROCEEDING_PROHIBITED"),
    ("order of 2.64 with a summons", {**COURT, "legal_instrument": "court_order_2_64+summons"}, "permit", "COURT_ORDER_NONCRIMINAL"),
    ("an instrument named for treatment", {"legal_instrument": "subpoena", "consents": [tpo()]}, "withhold", "COURT_ORDER_REQUIRED"),
    ("own people for a case against the patient", {"to": "self_workforce", "why": "HOPERAT", "against_patient": True}, "withhold", "PROCEEDING_PROHIBITED"),
    ("own people for operations", {"to": "self_workforce", "why": "HOPERAT", "against_patient": False}, "permit", "INTERNAL_NEED_TO_KNOW"),
    ("the attorney of the patient, turned against the patient", {"to": "attorney_of_patient", "why": "PATRQT", "against_patient": True, "consents": [specific("attorney_of_patient", "PATRQT")]}, "withhold", "PROCEEDING_PROHIBITED"),
    ("a provider who wants it against the patient", {"against_patient": True, "consents": [tpo()]}, "withhold", "PROCEEDING_PROHIBITED"),
    ("probation with a subpoena", {"to": "criminal_justice_element", "why": "HLEGAL", "legal_instrument": "subpoena", "consents": [form("part2_criminal_justice", "criminal_justice_element", "HLEGAL")]}, "withhold", "COURT_ORDER_REQUIRED"),
    ("case of others, the program itself", {**COURT, **ASSURED, "against_patient": False}, "withhold", "COURT_ORDER_REQUIRED"),
    ("case of others, holder without HIPAA", {"at": "program that received under TPO", **COURT, **ASSURED, "against_patient": False}, "withhold", "PROCEEDING_PROHIBITED"),
    ("case of others, received under a specific consent", {"at": "covered recipient of a specific consent", **COURT, **ASSURED, "against_patient": False}, "withhold", "PROCEEDING_PROHIBITED"),
    ("proceedings consent for another court", {**COURT, "recipient": {"organization": "Elsewhere"}, "consents": [form("part2_proceedings", "organization:Family Court", "HLEGAL")]}, "withhold", "RECIPIENT_NOT_NAMED"),
)  # fmt: skip
def test_courts(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


@table(
    ("fundraising, another record opted out", {"to": "self_workforce", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True, "consents": [tpo()], "restrictions": [{"kind": "fundraising_opt_out", "applies_to": ["r2"]}]}, "permit", "FUNDRAISING"),
    ("fundraising, another restriction", {"to": "self_workforce", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True, "consents": [tpo()], "restrictions": [{"kind": "self_pay_health_plan"}]}, "permit", "FUNDRAISING"),
    ("fundraising without TPO consent", {"to": "self_workforce", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True}, "withhold", "NO_CONSENT"),
    ("fundraising, consent to treatment only", {"to": "self_workforce", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True, "consents": [tpo(purposes=["TREAT"])]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("fundraising by a marketer", {"to": "marketer", "why": "FUNDRAISE", "fundraising_opportunity_given": True, "consents": [tpo()]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("opted out, treatment", {"consents": [tpo()], "restrictions": [{"kind": "fundraising_opt_out"}]}, "permit", "TPO_CONSENT"),
    ("self-paid, no label, by restriction", {"records": ["claim"], "to": "health_plan", "why": "HPAYMT", "consents": [tpo()], "restrictions": [{"kind": "self_pay_health_plan", "applies_to": ["r1"]}]}, "withhold", "SELF_PAY_RESTRICTION"),
    ("another record self-paid", {"records": ["claim"], "to": "health_plan", "why": "HPAYMT", "consents": [tpo()], "restrictions": [{"kind": "self_pay_health_plan", "applies_to": ["r2"]}]}, "permit", "TPO_CONSENT"),
    ("self-paid, payer outside HIPAA", {"records": ["claim"], "to": "third_party_payer", "why": "HPAYMT", "consents": [tpo()], "restrictions": [{"kind": "self_pay_health_plan"}]}, "permit", "TPO_CONSENT"),
    ("restricted without a reason, own people", {"at": "clinic", "to": "self_workforce", "records": ["restricted"]}, "permit", "HIPAA_TREATMENT"),
    ("restricted with a reason", {"at": "clinic", "records": ["hiv"]}, "permit", "HIPAA_TREATMENT"),
    ("restriction for payment, asked for treatment", {"consents": [tpo()], "restrictions": [{"kind": "agreed", "purposes": ["HPAYMT"]}]}, "permit", "TPO_CONSENT"),
    ("restriction for payment, asked for payment", {"to": "health_plan", "why": "HPAYMT", "consents": [tpo()], "restrictions": [{"kind": "agreed", "purposes": ["HPAYMT"]}]}, "withhold", "AGREED_RESTRICTION"),
    ("restriction in general, own people", {"to": "self_workforce", "restrictions": [{"kind": "agreed"}]}, "permit", "INTERNAL_NEED_TO_KNOW"),
    ("restriction in particular, own people", {"to": "self_workforce", "restrictions": [{"kind": "agreed", "recipients": ["self_workforce"]}]}, "withhold", "AGREED_RESTRICTION"),
    ("restriction, clinic in an emergency", {"at": "clinic", "records": ["allergy"], "why": "ETREAT", "restrictions": [{"kind": "agreed"}]}, "permit", "HIPAA_TREATMENT"),
    ("restriction, clinic in routine", {"at": "clinic", "records": ["allergy"], "restrictions": [{"kind": "agreed"}]}, "withhold", "AGREED_RESTRICTION"),
    ("restriction, false emergency", {"to": "medical_personnel_emergency", "why": "ETREAT", "bona_fide_emergency": True, "consent_obtainable": True, "restrictions": [{"kind": "agreed"}]}, "withhold", "AGREED_RESTRICTION"),
    ("self-pay does not yield to an emergency it never touches", {"to": "medical_personnel_emergency", "why": "ETREAT", **EMERGENCY, "restrictions": [{"kind": "self_pay_health_plan"}]}, "permit", "MEDICAL_EMERGENCY"),
    ("denial of the emergency room by name", {"to": "medical_personnel_emergency", "why": "ETREAT", **EMERGENCY, "consents": [deny("medical_personnel_emergency")]}, "withhold", "PATIENT_DENY"),
    ("denial to the plan, emergency", {"to": "medical_personnel_emergency", "why": "ETREAT", **EMERGENCY, "consents": [deny("health_plan")]}, "permit", "MEDICAL_EMERGENCY"),
    ("denial signed the day after tomorrow", {"consents": [tpo(), deny(signed="2026-11-24")]}, "permit", "TPO_CONSENT"),
    ("denial that ended", {"consents": [tpo(), deny(expires="2026-10-01")]}, "permit", "TPO_CONSENT"),
    ("denial to all, own people", {"to": "self_workforce", "consents": [deny(to=None, purpose=None)]}, "permit", "INTERNAL_NEED_TO_KNOW"),
    ("denial to one's own people", {"to": "self_workforce", "consents": [deny("self_workforce")]}, "withhold", "PATIENT_DENY"),
    ("opt-out, own people", {"at": "intermediary", "to": "patient", "why": "PATRQT", "consents": [{"kind": "hie_opt_out", "recipients": [], "purposes": []}]}, "permit", "PATIENT_ACCESS"),
    ("opt-out taken back", {"to": "business_associate_hie", "consents": [tpo(), {"kind": "hie_opt_out", "state": "revoked", "recipients": [], "purposes": []}]}, "permit", "BA_HIE_NOT_INTERMEDIARY"),
    ("later permission that has expired", {"consents": [deny(signed="2026-02-01"), specific(signed="2026-03-01", expires="2026-04-01")]}, "withhold", "PATIENT_DENY"),
    ("permission of the same day", {"consents": [deny(signed="2026-02-01"), specific(signed="2026-02-01")]}, "withhold", "LATER_DENY_PREVAILS"),
)  # fmt: skip
def test_wishes(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


@table(
    ("research authorization run out", {"to": "researcher", "why": "HRESCH", "consents": [form("hipaa_authorization", "researcher", "HRESCH", expires="2026-01-01")]}, "withhold", "RESEARCH_DOCUMENTATION_REQUIRED"),
    ("research authorization for another researcher", {"to": "researcher", "why": "HRESCH", "consents": [form("hipaa_authorization", "organization:X", "HRESCH")]}, "withhold", "RESEARCH_DOCUMENTATION_REQUIRED"),
    ("disaster, purpose treatment", {"declared_emergency": True, "program_closed": True}, "permit", "DISASTER_PROGRAM_CLOSED"),
    ("own people in an emergency", {"to": "self_workforce", **EMERGENCY}, "permit", "INTERNAL_NEED_TO_KNOW"),
    ("own people break the glass in an emergency", {"to": "self_workforce", "why": "BTG", **EMERGENCY}, "permit", "BREAK_GLASS"),
    ("opt-out of payment, treatment through a network", {"to": "business_associate_hie", "consents": [tpo(), {"kind": "hie_opt_out", "recipients": [], "purposes": ["HPAYMT"]}]}, "permit", "BA_HIE_NOT_INTERMEDIARY"),
    ("opt-out of a network and of exchanges", {"to": "intermediary", "recipient": {"organization": "Net"}, "consents": [{"kind": "hie_opt_out", "recipients": ["organization:Other", "hie"], "purposes": []}]}, "withhold", "HIE_OPT_OUT"),
    ("opt-out of a network, the one at hand unnamed", {"to": "business_associate_hie", "consents": [tpo(), {"kind": "hie_opt_out", "recipients": ["organization:Other"], "purposes": []}]}, "withhold", "HIE_OPT_OUT"),
    ("denial signed today", {"consents": [tpo(signed="2026-01-01"), deny(signed="2026-11-22")]}, "withhold", "LATER_DENY_PREVAILS"),
)  # fmt: skip
def test_emergencies_research_and_opt_outs(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


@table(
    ("psychotherapy note that a law requires", {"at": "clinic", "to": "court_or_litigant", "why": "HLEGAL", "records": ["psychotherapy note"], "required_by_law": True}, "permit", "PSYCHOTHERAPY_NOTES_REQUIRED"),
    ("psychotherapy note that no law requires", {"at": "clinic", "to": "court_or_litigant", "why": "HLEGAL", "records": ["psychotherapy note"]}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("a combined form for another purpose", {"records": ["counseling note"], "why": "HPAYMT", "consents": [tpo(purposes=["TREAT"], combined_with=["part2_counseling_notes"])]}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
    ("a counseling form for another purpose", {"records": ["counseling note"], "why": "HPAYMT", "consents": [form("part2_counseling_notes", "covered_entity_provider", "TREAT")]}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
    ("a counseling form for another recipient", {"records": ["counseling note"], "consents": [form("part2_counseling_notes", "organization:X", "TREAT")]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("a counseling note and a refused emergency", {"records": ["counseling note"], "to": "medical_personnel_emergency", "why": "ETREAT", "bona_fide_emergency": True, "consent_obtainable": True}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
)  # fmt: skip
def test_notes_kept_apart(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


def test_a_denial_by_one_patient_is_none_by_another() -> None:
    against = deny(patients=["p2"])
    decision = ask("diagnosis", "diagnosis", patients=["p1", "p2"], consents=[tpo(patients=["p1", "p2"]), against])
    assert results(decision) == "permit withhold"


@pytest.mark.parametrize(
    ("to", "purposes", "result"),
    [
        ("health_plan", ["HPAYMT"], "permit"),
        ("third_party_payer", ["HPAYMT"], "permit"),
        ("covered_entity_provider", ["HPAYMT"], "withhold"),
        ("health_plan", ["TREAT"], "withhold"),
    ],
)
def test_the_directors_form_is_for_payers_and_payment(to: str, purposes: list[str], result: str) -> None:
    """2.15(a)(2)."""
    signed = {
        "kind": "part2_director_payment",
        "state": "active",
        "recipients": [to],
        "purposes": purposes,
        "signed_by": "program_director",
    }
    assert results(ask(to=to, why=purposes[0], consents=[signed])) == result


def test_a_consent_at_the_end_of_its_last_second() -> None:
    for moment, reason in (("2027-06-30T23:59:59Z", "SPECIFIC_CONSENT"), ("2027-07-01T00:00:00Z", "CONSENT_EXPIRED")):
        assert ask(consents=[specific()], evaluation_time=moment).reason == reason
    for moment, reason in (("2026-11-30T09:59:59Z", "SPECIFIC_CONSENT"), ("2026-11-30T10:00:00Z", "CONSENT_REVOKED")):
        assert ask(consents=[specific(revoked_at="2026-12-01")], evaluation_time=moment).reason == reason


def test_a_consent_signed_today_counts_today() -> None:
    assert ask(consents=[specific(signed="2026-11-22")]).reason == "SPECIFIC_CONSENT"
    assert ask(consents=[specific(signed="2026-11-23")]).reason == "CONSENT_DEFICIENT"


def test_a_period_includes_its_first_and_last_day() -> None:
    for day, result in (("2025-12-31", "withhold"), ("2026-01-01", "permit"), ("2026-06-30", "permit"), ("2026-07-01", "withhold")):
        given = scenario(consents=[specific(data_period={"start": "2026-01-01", "end": "2026-06-30"})])
        given["records"][0]["date"] = day
        assert results(decided(given)) == result, day


def test_a_strangers_answer_looks_like_absence_only_when_withheld() -> None:
    treats = specific(to="intermediary:Net", general_designation="participants with a treating provider relationship")
    assert "SUPPRESS_EXISTENCE" not in ask(at="intermediary", recipient={"treating_relationship": True}, consents=[treats]).obligations
    assert "SUPPRESS_EXISTENCE" in ask(at="intermediary", recipient={"treating_relationship": False}, consents=[treats]).obligations


def test_a_patient_who_gets_something_waits_for_no_review() -> None:
    own = {"to": "patient", "by": "patient", "why": "PATRQT", "does": "access", "via": "portal"}
    assert ask("diagnosis", "counseling note", **own).obligations == ("AUDIT",)
    assert set(ask("counseling note", **own).obligations) == {"AUDIT", "PRIVACY_REVIEW"}
    assert set(ask("diagnosis", "psychotherapy note", "counseling note", **own).obligations) == {"AUDIT"}


@table(
    ("a denial signed where it is tomorrow", {"consents": [tpo(), deny(signed="2026-11-23")]}, "withhold", "LATER_DENY_PREVAILS"),
    ("a denial of a day that has begun nowhere", {"consents": [tpo(), deny(signed="2026-11-24")]}, "permit", "TPO_CONSENT"),
    ("a denial taken back on a day that has not begun everywhere", {"consents": [tpo(), deny(signed="2026-11-01", expires="none", revoked_at="2026-11-23")]}, "withhold", "LATER_DENY_PREVAILS"),
    ("a denial taken back on a day that has", {"consents": [tpo(), deny(signed="2026-11-01", expires="none", revoked_at="2026-11-22")]}, "permit", "TPO_CONSENT"),
    ("a denial whose last day is not over everywhere", {"consents": [tpo(), deny(signed="2026-11-01", expires="2026-11-22")]}, "withhold", "LATER_DENY_PREVAILS"),
    ("a permission signed where it is tomorrow", {"consents": [tpo(signed="2026-11-23")]}, "withhold", "CONSENT_DEFICIENT"),
    ("a permission taken back where it is tomorrow", {"consents": [tpo(revoked_at="2026-11-23")]}, "withhold", "CONSENT_REVOKED"),
    ("a permission that is taken back tomorrow", {"consents": [tpo(revoked_at="2026-11-24")]}, "permit", "TPO_CONSENT"),
)  # fmt: skip
def test_a_day_is_what_withholds_more_wherever_it_is(question: dict[str, Any], result: str, reason: str) -> None:
    """It is noon in UTC on 2026-11-22: already the next day in the east of the east, still the one before nowhere."""
    check(question, result, reason)
