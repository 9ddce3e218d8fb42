"""Each rule of 42 CFR Part 2, HIPAA and state law with its neighbours, one line each: question, result, reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.test_policy import ask, deny, form, results, specific, tpo

EMERGENCY = {"bona_fide_emergency": True, "consent_obtainable": False}
NET = specific(to="intermediary:Net", general_designation="participants with a treating provider relationship")


def said(row: tuple[Any, ...]) -> str:
    return str(row[0])


def table(*rows: tuple[str, dict[str, Any], str, str]) -> Any:
    """Rows of (what it is, the question, results, reason)."""
    return pytest.mark.parametrize(("question", "result", "reason"), [pytest.param(q, r, why, id=name) for name, q, r, why in rows])


def check(question: dict[str, Any], result: str, reason: str) -> None:
    question = dict(question)
    decision = ask(*question.pop("records", ["diagnosis"]), **question)
    assert (results(decision), decision.reason) == (result, reason)


@table(
    ("own counselor for care", {"to": "self_workforce", "does": "access"}, "permit", "INTERNAL_NEED_TO_KNOW"),
    ("own biller for a claim", {"to": "self_workforce", "does": "use", "why": "HPAYMT"}, "permit", "INTERNAL_NEED_TO_KNOW"),
    ("own people for marketing", {"to": "self_workforce", "why": "HMARKT"}, "withhold", "NO_CONSENT"),
    ("own people for research", {"to": "self_workforce", "why": "HRESCH"}, "withhold", "RESEARCH_DOCUMENTATION_REQUIRED"),
    ("nothing needed", {"to": "self_workforce", "needed_for_purpose": []}, "withhold", "NO_DUTY_NEED"),
    ("one of two needed", {"to": "self_workforce", "records": ["claim", "diagnosis"], "needed_for_purpose": ["r1"]}, "permit withhold", "MINIMUM_NECESSARY_ROLE"),
    ("same hospital outside the unit", {"to": "same_organization_non_program", "by": "floor_nurse"}, "withhold", "NOT_PROGRAM_PERSONNEL"),
    ("same hospital with consent", {"to": "same_organization_non_program", "consents": [tpo()]}, "permit", "TPO_CONSENT"),
    ("break-glass from the floor", {"to": "same_organization_non_program", "by": "floor_nurse", "why": "BTG"}, "withhold", "NOT_AN_EMERGENCY"),
    ("emergency on the floor", {"to": "same_organization_non_program", "by": "floor_nurse", "why": "ETREAT", **EMERGENCY}, "permit", "MEDICAL_EMERGENCY"),
    ("emergency at the front desk", {"to": "same_organization_non_program", "by": "receptionist", "why": "ETREAT", **EMERGENCY}, "withhold", "NOT_MEDICAL_PERSONNEL"),
    ("direct administrative control", {"to": "direct_administrative_control", "why": "HOPERAT"}, "permit", "DIRECT_ADMINISTRATIVE_CONTROL"),
    ("administrative control, research", {"to": "direct_administrative_control", "why": "HRESCH"}, "withhold", "RESEARCH_DOCUMENTATION_REQUIRED"),
    ("service organization under agreement", {"to": "qso", "recipient": {"written_agreement": True}}, "permit", "QSO_AGREEMENT"),
    ("laboratory under agreement", {"to": "lab", "written_agreement": True}, "permit", "QSO_AGREEMENT"),
    ("laboratory, agreement run out", {"to": "lab", "written_agreement": True, "agreement_expired": True}, "withhold", "NO_QSO_AGREEMENT"),
    ("service organization, nothing said", {"to": "qso"}, "withhold", "NO_QSO_AGREEMENT"),
    ("service organization for research", {"to": "qso", "why": "HRESCH", "written_agreement": True}, "withhold", "RESEARCH_DOCUMENTATION_REQUIRED"),
    ("from the service organization to a contract agent", {"at": "qso", "to": "contractor", "does": "redisclose", "written_agreement": True}, "permit", "QSO_CONTRACT_AGENT"),
    ("from the service organization back", {"at": "qso", "to": "part2_program", "does": "redisclose"}, "permit", "QSO_CONTRACT_AGENT"),
    ("from the service organization to a plan", {"at": "qso", "to": "health_plan", "does": "redisclose", "why": "HPAYMT"}, "withhold", "QSO_NO_REDISCLOSURE"),
)  # fmt: skip
def test_inside_the_program(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


@table(
    ("covered recipient treats on", {"at": "covered recipient", "does": "redisclose", "consents": [tpo()]}, "permit", "HIPAA_REDISCLOSURE"),
    ("covered recipient, own use", {"at": "covered recipient", "to": "self_workforce", "does": "use"}, "permit", "HIPAA_REDISCLOSURE"),
    ("covered recipient, use after revocation", {"at": "covered recipient", "to": "self_workforce", "does": "use", "consents": [tpo(state="revoked")]}, "permit", "RECIPIENT_RELIANCE"),
    ("covered recipient, plan pays", {"at": "covered recipient", "to": "health_plan", "why": "HPAYMT", "does": "redisclose"}, "permit", "HIPAA_REDISCLOSURE"),
    ("covered recipient, public health", {"at": "covered recipient", "to": "public_health_authority", "why": "PUBHLTH", "does": "redisclose"}, "permit", "HIPAA_REDISCLOSURE"),
    ("covered recipient, marketing", {"at": "covered recipient", "to": "marketer", "why": "HMARKT", "does": "redisclose", "consents": [tpo()]}, "withhold", "AUTHORIZATION_REQUIRED"),
    ("covered recipient, form was forged", {"at": "covered recipient", "does": "redisclose", "consents": [tpo(state="materially_false")]}, "withhold", "CONSENT_FALSE"),
    ("covered recipient, counseling note", {"at": "covered recipient", "records": ["counseling note"], "does": "redisclose"}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
    ("covered recipient, threat", {"at": "covered recipient", "to": "law_enforcement", "why": "THREAT", "does": "redisclose", "serious_imminent_threat": True, "against_patient": False}, "permit", "HIPAA_REDISCLOSURE"),
    ("covered recipient, civil case against the patient", {"at": "covered recipient", "to": "court_or_litigant", "why": "HLEGAL", "does": "redisclose", "against_patient": True}, "withhold", "PROCEEDING_PROHIBITED"),
    ("covered recipient, case of others, assured", {"at": "covered recipient", "to": "court_or_litigant", "why": "HLEGAL", "does": "redisclose", "against_patient": False, "legal_instrument": "subpoena", "satisfactory_assurances": True}, "permit", "HIPAA_REDISCLOSURE"),
    ("covered recipient, nobody said against whom", {"at": "covered recipient", "to": "court_or_litigant", "why": "HLEGAL", "does": "redisclose", "legal_instrument": "subpoena", "satisfactory_assurances": True}, "withhold", "PROCEEDING_PROHIBITED"),
    ("treatment-only consent, another purpose", {"at": "covered recipient of a specific consent", "to": "health_plan", "why": "HPAYMT", "does": "redisclose", "consents": [specific()]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("treatment-only consent, not named", {"at": "covered recipient of a specific consent", "does": "redisclose", "consents": [specific(to="organization:X")]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("treatment-only consent, nothing else", {"at": "covered recipient of a specific consent", "does": "redisclose"}, "withhold", "REDISCLOSURE_PROHIBITED"),
    ("treatment-only consent, own treatment", {"at": "covered recipient of a specific consent", "to": "self_workforce", "does": "use", "consents": [specific()]}, "permit", "HOLDER_OWN_USE"),
    ("treatment-only consent, own operations", {"at": "covered recipient of a specific consent", "to": "self_workforce", "does": "use", "why": "HOPERAT", "consents": [specific()]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("emergency room, own treatment", {"at": "emergency room", "to": "self_workforce", "does": "use"}, "permit", "HOLDER_OWN_USE"),
    ("emergency room, passes on", {"at": "emergency room", "does": "redisclose"}, "withhold", "REDISCLOSURE_PROHIBITED"),
    ("program that received, within the consent", {"at": "program that received under TPO", "does": "redisclose", "consents": [tpo()]}, "permit", "REDISCLOSURE_WITHIN_CONSENT"),
    ("program that received, beyond the consent", {"at": "program that received under TPO", "to": "employer", "does": "redisclose", "consents": [tpo()]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("program that received, revoked", {"at": "program that received under TPO", "does": "redisclose", "consents": [tpo(state="revoked")]}, "withhold", "CONSENT_REVOKED"),
    ("program that received, public health", {"at": "program that received under TPO", "to": "public_health_authority", "why": "PUBHLTH", "does": "redisclose", "consents": [tpo()]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("payer's contractor", {"at": "lawful holder", "to": "contractor", "why": "HPAYMT", "does": "redisclose", "recipient": {"written_agreement": True}, "consents": [specific("third_party_payer", "HPAYMT")]}, "permit", "CONTRACTOR_FOR_PAYMENT_OPERATIONS"),
    ("payer's contractor without a contract", {"at": "lawful holder", "to": "contractor", "why": "HPAYMT", "does": "redisclose", "consents": [specific("third_party_payer", "HPAYMT")]}, "withhold", "CONTRACTOR_CONTRACT_REQUIRED"),
    ("payer's contractor, other operations than consented", {"at": "lawful holder", "to": "contractor", "why": "HOPERAT", "does": "redisclose", "recipient": {"written_agreement": True}, "consents": [specific("third_party_payer", "HPAYMT")]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("payer's contractor, case management", {"at": "lawful holder", "to": "contractor", "why": "CAREMGT", "does": "redisclose", "recipient": {"written_agreement": True}, "consents": [specific("third_party_payer", "HPAYMT")]}, "withhold", "CONTRACTOR_PURPOSE_LIMIT"),
    ("payer to a provider", {"at": "lawful holder", "does": "redisclose", "consents": [specific("third_party_payer", "HPAYMT")]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("holder without anything", {"at": "lawful holder", "does": "redisclose"}, "withhold", "REDISCLOSURE_PROHIBITED"),
    ("clinician's own note about what she read", {"at": "clinic", "records": ["buprenorphine"]}, "permit", "HIPAA_TREATMENT"),
)  # fmt: skip
def test_whoever_received_records(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


@table(
    ("participant who treats", {"at": "intermediary", "does": "redisclose", "recipient": {"treating_relationship": True}, "consents": [NET]}, "permit", "INTERMEDIARY_GENERAL_DESIGNATION"),
    ("participant, nobody said whether", {"at": "intermediary", "does": "redisclose", "consents": [NET]}, "withhold", "NO_TREATING_RELATIONSHIP"),
    ("named participant", {"at": "intermediary", "does": "redisclose", "recipient": {"organization": "X"}, "consents": [specific(to="intermediary:Net", participants=["X"])]}, "permit", "INTERMEDIARY_GENERAL_DESIGNATION"),
    ("participant not named", {"at": "intermediary", "does": "redisclose", "recipient": {"organization": "Y"}, "consents": [specific(to="intermediary:Net", participants=["X"])]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("designation of all participants", {"at": "intermediary", "does": "redisclose", "recipient": {"treating_relationship": True}, "consents": [specific(to="intermediary:Net", general_designation="all participants")]}, "withhold", "CONSENT_DEFICIENT"),
    ("no participants at all", {"at": "program", "to": "intermediary", "recipient": {"organization": "Net"}, "consents": [specific(to="intermediary:Net")]}, "withhold", "CONSENT_DEFICIENT"),
    ("program to the intermediary", {"to": "intermediary", "recipient": {"organization": "Net"}, "consents": [NET]}, "permit", "SPECIFIC_CONSENT"),
    ("program to another intermediary", {"to": "intermediary", "recipient": {"organization": "Other"}, "consents": [NET]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("business associate exchange", {"to": "business_associate_hie", "consents": [tpo()]}, "permit", "BA_HIE_NOT_INTERMEDIARY"),
    ("business associate exchange without consent", {"to": "business_associate_hie"}, "withhold", "NO_CONSENT"),
    ("query from a network, mixed chart", {"via": "tefca_query", "by": "system", "records": ["diagnosis", "allergy"]}, "withhold permit", "NO_CONSENT"),
    ("query to an SUD-only place, flu shot", {"via": "tefca_query", "records": ["allergy"], "sud_only_facility": True}, "withhold", "PRESENCE_IS_DISCLOSURE"),
    ("query to an SUD-only place with consent", {"via": "tefca_query", "sud_only_facility": True, "consents": [tpo()]}, "permit", "TPO_CONSENT"),
    ("hook prefetch", {"via": "cds_hooks", "by": "system"}, "withhold", "NO_CONSENT"),
)  # fmt: skip
def test_exchange_and_presence(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


@table(
    ("emergency", {"to": "medical_personnel_emergency", "why": "ETREAT", **EMERGENCY}, "permit", "MEDICAL_EMERGENCY"),
    ("emergency, consent can be had", {"to": "medical_personnel_emergency", "why": "ETREAT", "bona_fide_emergency": True, "consent_obtainable": True}, "withhold", "CONSENT_OBTAINABLE"),
    ("emergency, nobody said whether", {"to": "medical_personnel_emergency", "why": "ETREAT", "bona_fide_emergency": True}, "withhold", "CONSENT_OBTAINABLE"),
    ("emergency, refused", {"to": "medical_personnel_emergency", "why": "ETREAT", **EMERGENCY, "patient_refused": True}, "withhold", "CONSENT_OBTAINABLE"),
    ("no emergency stated", {"to": "medical_personnel_emergency", "why": "ETREAT"}, "withhold", "NOT_AN_EMERGENCY"),
    ("emergency, told to the family", {"to": "family_member", "why": "ETREAT", **EMERGENCY}, "withhold", "NOT_MEDICAL_PERSONNEL"),
    ("emergency, told to the police", {"to": "law_enforcement", "why": "ETREAT", **EMERGENCY}, "withhold", "COURT_ORDER_REQUIRED"),
    ("emergency, general denial", {"to": "medical_personnel_emergency", "why": "ETREAT", **EMERGENCY, "consents": [deny(to=None, purpose=None)]}, "permit", "MEDICAL_EMERGENCY"),
    ("emergency, denial of emergencies", {"to": "medical_personnel_emergency", "why": "ETREAT", **EMERGENCY, "consents": [deny(to=None, purpose="ETREAT")]}, "withhold", "PATIENT_DENY"),
    ("disaster", {"to": "medical_personnel_emergency", "why": "ETREAT", "declared_emergency": True, "program_closed": True}, "permit", "DISASTER_PROGRAM_CLOSED"),
    ("disaster, program open", {"to": "medical_personnel_emergency", "why": "ETREAT", "declared_emergency": True, "program_closed": False}, "withhold", "PROGRAM_NOT_CLOSED"),
    ("disaster, not declared", {"to": "medical_personnel_emergency", "why": "ETREAT", "program_closed": True}, "withhold", "NOT_AN_EMERGENCY"),
    ("FDA", {"to": "fda_medical_personnel", "why": "PUBHLTH", "fda_product_error": True}, "permit", "FDA_NOTIFICATION"),
    ("FDA without its assertion", {"to": "fda_medical_personnel", "why": "PUBHLTH"}, "withhold", "NO_CONSENT"),
    ("research with waiver", {"to": "researcher", "why": "HRESCH", "waiver_documented": True}, "permit", "RESEARCH"),
    ("research without", {"to": "researcher", "why": "HRESCH", "waiver_documented": False}, "withhold", "RESEARCH_DOCUMENTATION_REQUIRED"),
    ("research with authorization", {"to": "researcher", "why": "HRESCH", "consents": [form("hipaa_authorization", "researcher", "HRESCH")]}, "permit", "RESEARCH"),
    ("research with a Part 2 consent", {"to": "researcher", "why": "HRESCH", "consents": [specific("researcher", "HRESCH")]}, "permit", "SPECIFIC_CONSENT"),
    ("research on counseling notes", {"to": "researcher", "why": "HRESCH", "waiver_documented": True, "records": ["counseling note"]}, "withhold", "COUNSELING_NOTES_NOT_IN_EXCEPTION"),
    ("audit on the premises", {"to": "government_auditor", "why": "HOPERAT", "copies_removed": False}, "permit", "AUDIT_ON_PREMISES"),
    ("audit with copies, no agreement", {"to": "payer_auditor", "why": "HPAYMT", "copies_removed": True}, "withhold", "AUDIT_AGREEMENT_REQUIRED"),
    ("audit with copies, agreement", {"to": "government_auditor", "why": "HOPERAT", "copies_removed": True, "written_agreement": True}, "permit", "AUDIT_COPIES"),
    ("audit, nobody said whether copies", {"to": "government_auditor", "why": "HOPERAT", "written_agreement": True}, "withhold", "AUDIT_FACTS_MISSING"),
    ("auditor asks for treatment", {"to": "government_auditor", "why": "TREAT", "copies_removed": False}, "withhold", "NO_CONSENT"),
    ("public health, identifiable", {"to": "public_health_authority", "why": "PUBHLTH"}, "withhold", "DEIDENTIFIED_ONLY"),
    ("public health, de-identified", {"to": "public_health_authority", "why": "PUBHLTH", "records": ["deidentified"]}, "permit", "PUBLIC_HEALTH_DEIDENTIFIED"),
    ("public health, both", {"to": "public_health_authority", "why": "PUBHLTH", "records": ["deidentified", "diagnosis"]}, "permit withhold", "DEIDENTIFIED_ONLY"),
    ("public health with consent", {"to": "public_health_authority", "why": "PUBHLTH", "consents": [specific("public_health_authority", "PUBHLTH")]}, "permit", "SPECIFIC_CONSENT"),
    ("coroner", {"to": "coroner", "why": "PUBHLTH", "vital_statistics_law": True}, "permit", "DECEASED_CAUSE_OF_DEATH"),
    ("coroner without the law", {"to": "coroner", "why": "PUBHLTH"}, "withhold", "NO_CONSENT"),
    ("monitoring program, state law only", {"to": "pdmp", "why": "PUBHLTH", "state_requires_pdmp": True}, "withhold", "PDMP_NEEDS_CONSENT"),
    ("monitoring program, TPO consent", {"to": "pdmp", "why": "PUBHLTH", "state_requires_pdmp": True, "consents": [tpo()]}, "withhold", "PDMP_NEEDS_CONSENT"),
    ("monitoring program, consent", {"to": "pdmp", "why": "PUBHLTH", "state_requires_pdmp": True, "consents": [specific("pdmp", "PUBHLTH")]}, "permit", "PDMP_WITH_CONSENT"),
    ("registry without consent", {"to": "central_registry"}, "withhold", "CENTRAL_REGISTRY_NEEDS_CONSENT"),
    ("registry with consent", {"to": "central_registry", "records": ["demographics", "medication"], "consents": [form("part2_central_registry", "central_registry", "TREAT")]}, "permit permit", "CENTRAL_REGISTRY_CONSENT"),
    ("registry, more than identity, drug and dates", {"to": "central_registry", "records": ["medication", "diagnosis"], "consents": [form("part2_central_registry", "central_registry", "TREAT")]}, "permit withhold", "CENTRAL_REGISTRY_NEEDS_CONSENT"),
    ("minor in danger", {"to": "parent", "why": "THREAT", "by": "program_director", "records": ["message"], "minor_lacks_capacity": True, "threat_to_life": True}, "permit", "MINOR_THREAT"),
    ("minor in danger, the director did not decide", {"to": "parent", "why": "THREAT", "records": ["message"], "minor_lacks_capacity": True, "threat_to_life": True}, "withhold", "NO_THREAT_EXCEPTION"),
    ("minor with capacity", {"to": "parent", "why": "THREAT", "by": "program_director", "minor_lacks_capacity": False, "threat_to_life": True}, "withhold", "NO_THREAT_EXCEPTION"),
    ("duty to warn", {"to": "potential_victim", "why": "THREAT", "serious_imminent_threat": True}, "withhold", "NO_THREAT_EXCEPTION"),
)  # fmt: skip
def test_without_consent(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


COURT = {"to": "court_or_litigant", "why": "HLEGAL"}
POLICE = {"to": "law_enforcement", "why": "HLEGAL"}


@table(
    ("subpoena alone", {**COURT, "legal_instrument": "subpoena"}, "withhold", "COURT_ORDER_REQUIRED"),
    ("order and subpoena", {**COURT, "legal_instrument": "court_order_2_64+subpoena"}, "permit", "COURT_ORDER_NONCRIMINAL"),
    ("order without subpoena", {**COURT, "legal_instrument": "court_order_2_64"}, "withhold", "SUBPOENA_ALSO_REQUIRED"),
    ("an order of another kind", {**COURT, "legal_instrument": "court_order"}, "withhold", "COURT_ORDER_REQUIRED"),
    ("nothing at all", {**POLICE}, "withhold", "COURT_ORDER_REQUIRED"),
    ("search warrant", {**POLICE, "legal_instrument": "search_warrant"}, "withhold", "COURT_ORDER_REQUIRED"),
    ("order in a serious crime", {**POLICE, "legal_instrument": "court_order_2_65"}, "permit", "COURT_ORDER_CRIMINAL"),
    ("civil order for the police", {**POLICE, "legal_instrument": "court_order_2_64+subpoena"}, "withhold", "COURT_ORDER_REQUIRED"),
    ("order against the program", {"to": "investigative_agency", "why": "HLEGAL", "legal_instrument": "court_order_2_66"}, "permit", "COURT_ORDER_PROGRAM"),
    ("order against the program used against a patient", {"to": "investigative_agency", "why": "HLEGAL", "legal_instrument": "court_order_2_66", "against_patient": True}, "withhold", "PROCEEDING_PROHIBITED"),
    ("order reaching a researcher's records", {"at": "emergency room", **COURT, "legal_instrument": "court_order_2_64+subpoena"}, "withhold", "ORDER_DOES_NOT_REACH"),
    ("order and counseling notes", {**COURT, "legal_instrument": "court_order_2_64+subpoena", "records": ["counseling note"]}, "withhold", "COUNSELING_NOTES_NOT_IN_EXCEPTION"),
    ("TPO consent in court", {**COURT, "consents": [tpo()]}, "withhold", "COURT_ORDER_REQUIRED"),
    ("specific consent in court", {**COURT, "consents": [specific("court_or_litigant", "HLEGAL")]}, "withhold", "COURT_ORDER_REQUIRED"),
    ("consent for the proceeding", {**COURT, "consents": [form("part2_proceedings", "court_or_litigant", "HLEGAL")]}, "permit", "PROCEEDINGS_CONSENT"),
    ("a litigant who says treatment", {"to": "court_or_litigant", "why": "TREAT", "consents": [tpo()]}, "withhold", "COURT_ORDER_REQUIRED"),
    ("crime on the premises", {**POLICE, "crime_on_premises": True, "records": ["demographics", "diagnosis"]}, "permit withhold", "LIMITED_TO_INCIDENT"),
    ("initial report of child abuse", {"to": "child_protection_agency", "why": "HLEGAL", "child_abuse_report": True, "records": ["message"]}, "permit", "CHILD_ABUSE_REPORT"),
    ("the chart after the report", {"to": "child_protection_agency", "why": "HLEGAL", "child_abuse_report": True, "records": ["chart"]}, "withhold", "REPORT_ONLY"),
    ("child protection without report", {"to": "child_protection_agency", "why": "HLEGAL"}, "withhold", "REPORT_ONLY"),
    ("probation with consent", {"to": "criminal_justice_element", "why": "HLEGAL", "consents": [form("part2_criminal_justice", "criminal_justice_element", "HLEGAL")]}, "permit", "CRIMINAL_JUSTICE_REFERRAL"),
    ("probation, new charges", {"to": "criminal_justice_element", "why": "HLEGAL", "against_patient": True, "consents": [form("part2_criminal_justice", "criminal_justice_element", "HLEGAL")]}, "withhold", "PROCEEDING_PROHIBITED"),
    ("probation, revoked", {"to": "criminal_justice_element", "why": "HLEGAL", "consents": [form("part2_criminal_justice", "criminal_justice_element", "HLEGAL", state="revoked")]}, "withhold", "CONSENT_REVOKED"),
    ("probation, revoked though irrevocable", {"to": "criminal_justice_element", "why": "HLEGAL", "consents": [form("part2_criminal_justice", "criminal_justice_element", "HLEGAL", state="revoked", irrevocable=True)]}, "permit", "CRIMINAL_JUSTICE_REFERRAL"),
    ("probation without consent", {"to": "criminal_justice_element", "why": "HLEGAL"}, "withhold", "NO_CONSENT"),
    ("the police with a probation consent", {**POLICE, "consents": [form("part2_criminal_justice", "law_enforcement", "HLEGAL")]}, "withhold", "COURT_ORDER_REQUIRED"),
    ("the patient's attorney, specific consent", {"to": "attorney_of_patient", "why": "PATRQT", "consents": [specific("attorney_of_patient", "PATRQT")]}, "permit", "SPECIFIC_CONSENT"),
    ("the patient's attorney, general authorization", {"to": "attorney_of_patient", "why": "PATRQT", "consents": [form("hipaa_authorization", "attorney_of_patient", "PATRQT")]}, "withhold", "GENERAL_RELEASE_INSUFFICIENT"),
    ("the patient's attorney, authorization that is also a Part 2 consent", {"to": "attorney_of_patient", "why": "PATRQT", "consents": [form("hipaa_authorization", "attorney_of_patient", "PATRQT", names_sud_information=True)]}, "permit", "SPECIFIC_CONSENT"),
    ("clinic, subpoena with assurances", {"at": "clinic", **COURT, "records": ["allergy"], "legal_instrument": "subpoena", "satisfactory_assurances": True}, "permit", "HIPAA_LEGAL_PROCESS"),
    ("clinic, bare subpoena", {"at": "clinic", **COURT, "records": ["allergy"], "legal_instrument": "subpoena"}, "withhold", "LEGAL_PROCESS_REQUIRED"),
)  # fmt: skip
def test_courts_and_law_enforcement(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


SELF = {"to": "patient", "by": "patient", "why": "PATRQT", "does": "access", "via": "portal"}


@table(
    ("own record", {**SELF}, "permit", "PATIENT_ACCESS"),
    ("own record and counseling note", {**SELF, "records": ["diagnosis", "counseling note"]}, "permit withhold", "PATIENT_ACCESS"),
    ("own counseling note", {**SELF, "records": ["counseling note"]}, "withhold", "COUNSELING_NOTES_DISCRETIONARY"),
    ("own psychotherapy note", {**SELF, "records": ["psychotherapy note"], "at": "clinic"}, "withhold", "PSYCHOTHERAPY_NOTES"),
    ("own record, harm found", {**SELF, "harm_determination": True}, "withhold", "ACCESS_HARM"),
    ("own record in spite of a denial to others", {**SELF, "consents": [deny(to=None, purpose=None)]}, "permit", "PATIENT_ACCESS"),
    ("app with v1 scope", {**SELF, "to": "patient_directed_app", "scopes": "patient/Condition.read"}, "permit", "PATIENT_DIRECTED"),
    ("app with a write scope", {**SELF, "to": "patient_directed_app", "scopes": "patient/Condition.cu"}, "withhold", "SCOPE_NOT_GRANTED"),
    ("app with a granular scope", {**SELF, "to": "patient_directed_app", "scopes": "patient/Condition.rs?category=problem-list-item"}, "withhold", "SCOPE_NOT_GRANTED"),
    ("app with no scope", {**SELF, "to": "patient_directed_app", "scopes": ""}, "withhold", "SCOPE_NOT_GRANTED"),
    ("parent of a minor who consented alone", {"to": "parent", "by": "parent", "why": "PATRQT", "minor": True, "minor_may_consent": True}, "withhold", "MINOR_CONSENT_REQUIRED"),
    ("parent with the minor's consent", {"to": "parent", "by": "parent", "why": "PATRQT", "minor": True, "minor_may_consent": True, "consents": [specific("parent", "PATRQT", signed_by="minor")]}, "permit", "SPECIFIC_CONSENT"),
    ("parent with the parent's own consent", {"to": "parent", "by": "parent", "why": "PATRQT", "minor": True, "minor_may_consent": True, "consents": [specific("parent", "PATRQT", signed_by="parent")]}, "withhold", "SIGNER_NOT_AUTHORIZED"),
    ("parent, ordinary record of a minor", {"at": "clinic", "to": "parent", "by": "parent", "why": "PATRQT", "minor": True, "records": ["allergy"]}, "permit", "PERSONAL_REPRESENTATIVE"),
    ("parent, contraception", {"at": "clinic", "to": "parent", "by": "parent", "why": "PATRQT", "minor": True, "records": ["allergy", "contraception"]}, "permit withhold", "MINOR_CONSENTED_SERVICE"),
    ("parent, abuse suspected", {"at": "clinic", "to": "parent", "by": "parent", "why": "PATRQT", "minor": True, "abuse_suspected": True, "records": ["allergy"]}, "withhold", "REPRESENTATIVE_REFUSED"),
    ("parent of an adult", {"at": "clinic", "to": "parent", "by": "parent", "why": "PATRQT", "records": ["allergy"]}, "withhold", "AUTHORIZATION_REQUIRED"),
    ("guardian, adjudicated", {"to": "guardian", "by": "guardian", "why": "PATRQT", "adjudicated_incompetent": True}, "permit", "PERSONAL_REPRESENTATIVE"),
    ("guardian, not adjudicated", {"to": "guardian", "by": "guardian", "why": "PATRQT"}, "withhold", "NO_CONSENT"),
    ("executor", {"to": "personal_representative", "why": "PATRQT", "deceased": True}, "permit", "PERSONAL_REPRESENTATIVE"),
    ("proxy of an adult without consent", {"to": "proxy", "by": "proxy", "why": "PATRQT"}, "withhold", "NO_CONSENT"),
    ("director consents for payment", {"to": "health_plan", "why": "HPAYMT", "consents": [form("part2_director_payment", "health_plan", "HPAYMT", signed_by="program_director", expires=None)]}, "permit", "DIRECTOR_PAYMENT_ONLY"),
    ("director consents for treatment", {"consents": [form("part2_director_payment", "covered_entity_provider", "TREAT", signed_by="program_director")]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("the payment form signed by a spouse", {"to": "health_plan", "why": "HPAYMT", "consents": [form("part2_director_payment", "health_plan", "HPAYMT", signed_by="spouse")]}, "withhold", "SIGNER_NOT_AUTHORIZED"),
    ("fundraising, asked first", {"to": "self_workforce", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True, "consents": [tpo()]}, "permit", "FUNDRAISING"),
    ("fundraising, never asked", {"to": "self_workforce", "why": "FUNDRAISE", "does": "use", "consents": [tpo()]}, "withhold", "FUNDRAISING_OPPORTUNITY_REQUIRED"),
    ("fundraising, statement missing on the form", {"to": "self_workforce", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True, "consents": [tpo(missing=["fundraising_statement"])]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("treatment, fundraising statement missing", {"consents": [tpo(missing=["fundraising_statement"])]}, "permit", "TPO_CONSENT"),
    ("list of disclosures", {**SELF, "at": "intermediary", "records": ["diagnosis"], "does": "disclose"}, "permit", "PATIENT_ACCESS"),
)  # fmt: skip
def test_patients_and_those_who_stand_for_them(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


@table(
    ("psychotherapy note, its author", {"at": "clinic", "to": "self_workforce", "records": ["psychotherapy note"], "originator": True}, "permit", "PSYCHOTHERAPY_NOTES_ORIGINATOR"),
    ("psychotherapy note, a colleague", {"at": "clinic", "to": "self_workforce", "records": ["psychotherapy note"]}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("psychotherapy note, own training", {"at": "clinic", "to": "self_workforce", "why": "HOPERAT", "records": ["psychotherapy note"], "supervised_training": True}, "permit", "PSYCHOTHERAPY_NOTES_TRAINING"),
    ("psychotherapy note, authorization for it", {"at": "clinic", "records": ["psychotherapy note"], "consents": [form("hipaa_authorization", "covered_entity_provider", "TREAT", content=["psychotherapy_notes"])]}, "permit", "PSYCHOTHERAPY_AUTHORIZATION"),
    ("psychotherapy note, general authorization", {"at": "clinic", "records": ["psychotherapy note"], "consents": [form("hipaa_authorization", "covered_entity_provider", "TREAT")]}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("psychotherapy note, combined authorization", {"at": "clinic", "records": ["psychotherapy note"], "consents": [form("hipaa_authorization", "covered_entity_provider", "TREAT", content=["psychotherapy_notes"], combined_with=["part2_specific"])]}, "withhold", "INVALID_COMBINATION"),
    ("counseling note, its author", {"to": "self_workforce", "records": ["counseling note"], "originator": True}, "permit", "COUNSELING_NOTES_ORIGINATOR"),
    ("counseling note, a colleague", {"to": "self_workforce", "records": ["counseling note"]}, "withhold", "COUNSELING_NOTES_NEED_SEPARATE_CONSENT"),
    ("counseling note, supervised training", {"to": "self_workforce", "why": "HOPERAT", "records": ["counseling note"], "supervised_training": True}, "permit", "COUNSELING_NOTES_TRAINING"),
    ("counseling note, the program defends itself", {**COURT, "records": ["counseling note"], "proceedings_by_patient": True}, "permit", "COUNSELING_NOTES_DEFENSE"),
    ("clinic, treatment", {"at": "clinic", "records": ["allergy"]}, "permit", "HIPAA_TREATMENT"),
    ("clinic, treatment by a stranger", {"at": "clinic", "records": ["allergy"], "recipient": {"treating_relationship": False}}, "withhold", "NO_TREATING_RELATIONSHIP"),
    ("clinic, payment", {"at": "clinic", "records": ["allergy"], "to": "health_plan", "why": "HPAYMT"}, "permit", "HIPAA_PAYMENT"),
    ("clinic, operations of a plan", {"at": "clinic", "records": ["allergy"], "to": "health_plan", "why": "HOPERAT"}, "permit", "HIPAA_OPERATIONS"),
    ("clinic, employer", {"at": "clinic", "records": ["allergy"], "to": "employer", "why": "HOPERAT"}, "withhold", "AUTHORIZATION_REQUIRED"),
    ("clinic, employer authorized", {"at": "clinic", "records": ["allergy"], "to": "employer", "why": "PATRQT", "consents": [form("hipaa_authorization", "employer", "PATRQT")]}, "permit", "HIPAA_AUTHORIZATION"),
    ("clinic, marketing", {"at": "clinic", "records": ["allergy"], "to": "marketer", "why": "HMARKT"}, "withhold", "AUTHORIZATION_REQUIRED"),
    ("clinic, public health", {"at": "clinic", "records": ["allergy"], "to": "public_health_authority", "why": "PUBHLTH"}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("clinic, vendor without agreement", {"at": "clinic", "records": ["allergy"], "to": "vendor_without_agreement"}, "withhold", "NO_BA_AGREEMENT"),
    ("clinic, break-glass", {"at": "clinic", "records": ["allergy"], "to": "self_workforce", "why": "BTG", "does": "access"}, "permit", "BREAK_GLASS"),
    ("clinic, buprenorphine outside a program", {"at": "clinic", "records": ["buprenorphine"]}, "permit", "HIPAA_TREATMENT"),
    ("clinic, restriction without a reason", {"at": "clinic", "records": ["restricted"]}, "withhold", "AGREED_RESTRICTION"),
    ("clinic, crime on the premises", {"at": "clinic", "records": ["depression"], "to": "law_enforcement", "why": "HLEGAL", "crime_on_premises": True}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("clinic, the police about no crime here", {"at": "clinic", "records": ["depression"], "to": "law_enforcement", "why": "HLEGAL"}, "withhold", "LEGAL_PROCESS_REQUIRED"),
    ("clinic, a report that the law requires", {"at": "clinic", "records": ["depression"], "to": "employer", "why": "HLEGAL", "required_by_law": True}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("clinic, warning", {"at": "clinic", "records": ["depression"], "to": "potential_victim", "why": "THREAT", "serious_imminent_threat": True}, "permit", "HIPAA_PUBLIC_INTEREST"),
)  # fmt: skip
def test_notes_and_hipaa(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


RELEASE = form("hipaa_authorization", "covered_entity_provider", "TREAT", content=["HIV"])


@table(
    ("HIV without release", {"at": "clinic", "records": ["hiv", "allergy"], "state_overlay": "hiv_written_release"}, "withhold permit", "STATE_HIV_CONSENT"),
    ("HIV with release", {"at": "clinic", "records": ["hiv"], "state_overlay": "hiv_written_release", "consents": [RELEASE]}, "permit", "STATE_RELEASE"),
    ("HIV, release for another purpose", {"at": "clinic", "records": ["hiv"], "why": "COC", "state_overlay": "hiv_written_release", "consents": [RELEASE]}, "withhold", "STATE_HIV_CONSENT"),
    ("HIV, release revoked", {"at": "clinic", "records": ["hiv"], "state_overlay": "hiv_written_release", "consents": [{**RELEASE, "state": "revoked"}]}, "withhold", "STATE_HIV_CONSENT"),
    ("HIV among the holder's own people", {"at": "clinic", "to": "self_workforce", "records": ["hiv"], "state_overlay": "hiv_written_release"}, "permit", "HIPAA_TREATMENT"),
    ("HIV and Part 2, one consent", {"records": ["part 2 and HIV"], "state_overlay": "hiv_written_release", "consents": [tpo()]}, "withhold", "ALL_BASES_MUST_BE_SATISFIED"),
    ("HIV and Part 2, the other consent", {"records": ["part 2 and HIV"], "state_overlay": "hiv_written_release", "consents": [RELEASE]}, "withhold", "GENERAL_RELEASE_INSUFFICIENT"),
    ("HIV and Part 2, both", {"records": ["part 2 and HIV"], "state_overlay": "hiv_written_release", "consents": [tpo(), RELEASE]}, "permit", "ALL_BASES_SATISFIED"),
    ("mental health, overlay", {"at": "clinic", "records": ["depression"], "state_overlay": "mental_health_written_consent"}, "withhold", "STATE_MH_CONSENT"),
    ("mental health, overlay that leaves treatment free", {"at": "clinic", "records": ["depression"], "state_overlay": "mental_health_written_consent_beyond_treatment"}, "permit", "HIPAA_TREATMENT"),
    ("the same, payment", {"at": "clinic", "to": "health_plan", "why": "HPAYMT", "records": ["depression"], "state_overlay": "mental_health_written_consent_beyond_treatment"}, "withhold", "STATE_MH_CONSENT"),
    ("reproductive care, other state", {"at": "clinic", "records": ["abortion"], "recipient": {"state": "TX"}, "state": "CA", "state_overlay": "reproductive_shield"}, "withhold", "STATE_REPRODUCTIVE_SHIELD"),
    ("reproductive care, same state", {"at": "clinic", "records": ["abortion"], "recipient": {"state": "CA"}, "state": "CA", "state_overlay": "reproductive_shield"}, "permit", "HIPAA_TREATMENT"),
    ("reproductive care, the overlay names the state", {"at": "clinic", "records": ["abortion"], "recipient": {"state": "CA"}, "state_overlay": "ca_ab352"}, "permit", "HIPAA_TREATMENT"),
    ("reproductive care, state unknown", {"at": "clinic", "records": ["abortion"], "state": "CA", "state_overlay": "reproductive_shield"}, "withhold", "STATE_REPRODUCTIVE_SHIELD"),
    ("violence", {"at": "clinic", "records": ["assault"], "state_overlay": "sdv_no_disclosure"}, "withhold", "STATE_SDV_PROTECTION"),
    ("hidden address", {"at": "clinic", "records": ["hidden address"], "state_overlay": "sdv_no_disclosure"}, "partial", "INLINE_LABEL"),
    ("an overlay nobody described", {"at": "clinic", "records": ["hiv", "allergy"], "state_overlay": "zz_hiv_rule"}, "withhold permit", "STATE_HIV_CONSENT"),
    ("an overlay that tells nothing", {"at": "clinic", "records": ["allergy"], "state_overlay": "zz"}, "withhold", "STATE_OVERLAY"),
    ("two overlays", {"at": "clinic", "records": ["hiv", "depression"], "state_overlay": ["hiv_written_release", "mental_health_written_consent"]}, "withhold withhold", "STATE_HIV_CONSENT"),
)  # fmt: skip
def test_state_overlays(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


OUTSIDER = {"by": "clinician_outside_program"}


@table(
    ("unlabelled from a program, consent", {"records": ["unlabelled"], "consents": [tpo()]}, "permit", "TPO_CONSENT"),
    ("unlabelled from a program, no consent", {"records": ["unlabelled"]}, "withhold", "LABEL_BY_ORIGIN"),
    ("unlabelled from elsewhere", {"at": "clinic", "records": ["unlabelled elsewhere"]}, "withhold", "FAIL_CLOSED"),
    ("labeler down, emergency", {"to": "medical_personnel_emergency", "why": "ETREAT", **EMERGENCY, "sls_available": False}, "permit", "MEDICAL_EMERGENCY"),
    ("labeler down, ordinary record", {"at": "clinic", "records": ["allergy"], "sls_available": False}, "withhold", "FAIL_CLOSED"),
    ("search with a pointing visit", {**OUTSIDER, "via": "fhir_search", "records": ["visit", "diagnosis"]}, "partial withhold", "REFERENCE_LEAK"),
    ("the same with consent", {**OUTSIDER, "via": "fhir_search", "records": ["visit", "diagnosis"], "consents": [tpo()]}, "permit permit", "TPO_CONSENT"),
    ("search with an allergy", {**OUTSIDER, "via": "fhir_search", "records": ["allergy", "diagnosis"]}, "permit withhold", "NO_CONSENT"),
    ("export, revoked meanwhile", {"to": "health_plan", "why": "HOPERAT", "via": "bulk_export", "consents": [tpo(state="revoked", revoked_at="during_export")]}, "withhold", "REEVALUATE_AT_RELEASE"),
    ("old version with consent", {**OUTSIDER, "via": "fhir_vread", "consents": [tpo()]}, "permit", "TPO_CONSENT"),
    ("unknown fact", {"consents": [tpo()], "moon_is_full": True}, "withhold", "FAIL_CLOSED"),
    ("a fact that is no yes or no", {"consents": [tpo()], "sud_only_facility": "perhaps"}, "withhold", "FAIL_CLOSED"),
    ("unknown recipient", {"to": "stranger", "consents": [specific("stranger")]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("unknown channel", {"via": "pigeon", "consents": [tpo()]}, "withhold", "FAIL_CLOSED"),
    ("unknown action", {"does": "ponder", "consents": [tpo()]}, "withhold", "FAIL_CLOSED"),
)  # fmt: skip
def test_mechanics(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


@pytest.mark.parametrize(
    ("question", "duties"),
    [
        ({"to": "qso", "written_agreement": True}, {"AUDIT", "MINIMUM_NECESSARY"}),
        ({"at": "covered recipient", "to": "self_workforce", "does": "use"}, {"AUDIT", "PERSIST_LABELS"}),
        ({"at": "covered recipient", "to": "public_health_authority", "why": "PUBHLTH"}, {"AUDIT", "PERSIST_LABELS", "ATTACH_NOTICE_2_32", "RECORD_DISCLOSURE_164_528", "MINIMUM_NECESSARY"}),
        ({"at": "intermediary", "recipient": {"treating_relationship": True}, "consents": [NET]}, {"AUDIT", "ATTACH_NOTICE_2_32", "ATTACH_CONSENT_OR_SCOPE", "LABEL_NORDSCLCD", "INTERMEDIARY_LOG_2_24"}),
        ({"to": "medical_personnel_emergency", "why": "ETREAT", **EMERGENCY, "restrictions": [{"kind": "agreed_restriction", "applies_to": ["r1"]}]}, {"AUDIT", "DOCUMENT_EMERGENCY_2_51", "MINIMUM_NECESSARY", "POST_ACCESS_REVIEW", "REQUEST_NO_FURTHER_USE"}),
        ({"at": "clinic", "records": ["allergy"], "to": "health_plan", "why": "HPAYMT"}, {"AUDIT", "MINIMUM_NECESSARY"}),
        ({"at": "clinic", "records": ["allergy"], "to": "public_health_authority", "why": "PUBHLTH"}, {"AUDIT", "MINIMUM_NECESSARY", "RECORD_DISCLOSURE_164_528"}),
        ({"to": "public_health_authority", "why": "PUBHLTH", "records": ["deidentified"]}, {"AUDIT", "DEIDENTIFY_164_514B"}),
        ({"records": ["unlabelled"], "by": "clinician_outside_program"}, {"AUDIT_DENIAL", "LABEL_BY_ORIGIN", "SUPPRESS_EXISTENCE"}),
        ({"by": "clinician_outside_program"}, {"AUDIT_DENIAL", "SUPPRESS_EXISTENCE"}),
        ({"by": "release_of_information_clerk"}, {"AUDIT_DENIAL"}),
        ({"to": "police", "why": "HLEGAL", "legal_instrument": "arrest_warrant", "sud_only_facility": True}, {"AUDIT_DENIAL", "LEGAL_REVIEW", "SUPPRESS_EXISTENCE"}),
        ({"to": "police", "why": "HLEGAL", "legal_instrument": "arrest_warrant"}, {"AUDIT_DENIAL", "LEGAL_REVIEW"}),
        ({"to": "self_workforce", "does": "access", "needed_for_purpose": [], "sud_only_facility": True}, {"AUDIT_DENIAL"}),
        ({"to": "parent", "by": "parent_proxy", "why": "FAMRQT", "does": "access", "via": "portal", "minor": True, "minor_may_consent": True}, {"AUDIT_DENIAL", "SUPPRESS_EXISTENCE"}),
        ({"at": "clinic", "records": ["contraception"], "to": "parent", "by": "parent_proxy", "why": "FAMRQT", "does": "access", "via": "portal", "minor": True, "minor_may_consent": True}, {"AUDIT_DENIAL", "SUPPRESS_EXISTENCE"}),
        ({"at": "clinic", "records": ["assault"], "to": "proxy", "by": "proxy", "why": "PATRQT", "does": "access", "via": "portal"}, {"AUDIT_DENIAL", "SUPPRESS_EXISTENCE"}),
        ({"at": "clinic", "records": ["assault"], "to": "proxy", "by": "release_of_information_clerk", "why": "PATRQT"}, {"AUDIT_DENIAL"}),
        ({"at": "clinic", "records": ["allergy"], "to": "marketer", "by": "system", "why": "HMARKT"}, {"AUDIT_DENIAL"}),
        ({"to": "parent", "by": "release_of_information_clerk", "why": "FAMRQT", "minor": True, "minor_may_consent": True}, {"AUDIT_DENIAL"}),
        ({"at": "clinic", "records": ["assault"], "state_overlay": "sdv_no_disclosure"}, {"AUDIT_DENIAL", "SUPPRESS_EXISTENCE"}),
    ],
)  # fmt: skip
def test_duties(question: dict[str, Any], duties: set[str]) -> None:
    question = dict(question)
    assert set(ask(*question.pop("records", ["diagnosis"]), **question).obligations) == duties
