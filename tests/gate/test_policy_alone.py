"""Each condition of a rule alone: the question in which nothing but that condition is missing, and so decides."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.test_policy import CLASS, decided, deny, form, scenario, specific, tpo
from tests.gate.test_policy_rules import NET, check, table

MONEY = {"does": "redisclose", "to": "contractor", "why": "HPAYMT", "written_agreement": True}
PAYER = specific("noncovered_lawful_holder", "HPAYMT")
NOTES = {"at": "clinic", "records": ["psychotherapy note"]}
CHILD = {"to": "parent", "why": "THREAT", "minor_lacks_capacity": True, "threat_to_life": True, "by": "program_director"}
STATED = {"bona_fide_emergency": True, "consent_obtainable": False}
EMERGENCY = {"to": "medical_personnel_emergency", "why": "ETREAT", **STATED}
OUT = {"kind": "hie_opt_out", "recipients": [], "purposes": []}
AGREED = {"kind": "agreed", "agreed": True}
AT_NET = {"at": "intermediary Net", "does": "redisclose", "recipient": {"treating_relationship": True}}
FALSE = {**PAYER, "state": "materially_false"}


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
    ("a program's own people are no holders under somebody's consent", {"to": "self_workforce", "why": "HRESCH", "does": "use", "consents": [specific("researcher", "HRESCH")]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("nor those of an intermediary", {"at": "intermediary", "to": "self_workforce", "does": "use", "consents": [NET]}, "withhold", "NO_TREATING_RELATIONSHIP"),
    ("an intermediary has no contractors under a consent for its participants", {"at": "intermediary", **MONEY, "consents": [specific("intermediary:Net", "HPAYMT", participants=["X"])]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("a service organization is no holder under a consent to somebody else", {"at": "qso", **MONEY, "why": "FRAUD", "consents": [specific("noncovered_lawful_holder", "FRAUD")]}, "withhold", "QSO_NO_REDISCLOSURE"),
    ("a program that received under a specific consent goes by that consent", {"at": "program that received under a specific consent", "does": "redisclose", "consents": [specific()]}, "permit", "SPECIFIC_CONSENT"),
    ("a false form says nothing of what an emergency brought", {"at": "emergency room", "to": "self_workforce", "does": "use", "consents": [specific(state="materially_false")]}, "permit", "HOLDER_OWN_USE"),
    ("a covered holder has no contractors under 2.33(b)(3)", {"at": "covered recipient of a specific consent", **MONEY, "consents": [specific(purpose="HPAYMT")]}, "withhold", "CONTRACTOR_PURPOSE_LIMIT"),
    ("own use is for what the records came under, no other form", {"at": "lawful holder", "to": "self_workforce", "does": "use", "consents": [tpo()]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("own use by a good form, not by a false one beside it", {"at": "lawful holder", "to": "self_workforce", "does": "use", "why": "HPAYMT", "consents": [specific(), FALSE]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("a contractor by a good form, not by a false one beside it", {"at": "lawful holder", **MONEY, "consents": [specific(), FALSE]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("a form that names nobody made no holder", {"at": "lawful holder", "to": "self_workforce", "does": "use", "why": "HPAYMT", "consents": [{**PAYER, "recipients": []}]}, "withhold", "CONSENT_DEFICIENT"),
    ("a form for no purpose made no holder", {"at": "lawful holder", "to": "self_workforce", "does": "use", "why": "HPAYMT", "consents": [{**PAYER, "purposes": []}]}, "withhold", "CONSENT_DEFICIENT"),
    ("a form that lacks an element made no holder", {"at": "covered recipient", "does": "redisclose", "consents": [tpo(state="deficient")]}, "withhold", "CONSENT_DEFICIENT"),
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
    ("fundraising by a foundation of the program", {"to": "foundation", "why": "FUNDRAISE", "does": "use", "fundraising_opportunity_given": True, "consents": [tpo()]}, "permit", "FUNDRAISING"),
    ("a guardian is told of the danger", {**CHILD, "to": "guardian"}, "permit", "MINOR_THREAT"),
    ("an emergency, told to somebody who is said to be medical personnel", {**EMERGENCY, "to": "school", "recipient": {"medical_personnel": True}}, "permit", "MEDICAL_EMERGENCY"),
    ("an emergency, told to a nurse of the program", {**EMERGENCY, "to": "self_workforce", "by": "nurse_in_program"}, "permit", "MEDICAL_EMERGENCY"),
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
    ("a wish that names no patient, about somebody's records", {"patients": ["b"], "consents": [tpo(patient="b"), deny()]}, "withhold", "LATER_DENY_PREVAILS"),
    ("a wish of somebody, about records of nobody knows whom", {"consents": [tpo(), deny(patient="a")]}, "withhold", "LATER_DENY_PREVAILS"),
    ("a wish against whoever it is", {"consents": [tpo(), deny(to="*")]}, "withhold", "LATER_DENY_PREVAILS"),
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
    ("patients see what they wanted kept from others", {"to": "patient", "why": "PATRQT", "restrictions": [AGREED]}, "permit", "PATIENT_ACCESS"),
    ("opted out of another network than the one that holds it", {**AT_NET, "consents": [NET, {**OUT, "recipients": ["organization:Other"]}]}, "permit", "INTERMEDIARY_GENERAL_DESIGNATION"),
    ("opted out of the one that holds it, by its name", {**AT_NET, "consents": [NET, {**OUT, "recipients": ["organization:Net"]}]}, "withhold", "HIE_OPT_OUT"),
    ("opted out of all, and it is known which one holds it", {**AT_NET, "consents": [NET, OUT]}, "withhold", "HIE_OPT_OUT"),
    ("opted out of the network that the recipient is in", {"to": "tefca_participant", "recipient": {"participant_of": "Net"}, "consents": [tpo(), {**OUT, "recipients": ["network:Net"]}]}, "withhold", "HIE_OPT_OUT"),
    ("opted out of another than the recipient is in", {"to": "tefca_participant", "recipient": {"participant_of": "Net"}, "consents": [tpo(), {**OUT, "recipients": ["network:Other"]}]}, "permit", "TPO_CONSENT"),
    ("opted out of another than the recipient is", {"to": "qhin", "recipient": {"name": "Net"}, "consents": [specific("qhin"), {**OUT, "recipients": ["network:Other"]}]}, "permit", "SPECIFIC_CONSENT"),
    ("opted out of one network, and nobody knows which this is", {"at": "program by its name", "to": "qhin", "consents": [specific("qhin"), {**OUT, "recipients": ["network:Other"]}]}, "withhold", "HIE_OPT_OUT"),
    ("a wish with its day of ending stands against nothing but what others permit", {"consents": [deny(expires="2027-01-01")]}, "withhold", "PATIENT_DENY"),
    ("paid by themselves, as a label says", {"at": "clinic", "records": ["paid by themselves"], "to": "health_plan", "why": "HPAYMT"}, "withhold", "SELF_PAY_RESTRICTION"),
    ("restricted, and the program that made it is the reason", {"records": ["restricted by the program"], "consents": [tpo()]}, "permit", "TPO_CONSENT"),
    ("marked as not to be passed on", {"at": "clinic", "records": ["asked not to pass on"]}, "withhold", "AGREED_RESTRICTION"),
    ("marked so, and used by those who work here", {"at": "clinic", "records": ["asked not to pass on"], "to": "self_workforce", "does": "use"}, "permit", "HIPAA_TREATMENT"),
    ("a restriction on treatment holds for an emergency that a consent permits", {"why": "ETREAT", "consents": [specific(purpose="ETREAT")], "restrictions": [{**AGREED, "purposes": ["TREAT"]}]}, "withhold", "AGREED_RESTRICTION"),
    ("a wish against a kind of provider, also who does not treat", {"recipient": {"organization": "X", "treating_relationship": False}, "consents": [specific("organization:X"), deny()]}, "withhold", "LATER_DENY_PREVAILS"),
    ("a permission by class lifts no wish against one by name", {"recipient": {"organization": "X"}, "consents": [deny(to="organization:X", signed="2026-01-01"), tpo(recipients=[CLASS, "organization:Y"], signed="2026-02-01")]}, "withhold", "SPECIFIC_DENY_PREVAILS"),
    ("a later permission by name lifts it", {"recipient": {"organization": "X"}, "consents": [deny(to="organization:X", signed="2026-01-01"), tpo(recipients=[CLASS, "organization:X"], signed="2026-02-01")]}, "permit", "TPO_CONSENT"),
    ("an emergency goes before a wish that is later than the consent", {"by": "system", **STATED, "consents": [tpo(signed="2026-01-01"), deny(signed="2026-02-01")]}, "permit", "MEDICAL_EMERGENCY"),
    ("an emergency goes before one that is more particular", {"by": "system", **STATED, "recipient": {"organization": "X"}, "consents": [tpo(signed="2026-03-01"), deny(to="organization:X", signed="2026-02-01")]}, "permit", "MEDICAL_EMERGENCY"),
    ("an emergency goes before an opt-out", {"by": "system", "via": "tefca_query", **STATED, "consents": [OUT]}, "permit", "MEDICAL_EMERGENCY"),
)  # fmt: skip
def test_what_the_patient_forbids(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


@table(
    ("one network that holds it, a consent to another", {**AT_NET, "consents": [specific("intermediary:Other", general_designation="participants who are treating")]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("a name of a sort that nobody knows", {"to": "intermediary", "recipient": {"organization": "Net"}, "consents": [specific("group:Net", participants=["X"])]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("a general release that names something else fails by its kind", {"consents": [form("hipaa_authorization", "covered_entity_provider", "TREAT", content=["labs"])]}, "withhold", "GENERAL_RELEASE_INSUFFICIENT"),
    ("the consent says whose, the record does not", {"consents": [tpo(patient="a")]}, "permit", "TPO_CONSENT"),
    ("the record says whose, the consent does not", {"patients": ["a"], "consents": [tpo()]}, "permit", "TPO_CONSENT"),
    ("a consent of two, and nobody knows whose the record is", {"consents": [tpo(patient=["a", "b"])]}, "withhold", "PATIENT_NOT_SIGNED"),
    ("records of two, and the consent does not say whose", {"records": ["diagnosis", "claim"], "patients": ["a", "b"], "consents": [tpo()]}, "withhold withhold", "PATIENT_NOT_SIGNED"),
    ("one record says whose, the other does not", {"records": ["diagnosis", "claim"], "patients": ["a", ""], "consents": [tpo(patient="a")]}, "permit permit", "TPO_CONSENT"),
    ("a participant without a name is nobody", {**AT_NET, "recipient": {}, "consents": [specific("intermediary:Net", participants=[""])]}, "withhold", "NO_TREATING_RELATIONSHIP"),
    ("an organization without a name is none", {"consents": [specific("organization:")]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("an organization by its name", {"recipient": {"organization": "X"}, "consents": [specific("org:X")]}, "permit", "SPECIFIC_CONSENT"),
    ("a person by their name", {"recipient": {"name": "Ames"}, "consents": [specific("person:Ames")]}, "permit", "SPECIFIC_CONSENT"),
    ("somebody by their name", {"recipient": {"name": "Ames"}, "consents": [specific("name:Ames")]}, "permit", "SPECIFIC_CONSENT"),
    ("who is no provider need not treat", {"to": "school", "recipient": {"treating_relationship": False}, "consents": [specific("school")]}, "permit", "SPECIFIC_CONSENT"),
    ("who is paid need not treat", {"why": "HPAYMT", "recipient": {"treating_relationship": False}, "consents": [specific(purpose="HPAYMT")]}, "permit", "SPECIFIC_CONSENT"),
    ("who is said not to treat does not", {"treating_relationship": False, "consents": [specific()]}, "withhold", "NO_TREATING_RELATIONSHIP"),
    ("classes with a semicolon between them and a full stop behind", {"consents": [specific("class:health plans; treating providers.")]}, "permit", "SPECIFIC_CONSENT"),
    ("a provider with the name of a network is none", {"recipient": {"organization": "Net", "treating_relationship": True}, "consents": [NET]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("a network by its name", {"to": "intermediary", "recipient": {"name": "Net"}, "consents": [NET]}, "permit", "SPECIFIC_CONSENT"),
    ("a network by the one that it is part of", {"to": "intermediary", "recipient": {"participant_of": "Net"}, "consents": [NET]}, "permit", "SPECIFIC_CONSENT"),
    ("a participant by name", {**AT_NET, "recipient": {"name": "Ames"}, "consents": [specific("intermediary:Net", participants=["Ames"])]}, "permit", "INTERMEDIARY_GENERAL_DESIGNATION"),
    ("another than the participant", {**AT_NET, "recipient": {"name": "Bell"}, "consents": [specific("intermediary:Net", participants=["Ames"])]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("everything, in two words", {"consents": [specific(content=["Entire record"])]}, "permit", "SPECIFIC_CONSENT"),
    ("whose it is goes before what for", {"patients": ["a"], "consents": [specific(patient="b"), specific(purpose="HPAYMT", patient="a")]}, "withhold", "PURPOSE_NOT_COVERED"),
    ("what for goes before to whom", {"consents": [specific(purpose="HPAYMT"), specific("organization:X")]}, "withhold", "RECIPIENT_NOT_NAMED"),
    ("to whom goes before what", {"consents": [specific("organization:X"), specific(content=["Claim"])]}, "withhold", "CONTENT_SCOPE"),
    ("what goes before the form", {"consents": [specific(content=["Claim"]), specific(state="revoked")]}, "withhold", "CONSENT_REVOKED"),
    ("of two forms that end, the same one is named", {"consents": [specific(state="revoked"), specific(state="expired")]}, "withhold", "CONSENT_REVOKED"),
    ("of two forms that end, whichever is first", {"consents": [specific(state="expired"), specific(state="revoked")]}, "withhold", "CONSENT_REVOKED"),
    ("one record by its id", {"records": ["diagnosis", "claim"], "consents": [specific(content=["r2"])]}, "withhold permit", "CONTENT_SCOPE"),
    ("a period, and a record without a date", {"consents": [specific(data_period={"start": "2026-01-01"})]}, "withhold", "CONTENT_SCOPE"),
)  # fmt: skip
def test_what_a_consent_names(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


DEAD = {"deceased": True, "no_personal_representative": True}


@table(
    ("a minor signed as the patient, and nobody said who may", {"minor": True, "consents": [tpo()]}, "withhold", "SIGNER_NOT_AUTHORIZED"),
    ("a form says that a minor signed it, and the law of the state lets them", {"minor_may_consent": True, "consents": [tpo(signed_by="minor")]}, "permit", "TPO_CONSENT"),
    ("a form that says that minor and parent signed", {"minor": True, "consents": [tpo(signed_by="minor_and_parent")]}, "permit", "TPO_CONSENT"),
    ("who lacks capacity is not signed for by a spouse", {"adjudicated_incompetent": True, "consents": [tpo(signed_by="spouse")]}, "withhold", "SIGNER_NOT_AUTHORIZED"),
    ("an executor signs for nobody who lives", {"consents": [tpo(signed_by="executor")]}, "withhold", "SIGNER_NOT_AUTHORIZED"),
    ("an executor signs for who died", {"deceased": True, "consents": [tpo(signed_by="executor")]}, "permit", "TPO_CONSENT"),
    ("the family signs where there is none", {**DEAD, "consents": [tpo(signed_by="family_member")]}, "permit", "TPO_CONSENT"),
    ("whoever of it is responsible", {**DEAD, "consents": [tpo(signed_by="responsible_family_member")]}, "permit", "TPO_CONSENT"),
    ("a neighbour does not", {**DEAD, "consents": [tpo(signed_by="neighbour")]}, "withhold", "SIGNER_NOT_AUTHORIZED"),
    ("revoked, and what was asked for is fetched later", {"via": "bulk_export", "consents": [tpo(state="revoked")]}, "withhold", "REEVALUATE_AT_RELEASE"),
    ("revoked while it is put together", {"consents": [tpo(revoked_at="during the export")]}, "withhold", "REEVALUATE_AT_RELEASE"),
    ("an event came, and the form ends with a day", {"consents": [specific(event_occurred=True)]}, "permit", "SPECIFIC_CONSENT"),
    ("an event came, as whoever asks says", {"event_occurred": True, "consents": [specific(expires="event:discharge")]}, "withhold", "CONSENT_EXPIRED"),
    ("no form but one for criminal justice is irrevocable", {"consents": [tpo(state="revoked", irrevocable=True)]}, "withhold", "CONSENT_REVOKED"),
    ("revoked, and nobody can read when", {"consents": [specific(revoked_at="some time ago")]}, "withhold", "CONSENT_REVOKED"),
    ("a wish lasts until its last day is over everywhere", {"evaluation_time": "2026-11-22T11:59:00Z", "consents": [tpo(), deny(expires="2026-11-21")]}, "withhold", "LATER_DENY_PREVAILS"),
    ("and no longer", {"evaluation_time": "2026-11-22T12:00:00Z", "consents": [tpo(), deny(expires="2026-11-21")]}, "permit", "TPO_CONSENT"),
    ("a holder puts files together for its own use after the end of the consent", {"at": "lawful holder", "to": "self_workforce", "does": "use", "why": "HPAYMT", "via": "bulk_export", "consents": [{**PAYER, "state": "revoked"}]}, "permit", "HOLDER_OWN_USE"),
    ("revoked after what was asked for was begun", {"consents": [tpo(revoked_at="after kickoff")]}, "withhold", "REEVALUATE_AT_RELEASE"),
    ("revoked while it waits", {"consents": [tpo(revoked_at="in the queue")]}, "withhold", "REEVALUATE_AT_RELEASE"),
    ("an adult signed, and the form says so", {"consents": [tpo(signed_by="adult_patient")]}, "permit", "TPO_CONSENT"),
    ("a minor signed as the patient, with a parent", {"minor": True, "consents": [tpo(signed_by=["patient", "parent"])]}, "permit", "TPO_CONSENT"),
    ("a minor signed, with a guardian", {"minor": True, "consents": [tpo(signed_by=["minor", "guardian"])]}, "permit", "TPO_CONSENT"),
    ("it ends at a time of day that is not over", {"consents": [specific(expires="2026-11-22T12:30:00")]}, "permit", "SPECIFIC_CONSENT"),
    ("it ended at a time of day elsewhere", {"consents": [specific(expires="2026-11-22T13:30:00+02:00")]}, "withhold", "CONSENT_EXPIRED"),
)  # fmt: skip
def test_who_signed_and_when_it_ends(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)


def _of_type(type_: str, **facts: Any) -> str:
    given = scenario("message", to="law_enforcement", why="HLEGAL", **facts)
    given["records"][0]["type"] = type_
    return decided(given).reason


@pytest.mark.parametrize("type_", ["Patient", "Communication", "Encounter", "AdverseEvent", "Flag", "Task"])
def test_the_police_are_told_of_the_incident_and_of_who_it_was(type_: str) -> None:
    """2.12(c)(5)."""
    assert _of_type(type_, crime_on_premises=True) == "CRIME_ON_PREMISES"
    assert _of_type("Condition", crime_on_premises=True) == "LIMITED_TO_INCIDENT"


@pytest.mark.parametrize("type_", ["Bundle", "Composition", "CarePlan", "EpisodeOfCare"])
def test_a_report_of_child_abuse_is_no_chart(type_: str) -> None:
    """2.12(c)(6)."""
    assert _of_type(type_, child_abuse_report=True) == "REPORT_ONLY"
    assert _of_type("Condition", child_abuse_report=True) == "CHILD_ABUSE_REPORT"


ORDERS = {
    ("2_64+subpoena", "COURT_ORDER_NONCRIMINAL"): ("court_or_litigant", "child_protection_agency", "criminal_justice_element", "adult_protection_agency"),
    ("2_65", "COURT_ORDER_CRIMINAL"): ("law_enforcement", "court", "criminal_justice_element"),
    ("2_66", "COURT_ORDER_PROGRAM"): ("investigative_agency", "law_enforcement", "quality_improvement_organization", "accreditation_auditor"),
    ("2_67", "COURT_ORDER_UNDERCOVER"): ("law_enforcement", "investigative_agency"),
}
EACH = [(section, reason, to) for (section, reason), whom in ORDERS.items() for to in whom]


@pytest.mark.parametrize(("section", "reason", "to"), EACH)
def test_an_order_is_for_those_whom_its_section_names(section: str, reason: str, to: str) -> None:
    """2.64 to 2.67."""
    check({"to": to, "why": "HLEGAL", "legal_instrument": f"court_order_{section}"}, "permit", reason)


@pytest.mark.parametrize("served", ["+subpoena", " and subpoena", "+warrant", "+search_warrant", "+summons", "+civil_investigative_demand", ",grand_jury_subpoena"])
def test_an_order_opens_with_what_compels(served: str) -> None:
    """2.61: the order permits, the subpoena compels."""
    court = {"to": "court_or_litigant", "why": "HLEGAL", "legal_instrument": f"court_order_2_64{served}"}
    check(court, "permit", "COURT_ORDER_NONCRIMINAL")
    check({**court, "legal_instrument": "court_order_2_64"}, "withhold", "SUBPOENA_ALSO_REQUIRED")


@pytest.mark.parametrize(("to", "section"), [(to, section) for section in ("2_64+subpoena", "2_65", "2_66", "2_67") for to in ("employer", "health_plan")])
def test_and_for_nobody_else(to: str, section: str) -> None:
    check({"to": to, "why": "HLEGAL", "legal_instrument": f"court_order_{section}"}, "withhold", "COURT_ORDER_REQUIRED")


@pytest.mark.parametrize(
    ("lacks", "paragraph"),
    [({"expires": None}, "2.31(a)(7)"), ({"expires": "some day"}, "2.31(a)(7)"), ({"signed": "2026-12-01"}, "2.31(a)(9)"), ({"missing": ["signature"]}, "2.31(a)(8)")],
)
def test_what_a_form_lacks_is_named_by_its_paragraph(lacks: dict[str, Any], paragraph: str) -> None:
    (step,) = decided(scenario(consents=[specific(**lacks)])).chain
    assert (step.reason, paragraph in step.words) == ("CONSENT_DEFICIENT", True)


NAMELESS = {k: v for k, v in specific().items() if k != "kind"}
BY_NAME = {"at": "intermediary", "does": "redisclose", "recipient": {"organization": "X"}}
PDMP = {"to": "pdmp", "why": "PUBHLTH"}


@table(
    ("a form that does not say its kind is judged by its elements", {"consents": [NAMELESS]}, "permit", "SPECIFIC_CONSENT"),
    ("a monitoring program that the law requires, with consent", {**PDMP, "state_requires_pdmp": True, "consents": [specific("pdmp", "PUBHLTH")]}, "permit", "PDMP_WITH_CONSENT"),
    ("one that it does not", {**PDMP, "consents": [specific("pdmp", "PUBHLTH")]}, "permit", "SPECIFIC_CONSENT"),
    ("somebody else under that law", {"state_requires_pdmp": True, "consents": [specific()]}, "permit", "SPECIFIC_CONSENT"),
    ("an intermediary passes on to whom the consent names itself", {**BY_NAME, "consents": [specific("organization:X")]}, "permit", "SPECIFIC_CONSENT"),
    ("a release for the law of a state opens no Part 2 record, whatever it names", {"consents": [form("state_specific_release", "covered_entity_provider", "TREAT", names_sud_information=True)]}, "withhold", "NO_CONSENT"),
    ("an authorization that names the information does", {"consents": [form("hipaa_authorization", "covered_entity_provider", "TREAT", names_sud_information=True)]}, "permit", "SPECIFIC_CONSENT"),
    ("and only the content that it names", {"consents": [form("hipaa_authorization", "covered_entity_provider", "TREAT", names_sud_information=True, content=["labs"])]}, "withhold", "CONTENT_SCOPE"),
    ("a consent that was revoked says more than a general release", {"consents": [form("hipaa_authorization", "covered_entity_provider", "TREAT"), specific(state="revoked")]}, "withhold", "CONSENT_REVOKED"),
    ("of two consents the same one is named", {"consents": [tpo(), specific()]}, "permit", "TPO_CONSENT"),
    ("of two consents, whichever is first", {"consents": [specific(), tpo()]}, "permit", "TPO_CONSENT"),
)  # fmt: skip
def test_which_forms_speak_of_part_2_records(question: dict[str, Any], result: str, reason: str) -> None:
    check(question, result, reason)
