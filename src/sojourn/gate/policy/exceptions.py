"""Without consent: emergencies, research, audits, public health, deaths, threats.

42 CFR 2.14(c), 2.15(b), 2.51 to 2.54, each with its facts.
"""

from __future__ import annotations

from sojourn.gate.policy import consents, matching, tables
from sojourn.gate.policy.case import Case, Record
from sojourn.gate.policy.findings import Finding, permit, withhold


def emergency(case: Case, record: Record) -> Finding | None:
    """2.51(a): to medical personnel, in a bona fide emergency in which prior consent cannot be obtained, or in a declared disaster that closed the program."""
    if not _about_emergency(case):
        return None
    if not medical(case):
        return withhold("NOT_MEDICAL_PERSONNEL")
    if case.true("declared_emergency") and case.true("program_closed"):
        return permit("DISASTER_PROGRAM_CLOSED")
    if case.true("bona_fide_emergency"):
        cannot = case.says("consent_obtainable") is False and not case.true("patient_refused")
        return permit("MEDICAL_EMERGENCY") if cannot else withhold("CONSENT_OBTAINABLE")
    return withhold("PROGRAM_NOT_CLOSED") if case.true("declared_emergency") else withhold("NOT_AN_EMERGENCY")


def _about_emergency(case: Case) -> bool:
    stated = case.true("bona_fide_emergency") or case.true("declared_emergency")
    outside = not case.inside and case.purpose in tables.purposes("break_glass")
    return (
        case.purpose in tables.purposes("emergency")
        or outside
        or (stated and case.purpose in tables.purposes("treatment") and not case.inside)
    )


def medical(case: Case) -> bool:
    """Whether the recipient is medical personnel: by kind, as stated, or by the user's role within the same organization."""
    stated = (case.recipient.medical, case.says("medical_personnel"))
    if stated != (None, None):
        return False not in stated
    role = any(word in case.actor for word in tables.table("parties")["actors"]["medical"])
    return case.recipient.is_("medical") or (role and case.recipient.is_("same_organization", "workforce"))


def fda(case: Case, record: Record) -> Finding | None:
    """2.51(b): the FDA's medical personnel assert reason to believe that a product error threatens health."""
    if not case.recipient.is_("fda"):
        return None
    return permit("FDA_NOTIFICATION") if case.true("fda_product_error") else withhold("NO_CONSENT")


def research(case: Case, record: Record) -> Finding | None:
    """2.52: a documented HIPAA authorization or waiver, or the Common Rule or FDA conditions. Who has records for research or an audit gives them to nobody
    else for it (2.52(b), 2.53(f)).
    """
    if case.purpose not in tables.purposes("research"):
        return None
    if case.custodian.kind == "noncovered_lawful_holder" and case.custodian.possession == "exception" and not case.inside:
        return withhold("REDISCLOSURE_PROHIBITED")
    authorized = any(c.kind == "hipaa_authorization" and matching.miss(c, case, record) is None for c in case.consents)
    if case.recipient.is_("researcher", "workforce") and (case.true("waiver_documented") or authorized):
        return permit("RESEARCH")
    return withhold("RESEARCH_DOCUMENTATION_REQUIRED")


def audit(case: Case, record: Record) -> Finding | None:
    """2.53: on the premises without copies (a), or with copies under a written agreement (b)."""
    purposes = tables.purposes("operations") | tables.purposes("payment")
    if not case.recipient.is_("auditor") or case.purpose not in purposes:
        return None
    copies = case.says("copies_removed")
    if copies is None:
        return withhold("AUDIT_FACTS_MISSING")
    if not copies:
        return permit("AUDIT_ON_PREMISES")
    return permit("AUDIT_COPIES") if case.agreement else withhold("AUDIT_AGREEMENT_REQUIRED")


def public_health(case: Case, record: Record) -> Finding | None:
    """2.54: only what is de-identified under 164.514(b), to a public health authority."""
    if not case.recipient.is_("public_health"):
        return None
    return permit("PUBLIC_HEALTH_DEIDENTIFIED") if _deidentified(case, record) else withhold("DEIDENTIFIED_ONLY")


def deidentified(case: Case, record: Record) -> Finding | None:
    """164.514(b): what identifies nobody, for research and operations too."""
    if _deidentified(case, record) and case.purpose in tables.purposes("research") | tables.purposes("public_health"):
        return permit("DEIDENTIFIED")
    return None


def _deidentified(case: Case, record: Record) -> bool:
    return record.has("deidentified") or case.true("deidentified")


def cause_of_death(case: Case, record: Record) -> Finding | None:
    """2.15(b)(1): vital statistics and inquiries into the cause of death."""
    if case.recipient.is_("coroner") and case.true("vital_statistics_law"):
        return permit("DECEASED_CAUSE_OF_DEATH")
    return None


def minor_in_danger(case: Case, record: Record) -> Finding | None:
    """2.14(c): the program director tells a parent what reduces a substantial threat to a minor applicant without capacity."""
    if not case.recipient.is_("parent", "guardian") or case.purpose not in tables.purposes("threat"):
        return None
    director = case.actor == "program_director" or case.true("director_determination")
    return permit("MINOR_THREAT") if director and case.true("minor_lacks_capacity") and case.true("threat_to_life") else None


def threat(case: Case, record: Record) -> Finding | None:
    """2.12-2.13: there is no twin of 164.512(j), so a threat alone permits nothing."""
    return withhold("NO_THREAT_EXCEPTION") if case.purpose in tables.purposes("threat") else None


def monitoring_program(case: Case, record: Record) -> Finding | None:
    """2.36: state law alone does not suffice; the consent decides (consenting.py)."""
    return withhold("PDMP_NEEDS_CONSENT") if case.recipient.is_("pdmp") else None


def registry(case: Case, record: Record) -> Finding | None:
    """2.34: told with consent only."""
    return withhold("CENTRAL_REGISTRY_NEEDS_CONSENT") if case.recipient.is_("registry") else None


def fundraising(case: Case, record: Record) -> Finding | None:
    """2.31(a)(5)(iii), 164.501: part of the operations of a TPO consent, for the program's own benefit, after the chance to opt out (denials.py)."""
    if case.purpose not in tables.purposes("fundraising") or not case.recipient.is_("workforce", "helper"):
        return None
    tpo = [c for c in case.consents if c.kind == "part2_tpo_single" and "HOPERAT" in c.purposes and consents.flaw(c, case) is None]
    signed = any(matching.names_patient(c, case, record) and "fundraising_statement" not in c.missing for c in tpo)
    return permit("FUNDRAISING") if signed else None
