"""HIPAA for records that no other law protects: each permission of 45 CFR 164.506 to 164.514 with what lacks one of its conditions."""

from __future__ import annotations

from typing import Any

from tests.gate.test_policy import form, tpo
from tests.gate.test_policy_rules import check, table

NO = "AUTHORIZATION_REQUIRED"
AUTHORIZATION = form("hipaa_authorization", "organization:X", "TREAT")
STRANGER = {"recipient": {"treating_relationship": False}}
VICTIM = {"to": "potential_victim", "why": "THREAT", "serious_imminent_threat": True}
FAMILY = {"to": "family_member", "why": "FAMRQT", "patient_agreed": True}


@table(
    ("break-glass is for those who work here", {"why": "BTG"}, "withhold", NO),
    ("break-glass elsewhere in the house", {"to": "same_organization_non_program", "why": "BTG"}, "permit", "BREAK_GLASS"),
    ("who does not treat, with an authorization", {"recipient": {"organization": "X", "treating_relationship": False}, "consents": [AUTHORIZATION]}, "permit", "HIPAA_AUTHORIZATION"),
    ("an authorization for somebody else", {"to": "employer", "consents": [AUTHORIZATION]}, "withhold", NO),
    ("a Part 2 consent for treatment makes a plan treat nobody", {"to": "health_plan", "consents": [tpo()]}, "withhold", NO),
    ("treatment elsewhere in the house", {"to": "same_organization_non_program"}, "permit", "HIPAA_TREATMENT"),
    ("treatment by who controls the holder", {"to": "direct_administrative_control"}, "permit", "HIPAA_TREATMENT"),
    ("treatment through a business associate", {"to": "business_associate"}, "permit", "HIPAA_TREATMENT"),
    ("treatment through an exchange", {"to": "qhin"}, "permit", "HIPAA_TREATMENT"),
    ("an exchange for one who is said not to treat", {**STRANGER, "to": "qhin"}, "withhold", "NO_TREATING_RELATIONSHIP"),
    ("a laboratory under agreement", {"to": "lab", "written_agreement": True}, "permit", "HIPAA_TREATMENT"),
    ("own people bill", {"to": "self_workforce", "why": "HPAYMT"}, "permit", "HIPAA_PAYMENT"),
    ("billing elsewhere in the house", {"to": "same_organization_non_program", "why": "HPAYMT"}, "permit", "HIPAA_PAYMENT"),
    ("billing by who controls the holder", {"to": "direct_administrative_control", "why": "HPAYMT"}, "permit", "HIPAA_PAYMENT"),
    ("a payer that is no plan", {"to": "third_party_payer", "why": "HPAYMT"}, "permit", "HIPAA_PAYMENT"),
    ("a plan's auditor", {"to": "payer_auditor", "why": "HPAYMT"}, "permit", "HIPAA_PAYMENT"),
    ("a clearinghouse", {"to": "clearinghouse", "why": "HPAYMT"}, "permit", "HIPAA_PAYMENT"),
    ("a contractor under agreement", {"to": "contractor", "why": "HPAYMT", "written_agreement": True}, "permit", "HIPAA_PAYMENT"),
    ("a contractor without", {"to": "contractor", "why": "HPAYMT"}, "withhold", "NO_BA_AGREEMENT"),
    ("operations elsewhere in the house", {"to": "same_organization_non_program", "why": "HOPERAT"}, "permit", "HIPAA_OPERATIONS"),
    ("operations of who controls the holder", {"to": "direct_administrative_control", "why": "HOPERAT"}, "permit", "HIPAA_OPERATIONS"),
    ("operations of a plan's auditor", {"to": "payer_auditor", "why": "HOPERAT"}, "permit", "HIPAA_OPERATIONS"),
    ("operations by a foundation", {"to": "foundation", "why": "HOPERAT"}, "permit", "HIPAA_OPERATIONS"),
    ("operations of a payer that is no covered entity", {"to": "third_party_payer", "why": "HOPERAT"}, "withhold", NO),
    ("demographics for fundraising, to an employer", {"records": ["hidden address"], "to": "employer", "why": "FUNDRAISE", "fundraising_opportunity_given": True}, "withhold", NO),
    ("demographics for fundraising by own people", {"records": ["hidden address"], "to": "self_workforce", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True}, "permit", "HIPAA_FUNDRAISING"),
    ("demographics to a foundation for marketing", {"records": ["hidden address"], "to": "foundation", "why": "HMARKT"}, "withhold", NO),
    ("own people need not be said to treat", {**STRANGER, "to": "self_workforce"}, "permit", "HIPAA_TREATMENT"),
    ("a plan treats nobody, whatever is said", {**STRANGER, "to": "health_plan"}, "withhold", NO),
    ("an employer treats nobody", {"to": "employer"}, "withhold", NO),
    ("operations of one who may treat", {"why": "HOPERAT"}, "permit", "HIPAA_OPERATIONS"),
    ("operations of a plan that does not treat", {**STRANGER, "to": "health_plan", "why": "HOPERAT"}, "permit", "HIPAA_OPERATIONS"),
    ("operations of an employer", {"to": "employer", "why": "HOPERAT"}, "withhold", NO),
    ("own people for marketing", {"to": "self_workforce", "why": "HMARKT"}, "withhold", NO),
    ("own people for a fundraising, no operations of the record's", {"to": "self_workforce", "why": "FUNDRAISE", "fundraising_opportunity_given": True}, "withhold", NO),
    ("somebody else's lawsuit is none of the holder's operations", {"why": "HLEGAL"}, "withhold", "LEGAL_PROCESS_REQUIRED"),
    ("payment of an employer", {"to": "employer", "why": "HPAYMT"}, "withhold", NO),
)  # fmt: skip
def test_treatment_payment_and_operations(question: dict[str, Any], result: str, reason: str) -> None:
    check({"at": "clinic", "records": ["allergy"], **question}, result, reason)


@table(
    ("public health to its authority", {"to": "public_health_authority", "why": "PUBHLTH"}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("public health to an employer", {"to": "employer", "why": "PUBHLTH"}, "withhold", NO),
    ("the authority for something else", {"to": "public_health_authority", "why": "HMARKT"}, "withhold", NO),
    ("a monitoring program that no law requires", {"to": "pdmp", "why": "PUBHLTH", "state_requires_pdmp": False}, "withhold", NO),
    ("the law on monitoring, and an employer", {"to": "employer", "why": "PUBHLTH", "state_requires_pdmp": True}, "withhold", NO),
    ("child abuse to its agency", {"to": "child_protection_agency", "why": "PUBHLTH", "child_abuse_report": True}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("child abuse to an employer", {"to": "employer", "why": "PUBHLTH", "child_abuse_report": True}, "withhold", NO),
    ("nothing to the agency without a report", {"to": "child_protection_agency", "why": "PUBHLTH"}, "withhold", NO),
    ("an overseer for marketing", {"to": "government_auditor", "why": "HMARKT"}, "withhold", NO),
    ("the FDA about a product", {"to": "fda", "why": "PUBHLTH"}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("the FDA for something else", {"to": "fda", "why": "HMARKT"}, "withhold", NO),
    ("a crime on the premises, told to an employer", {"to": "employer", "why": "PUBHLTH", "crime_on_premises": True}, "withhold", NO),
    ("the one in danger is warned", VICTIM, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("the family is warned", {**VICTIM, "to": "family_member"}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("a physician is warned", {**VICTIM, "to": "covered_entity_provider"}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("child abuse to the police", {"to": "law_enforcement", "why": "PUBHLTH", "child_abuse_report": True}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("not for another purpose", {**VICTIM, "why": "HMARKT"}, "withhold", NO),
    ("not where the threat is not serious", {**VICTIM, "serious_imminent_threat": False}, "withhold", NO),
    ("not somebody who can do nothing about it", {**VICTIM, "to": "employer"}, "withhold", NO),
    ("what the law requires for public health", {"to": "employer", "why": "PUBHLTH", "required_by_law": True}, "permit", "HIPAA_PUBLIC_INTEREST"),
    ("what the law requires is no marketing", {"to": "employer", "why": "HMARKT", "required_by_law": True}, "withhold", NO),
)  # fmt: skip
def test_the_public_interest(question: dict[str, Any], result: str, reason: str) -> None:
    check({"at": "clinic", "records": ["allergy"], **question}, result, reason)


@table(
    ("assurances without a subpoena", {"to": "court_or_litigant", "why": "HLEGAL", "satisfactory_assurances": True}, "withhold", "LEGAL_PROCESS_REQUIRED"),
    ("an order of a court", {"to": "court_or_litigant", "why": "HLEGAL", "legal_instrument": "court_order_2_64"}, "permit", "HIPAA_LEGAL_PROCESS"),
    ("a warrant", {"to": "law_enforcement", "why": "HLEGAL", "legal_instrument": "warrant"}, "permit", "HIPAA_LEGAL_PROCESS"),
    ("a subpoena of a grand jury", {"to": "prosecutor", "why": "HLEGAL", "legal_instrument": "grand_jury_subpoena"}, "permit", "HIPAA_LEGAL_PROCESS"),
    ("a subpoena with them", {"to": "court_or_litigant", "why": "HLEGAL", "legal_instrument": "subpoena", "satisfactory_assurances": True}, "permit", "HIPAA_LEGAL_PROCESS"),
    ("a request for discovery with them", {"to": "court_or_litigant", "why": "HLEGAL", "legal_instrument": "discovery_request", "satisfactory_assurances": True}, "permit", "HIPAA_LEGAL_PROCESS"),
    ("what identifies nobody, for research", {"records": ["deidentified elsewhere"], "to": "researcher", "why": "HRESCH"}, "permit", "DEIDENTIFIED"),
    ("family who may know", FAMILY, "permit", "HIPAA_INVOLVED_PERSON"),
    ("family for marketing", {**FAMILY, "why": "HMARKT"}, "withhold", NO),
    ("an employer in the family's place", {**FAMILY, "to": "employer"}, "withhold", NO),
    ("family, and nobody said whether the patient agrees", {"to": "family_member", "why": "FAMRQT"}, "withhold", NO),
)  # fmt: skip
def test_courts_research_and_family(question: dict[str, Any], result: str, reason: str) -> None:
    check({"at": "clinic", "records": ["allergy"], **question}, result, reason)
