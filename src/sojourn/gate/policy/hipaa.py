"""HIPAA: treatment, payment, operations, authorization, and the public interest.

45 CFR 164.502 to 164.514.
"""

from __future__ import annotations

from sojourn.gate.policy import courts, matching, patients, tables
from sojourn.gate.policy.case import Case, Record
from sojourn.gate.policy.findings import Finding, permit, withhold


def permitted(case: Case, record: Record) -> Finding:
    """The answer of HIPAA for one record. Any rule that permits suffices; else the first that refuses; what no rule permits is not permitted (164.502(a))."""
    found = [f for rule in _RULES if (f := rule(case, record))]
    return next((f for f in found if f.permits), None) or (found[0] if found else withhold("AUTHORIZATION_REQUIRED"))


def treatment(case: Case, record: Record) -> Finding | None:
    """164.506(c)(1)-(2): to the holder's own people and to any provider who treats the patient."""
    if case.purpose in tables.purposes("break_glass") and case.recipient.is_("workforce", "same_organization"):
        return permit("BREAK_GLASS")
    if case.purpose not in tables.purposes("treatment"):
        return None
    if case.treating is False and case.recipient.is_("provider", "exchange"):
        return withhold("NO_TREATING_RELATIONSHIP")
    if case.recipient.is_("service"):
        return permit("HIPAA_TREATMENT") if case.agreement else withhold("NO_BA_AGREEMENT")
    to = case.recipient.is_("workforce", "same_organization", "provider", "helper", "exchange", "administrative_control")
    return permit("HIPAA_TREATMENT") if to else None


def payment(case: Case, record: Record) -> Finding | None:
    """164.506(c)(1), (c)(3): to whoever pays, bills or was paid."""
    if case.purpose not in tables.purposes("payment"):
        return None
    return _business(
        case, "HIPAA_PAYMENT", "workforce", "same_organization", "administrative_control", "plan", "payer", "provider", "helper"
    )


def operations(case: Case, record: Record) -> Finding | None:
    """164.506(c)(1), (c)(4): the holder's own, its business associates', and those of a covered entity that knows the patient too."""
    if case.purpose not in tables.purposes("operations") and not _own_lawyer(case):
        return None
    if case.recipient.is_("provider") and case.treating is False:
        return withhold("NO_TREATING_RELATIONSHIP")
    return _business(case, "HIPAA_OPERATIONS", "workforce", "same_organization", "administrative_control", "plan", "covered", "helper")


def _own_lawyer(case: Case) -> bool:
    """164.501 operations (4): the holder's own legal services."""
    return case.purpose in tables.purposes("legal") and case.recipient.is_("workforce")


def _business(case: Case, reason: str, *roles: str) -> Finding | None:
    if case.recipient.is_("service", "contractor"):
        return permit(reason) if case.agreement else withhold("NO_BA_AGREEMENT")
    return permit(reason) if case.recipient.is_(*roles) else None


def authorization(case: Case, record: Record) -> Finding | None:
    """164.508: what the patient authorized. A Part 2 consent is an authorization in its own words."""
    for consent in case.consents:
        if not consent.denies and consent.kind != "part2_tpo_single" and matching.miss(consent, case, record) is None:
            return permit("HIPAA_AUTHORIZATION")
    return None


def public_interest(case: Case, record: Record) -> Finding | None:
    """164.512(a), (b), (c), (d), (g), (j): each to its own recipient, with its own fact."""
    health = case.recipient.is_("public_health") and case.purpose in tables.purposes("public_health")
    reporting = case.recipient.is_("pdmp") and case.true("state_requires_pdmp")
    abuse = case.recipient.is_("child_protection", "law_enforcement") and case.true("child_abuse_report")
    oversight = case.recipient.is_("oversight") and case.purpose in tables.purposes("operations") | tables.purposes("payment")
    death = case.recipient.is_("coroner")
    fda = case.recipient.is_("fda") and case.purpose in tables.purposes("public_health")
    crime = case.recipient.is_("law_enforcement") and case.true("crime_on_premises")
    able = case.recipient.is_("law_enforcement", "endangered", "family", "medical")
    danger = case.purpose in tables.purposes("threat") and case.true("serious_imminent_threat") and able
    required = case.true("required_by_law") and case.purpose in tables.purposes("public_health") | tables.purposes("legal")
    return (
        permit("HIPAA_PUBLIC_INTEREST")
        if health or reporting or abuse or oversight or death or fda or crime or danger or required
        else None
    )


def process(case: Case, record: Record) -> Finding | None:
    """164.512(e), (f): a court's order as it says; a subpoena with satisfactory assurances; a warrant."""
    if not courts.is_proceeding(case):
        return None
    words = courts.instruments(case)
    order = any("court_order" in word or word in ("warrant", "search_warrant", "grand_jury_subpoena") for word in words)
    assured = any("subpoena" in word or "discovery" in word for word in words) and case.true("satisfactory_assurances")
    return permit("HIPAA_LEGAL_PROCESS") if order or assured else withhold("LEGAL_PROCESS_REQUIRED")


def research(case: Case, record: Record) -> Finding | None:
    """164.512(i), 164.514(b): a documented waiver; or nothing that identifies."""
    if case.purpose not in tables.purposes("research"):
        return None
    if record.has("deidentified") or case.true("deidentified"):
        return permit("DEIDENTIFIED")
    return permit("HIPAA_RESEARCH") if case.true("waiver_documented") else withhold("RESEARCH_DOCUMENTATION_REQUIRED")


def involved(case: Case, record: Record) -> Finding | None:
    """164.510(b): someone involved in the care, when the patient agreed and did not object."""
    family = case.recipient.is_("family") and case.purpose in tables.purposes("family")
    return permit("HIPAA_INVOLVED_PERSON") if family and case.true("patient_agreed") and not case.true("patient_objects") else None


def fundraising(case: Case, record: Record) -> Finding | None:
    """164.514(f): demographic information, with a chance to opt out (denials.py)."""
    if case.purpose in tables.purposes("fundraising") and case.recipient.is_("workforce", "helper") and record.type == "Patient":
        return permit("HIPAA_FUNDRAISING")
    return None


_RULES = (
    patients.own,
    patients.stand_in,
    treatment,
    payment,
    operations,
    authorization,
    public_interest,
    process,
    research,
    involved,
    fundraising,
)
