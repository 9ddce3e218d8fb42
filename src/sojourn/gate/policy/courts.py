"""Courts, law enforcement and mandated reports: the bar on proceedings and what lifts it.

42 CFR 2.12(d), 2.31(d), subpart E.
"""

from __future__ import annotations

import re

from sojourn.gate.policy import matching, tables
from sojourn.gate.policy.case import Case, Record
from sojourn.gate.policy.findings import Finding, permit, withhold

# Each order, whom it is for, and whether the tables ask for a subpoena beside it before anything is released by itself.
_ORDERS = {
    "2_64": ("COURT_ORDER_NONCRIMINAL", ("proceeding", "child_protection", "criminal_justice", "adult_protection"), True),
    "2_65": ("COURT_ORDER_CRIMINAL", ("law_enforcement", "proceeding", "criminal_justice"), False),
    "2_66": ("COURT_ORDER_PROGRAM", ("agency", "law_enforcement", "oversight", "auditor"), False),
    "2_67": ("COURT_ORDER_UNDERCOVER", ("law_enforcement", "agency"), False),
}
_INCIDENT = frozenset({"Patient", "Communication", "Encounter", "AdverseEvent", "Flag", "Task"})
"""Types that can hold an incident report: what happened, patient status, name, address, whereabouts."""
_WHOLE_CHART = frozenset({"Bundle", "Composition", "CarePlan", "EpisodeOfCare"})


def is_proceeding(case: Case) -> bool:
    """Whether the records are wanted for a civil, criminal, administrative or legislative proceeding, or by someone who only wants them for one."""
    if case.recipient.is_("workforce", "patient", "chosen") and not case.true("against_patient"):
        return False
    legal = case.purpose in tables.purposes("legal") or "legal_instrument" in case.context
    return legal or case.true("against_patient") or case.recipient.is_("proceeding")


def proceedings(case: Case, record: Record) -> Finding | None:
    """The hard bar for Part 2 records. None if this is no proceeding, or a criminal justice referral that its own consent governs."""
    if reported := report(case, record):
        return reported
    if not is_proceeding(case):
        return None
    if case.recipient.is_("criminal_justice") and not case.true("against_patient") and "legal_instrument" not in case.context:
        return None
    if order := _order(case):
        return order
    if found := _consent(case, record):
        return found
    recipient = case.custodian.covered and case.custodian.possession == "tpo_consent"
    if recipient and case.says("against_patient") is False:
        return None  # 2.33(b)(1) bars only proceedings against the patient; HIPAA's own conditions follow.
    return _barred(case)


def report(case: Case, record: Record) -> Finding | None:
    """2.12(c)(5), (c)(6): a crime on the premises to the police; the initial report of child abuse."""
    if case.recipient.is_("law_enforcement") and case.true("crime_on_premises"):
        return permit("CRIME_ON_PREMISES") if record.type in _INCIDENT else withhold("LIMITED_TO_INCIDENT")
    if case.recipient.is_("child_protection", "law_enforcement") and case.true("child_abuse_report"):
        return withhold("REPORT_ONLY") if record.type in _WHOLE_CHART else permit("CHILD_ABUSE_REPORT")
    return None


def _order(case: Case) -> Finding | None:
    """2.61 to 2.67: the order that fits who asks. An order against the program may not be used against a patient."""
    words = instruments(case)
    for section, (reason, for_whom, subpoena) in _ORDERS.items():
        if f"court_order_{section}" not in words or not case.recipient.is_(*for_whom):
            continue
        if case.custodian.possession == "exception" and section != "2_66":
            return withhold("ORDER_DOES_NOT_REACH")
        if section in ("2_66", "2_67") and case.true("against_patient"):
            return withhold("PROCEEDING_PROHIBITED")
        if section == "2_64" and case.recipient.is_("law_enforcement"):
            return None
        return permit(reason) if compelled(words) or not subpoena else withhold("SUBPOENA_ALSO_REQUIRED")
    return None


def instruments(case: Case) -> frozenset[str]:
    """The instruments that were presented: court_order_2_64+subpoena is two."""
    return frozenset(
        part.strip().lower() for part in re.split(r"[+,]|\band\b", str(case.context.get("legal_instrument", ""))) if part.strip()
    )


def compelled(words: frozenset[str]) -> bool:
    """Whether a subpoena or similar mandate is among them."""
    return any("subpoena" in word or word in ("warrant", "search_warrant", "summons", "civil_investigative_demand") for word in words)


def _consent(case: Case, record: Record) -> Finding | None:
    """2.31(d): a consent for the proceeding and nothing else. None if no form speaks of proceedings."""
    misses = []
    for consent in case.consents:
        if consent.kind == "part2_proceedings":
            miss = matching.miss(consent, case, record)
            if miss is None:
                return permit("PROCEEDINGS_CONSENT")
            misses.append(miss)
        elif "part2_proceedings" in consent.combined_with or (consent.kind == "part2_tpo_single" and "HLEGAL" in consent.purposes):
            misses.append(matching.Miss(4, "INVALID_COMBINATION"))
    near = matching.nearest(misses)
    return withhold(near.reason, "LEGAL_REVIEW", detail=near.detail) if near else None


def _barred(case: Case) -> Finding:
    """Why nothing lifts the bar."""
    if case.recipient.is_("child_protection"):
        return withhold("REPORT_ONLY")
    against = case.true("against_patient") or not case.custodian.originator
    return withhold("PROCEEDING_PROHIBITED") if against else withhold("COURT_ORDER_REQUIRED")
