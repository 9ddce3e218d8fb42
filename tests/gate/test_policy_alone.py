"""Each condition of a rule alone: the question in which nothing but that condition is missing, and so decides."""

from __future__ import annotations

from typing import Any

from tests.gate.test_policy import deny, form, specific, tpo
from tests.gate.test_policy_rules import NET, check, table

MONEY = {"does": "redisclose", "to": "contractor", "why": "HPAYMT", "written_agreement": True}
PAYER = specific("noncovered_lawful_holder", "HPAYMT")
NOTES = {"at": "clinic", "records": ["psychotherapy note"]}
CHILD = {"to": "parent", "why": "THREAT", "minor_lacks_capacity": True, "threat_to_life": True, "by": "program_director"}
EMERGENCY = {"to": "medical_personnel_emergency", "why": "ETREAT", "bona_fide_emergency": True, "consent_obtainable": False}


@table(
    ("a form that was false made no lawful holder", {"at": "lawful holder", "to": "self_workforce", "why": "HPAYMT", "does": "use", "consents": [{**PAYER, "state": "materially_false"}]}, "withhold", "CONSENT_FALSE"),
    ("one that was signed by somebody else made none either", {"at": "lawful holder", **MONEY, "consents": [{**PAYER, "signed_by": "stranger"}]}, "withhold", "SIGNER_NOT_AUTHORIZED"),
    ("one good form beside a false one made one", {"at": "lawful holder", **MONEY, "consents": [PAYER, {**PAYER, "state": "materially_false"}]}, "permit", "CONTRACTOR_FOR_PAYMENT_OPERATIONS"),
    ("own use of another patient's record", {"at": "lawful holder", "to": "self_workforce", "why": "HPAYMT", "does": "use", "patients": ["b"], "consents": [{**PAYER, "patient": "a"}]}, "withhold", "PATIENT_NOT_SIGNED"),
    ("own use after the end of the consent", {"at": "lawful holder", "to": "self_workforce", "why": "HPAYMT", "does": "use", "consents": [{**PAYER, "state": "revoked"}]}, "permit", "HOLDER_OWN_USE"),
    ("a contractor for another patient's record", {"at": "lawful holder", **MONEY, "patients": ["b"], "consents": [{**PAYER, "patient": "a"}]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("a contractor after the end of the consent", {"at": "lawful holder", **MONEY, "consents": [{**PAYER, "state": "revoked"}]}, "permit", "CONTRACTOR_FOR_PAYMENT_OPERATIONS"),
    ("what an emergency brought is for treatment alone", {"at": "emergency room", "to": "self_workforce", "does": "use"}, "permit", "HOLDER_OWN_USE"),
    ("what a specific consent brought is not", {"at": "covered recipient of a specific consent", "to": "self_workforce", "does": "use", "consents": [specific(purpose="HPAYMT")]}, "withhold", "PURPOSE_NOT_COVERED"),
)  # fmt: skip
def test_holders(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


@table(
    ("a parent is told of the danger", CHILD, "permit", "MINOR_THREAT"),
    ("somebody else is not", {**CHILD, "to": "employer"}, "withhold", "NO_THREAT_EXCEPTION"),
    ("not of anything else", {**CHILD, "why": "PATRQT"}, "withhold", "MINOR_CONSENT_REQUIRED"),
    ("by the director's finding", {**CHILD, "by": "clinician_in_program", "director_determination": True}, "permit", "MINOR_THREAT"),
    ("not by anybody else's", {**CHILD, "by": "clinician_in_program"}, "withhold", "NO_THREAT_EXCEPTION"),
    ("not where nobody's life is in danger", {**CHILD, "threat_to_life": False}, "withhold", "NO_THREAT_EXCEPTION"),
    ("not of a minor who can decide", {**CHILD, "minor_lacks_capacity": False}, "withhold", "NO_THREAT_EXCEPTION"),
    ("to the coroner, as the law of vital statistics says", {"to": "coroner", "why": "PUBHLTH", "vital_statistics_law": True}, "permit", "DECEASED_CAUSE_OF_DEATH"),
    ("to nobody else under that law", {"to": "employer", "why": "PUBHLTH", "vital_statistics_law": True}, "withhold", "NO_CONSENT"),
    ("said to identify nobody", {"to": "public_health_authority", "why": "PUBHLTH", "deidentified": True}, "permit", "PUBLIC_HEALTH_DEIDENTIFIED"),
    ("fundraising needs the form for operations", {"to": "self_workforce", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True, "consents": [specific("self_workforce", "HOPERAT")]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("fundraising needs it in force", {"to": "self_workforce", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True, "consents": [tpo(state="revoked")]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("fundraising needs this patient's", {"to": "self_workforce", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True, "patients": ["b"], "consents": [tpo(patient="a")]}, "withhold", "PATIENT_NOT_SIGNED"),
)  # fmt: skip
def test_exceptions(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


@table(
    ("a serious threat", {**NOTES, "to": "law_enforcement", "why": "TREAT", "serious_imminent_threat": True}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("a threat that is not serious", {**NOTES, "to": "law_enforcement", "why": "THREAT"}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("the coroner without a law", {**NOTES, "to": "coroner", "why": "PUBHLTH"}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("a law without the coroner", {**NOTES, "to": "employer", "why": "PUBHLTH", "vital_statistics_law": True}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("training for another purpose", {**NOTES, "to": "self_workforce", "why": "HRESCH", "supervised_training": True}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("training of somebody elsewhere", {**NOTES, "why": "TREAT", "supervised_training": True}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("another form that names these notes", {**NOTES, "consents": [specific(content=["psychotherapy_notes"])]}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("an authorization about the notes", {**NOTES, "consents": [form("hipaa_authorization", "covered_entity_provider", "TREAT", content=["psychotherapy_notes"])]}, "permit", "PSYCHOTHERAPY_AUTHORIZATION"),
    ("an authorization about something else", {**NOTES, "consents": [form("hipaa_authorization", "covered_entity_provider", "TREAT", content=["labs"])]}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
    ("one combined with another", {**NOTES, "consents": [form("hipaa_authorization", "covered_entity_provider", "TREAT", content=["psychotherapy_notes"], combined_with=["part2_tpo_single"])]}, "withhold", "INVALID_COMBINATION"),
    ("a combined one for somebody else", {**NOTES, "consents": [form("hipaa_authorization", "health_plan", "HPAYMT", content=["psychotherapy_notes"], combined_with=["part2_tpo_single"])]}, "withhold", "PSYCHOTHERAPY_NOTES_AUTHORIZATION"),
)  # fmt: skip
def test_notes_kept_apart(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


@table(
    ("a wish that was taken back", {"consents": [tpo(), deny(state="revoked")]}, "permit", "TPO_CONSENT"),
    ("a wish that is over", {"consents": [tpo(), deny(state="expired")]}, "permit", "TPO_CONSENT"),
    ("a wish about another patient's records", {"patients": ["b"], "consents": [tpo(patient="b"), deny(patient="a")]}, "permit", "TPO_CONSENT"),
    ("a wish about this patient's", {"patients": ["b"], "consents": [tpo(patient="b"), deny(patient="b")]}, "withhold", "LATER_DENY_PREVAILS"),
    ("a wish about some records", {"records": ["diagnosis", "medication"], "consents": [tpo(), deny(content=["MedicationRequest"])]}, "permit withhold", "LATER_DENY_PREVAILS"),
    ("a wish against everybody", {"consents": [tpo(), deny(to="everyone")]}, "withhold", "LATER_DENY_PREVAILS"),
    ("a wish against all", {"consents": [tpo(), deny(to="all")]}, "withhold", "LATER_DENY_PREVAILS"),
    ("and those who work here go on", {"to": "self_workforce", "consents": [deny(to="everyone")]}, "permit", "INTERNAL_NEED_TO_KNOW"),
    ("an opt-out says nothing of what one asks oneself", {"to": "patient", "why": "PATRQT", "via": "tefca_query", "consents": [{"kind": "hie_opt_out", "recipients": ["patient"], "purposes": []}]}, "permit", "PATIENT_ACCESS"),
    ("a restriction on how one is written to restricts no disclosure", {"consents": [tpo()], "restrictions": [{"kind": "confidential_communication", "agreed": True}]}, "permit", "TPO_CONSENT"),
    ("a restriction for another purpose", {"consents": [tpo()], "restrictions": [{"kind": "agreed", "agreed": True, "purposes": ["HPAYMT"]}]}, "permit", "TPO_CONSENT"),
    ("an emergency goes before a later wish", {**EMERGENCY, "consents": [tpo(signed="2026-01-01"), deny(to="medical_personnel", purpose="TREAT", signed="2026-02-01")]}, "permit", "MEDICAL_EMERGENCY"),
    ("paid by themselves, as the record says", {"at": "clinic", "records": ["allergy"], "to": "health_plan", "why": "HPAYMT", "restrictions": [{"kind": "self_pay", "agreed": True}]}, "withhold", "SELF_PAY_RESTRICTION"),
    ("opted out of the network that holds it", {"at": "intermediary", "does": "redisclose", "recipient": {"treating_relationship": True}, "consents": [NET, {"kind": "hie_opt_out", "recipients": [], "purposes": []}]}, "withhold", "HIE_OPT_OUT"),
)  # fmt: skip
def test_what_the_patient_forbids(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)
