"""The patient's own access, and those who stand in the patient's place.

42 CFR 2.14, 2.15, 2.23 to 2.25; 45 CFR 164.502(g), 164.524.
"""

from __future__ import annotations

from sojourn.gate.policy import consents, tables
from sojourn.gate.policy.case import Case, Record
from sojourn.gate.policy.findings import Finding, permit, withhold


def own(case: Case, record: Record) -> Finding | None:
    """2.23, 164.524: patients see their own records; lists and accountings have clocks of their own."""
    if not case.recipient.is_("patient"):
        return None
    if case.purpose not in tables.purposes("patient"):
        return withhold("PURPOSE_NOT_COVERED")
    if case.true("harm_determination"):
        return withhold("ACCESS_HARM")
    if record.type == "AuditEvent" and "lookback_years" in case.context:
        return permit("LIST_OF_DISCLOSURES" if case.custodian.kind == "intermediary" else "ACCOUNTING")
    if case.recipient.is_("app"):
        return permit("PATIENT_DIRECTED", *(("SHOW_APP_WARNING",) if case.part2(record) else ()))
    return permit("EHI_EXPORT" if case.channel == "ehi_export" else "PATIENT_ACCESS")


def stand_in(case: Case, record: Record) -> Finding | None:
    """Who acts as the patient by law. A parent does not, where the minor decides; for Part 2 records never without the minor's consent (2.14)."""
    if not case.recipient.is_("family") or case.purpose not in tables.purposes("patient") | tables.purposes("family"):
        return None
    if case.true("abuse_suspected"):
        return withhold("REPRESENTATIVE_REFUSED")
    if case.recipient.is_("parent"):
        return _parent(case, record)
    adjudicated = case.recipient.is_("guardian", "representative") and case.true("adjudicated_incompetent")
    estate = case.true("deceased") and (case.recipient.is_("representative") or case.true("no_personal_representative"))
    if adjudicated or estate:
        return permit("PERSONAL_REPRESENTATIVE")
    documented = case.true("legal_authority_documented") and not case.part2(record)
    return permit("PERSONAL_REPRESENTATIVE") if documented else None


def _parent(case: Case, record: Record) -> Finding | None:
    if case.part2(record):
        return withhold("MINOR_CONSENT_REQUIRED")
    if record.has("minor") or consents.minor_decides(case) is True:
        return withhold("MINOR_CONSENTED_SERVICE")
    return permit("PERSONAL_REPRESENTATIVE") if case.minor else None
