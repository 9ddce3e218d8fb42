"""What must be done with the answer: notice, scope, marks, accounting, documents, reviews, audit."""

from __future__ import annotations

from sojourn.gate.policy import tables
from sojourn.gate.policy.case import Case, Record
from sojourn.gate.policy.findings import WITHHOLD, Finding


def of_record(case: Case, record: Record, found: Finding) -> frozenset[str]:
    """The obligations that one record brings."""
    duties = set(found.adds)
    if found.flag("consented"):
        duties |= _consented(case)
    if found.flag("stranger"):
        duties.add("SUPPRESS_EXISTENCE")
    if not found.permits and case.purpose in tables.purposes("legal"):
        duties.add("LEGAL_REVIEW")  # refusing a legal request is not final before a person has read it
    if (
        record.origin == "part2_program"
        and not record.has("part2")
        and case.says("sls_available") is not False
        and not record.has("deidentified")
    ):
        duties.add("LABEL_BY_ORIGIN")
    return frozenset(duties)


def _consented(case: Case) -> set[str]:
    """2.32: notice, and copy or scope, with each disclosure made with consent; 2.25 binds programs, 2.24 intermediaries."""
    if case.action == "use" or case.recipient.is_("workforce"):
        return set()
    duties = {"ATTACH_NOTICE_2_32", "ATTACH_CONSENT_OR_SCOPE", "LABEL_NORDSCLCD"}
    if case.custodian.program:
        duties.add("RECORD_DISCLOSURE_2_25")
    if case.custodian.kind == "intermediary":
        duties.add("INTERMEDIARY_LOG_2_24")
    if case.purpose in tables.purposes("payment") | tables.purposes("operations"):
        duties.add("MINIMUM_NECESSARY")
    return duties


def of_case(case: Case, findings: list[tuple[str, Finding]], gathered: set[str]) -> frozenset[str]:
    """All obligations of the answer, audit first. A patient's request that waits for a person is an access under review, not a denial."""
    duties = set(gathered)
    released = any(result != WITHHOLD for result, _ in findings)
    waiting = all(f.reason == "COUNSELING_NOTES_DISCRETIONARY" for _, f in findings)
    if released and case.recipient.is_("patient"):
        duties -= {"PRIVACY_REVIEW"} if any(f.flag("patient") for _, f in findings) else set()
    if "PRIVACY_REVIEW" in duties and "DOCUMENT_EMERGENCY_2_51" in duties:
        duties -= {"POST_ACCESS_REVIEW", "MINIMUM_NECESSARY"}  # the privacy review looks at the whole emergency access
    duties.add("AUDIT" if released or waiting else "AUDIT_DENIAL")
    return frozenset(duties)
