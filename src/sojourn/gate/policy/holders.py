"""Those who received Part 2 records: what each may do, by who they are and how they came by them.

42 CFR 2.33(b), 2.12(d).
"""

from __future__ import annotations

from sojourn.gate.policy import consents, hipaa, matching, tables
from sojourn.gate.policy.case import Case, Consent, Record
from sojourn.gate.policy.findings import Finding, permit, withhold


def held(case: Case, record: Record) -> Finding | None:
    """The rule for this holder; None for the program that made the records, an intermediary, or a service organization."""
    holder = case.custodian
    if holder.originator or holder.kind in ("intermediary", "qso"):
        return None
    if void := _received_in_vain(case, record):
        return void
    if holder.possession == "tpo_consent" and holder.covered:
        return _covered(case, record)
    if case.recipient.is_("workforce"):
        return _own_use(case, record)
    if holder.program:
        return _program(case, record)
    return _lawful_holder(case, record)


def prohibited(case: Case, record: Record) -> Finding | None:
    """2.12(d)(2), 2.32: what is left to a holder whom nothing permits to pass records on."""
    return None if case.custodian.originator or case.recipient.is_("workforce") else withhold("REDISCLOSURE_PROHIBITED")


def _received_in_vain(case: Case, record: Record) -> Finding | None:
    """2.31(c): a form known to be false or deficient made no lawful holder, unless another did."""
    flaws = [found for c in _received_under(case) if (found := consents.flaw(c, case))]
    bad = sorted(f for f in flaws if f[0] in ("CONSENT_FALSE", "CONSENT_DEFICIENT", "SIGNER_NOT_AUTHORIZED"))
    if case.custodian.possession in ("tpo_consent", "specific_consent") and bad and len(bad) == len(_received_under(case)):
        return withhold(bad[0][0], detail=bad[0][1])
    return None


def _received_under(case: Case) -> list[Consent]:
    kind = "part2_tpo_single" if case.custodian.possession == "tpo_consent" else "part2_specific"
    return [c for c in case.consents if c.kind == kind]


def _covered(case: Case, record: Record) -> Finding:
    """2.33(b)(1): as HIPAA permits, its own exceptions included, except for proceedings against the patient. Revocation does not reach back."""
    found = hipaa.permitted(case, record)
    if not found.permits:
        return found
    duties = found.adds | ({"ATTACH_NOTICE_2_32"} if not case.inside else frozenset())
    received = _received_under(case)
    reliance = bool(received) and all(consents.ended_later(c, case) for c in received)
    return permit("RECIPIENT_RELIANCE" if reliance else "HIPAA_REDISCLOSURE", *duties, detail=found.words())


def _own_use(case: Case, record: Record) -> Finding | None:
    """The holder's own people, for what the records were given for: the purposes of the consent, or treatment after an emergency."""
    if case.custodian.possession == "exception":
        return permit("HOLDER_OWN_USE") if case.purpose in tables.purposes("treatment") else None
    for consent in _received_under(case):
        good = consents.flaw(consent, case) is None or consents.ended_later(consent, case)
        if good and matching.covers_purpose(consent, case.purpose) and matching.names_patient(consent, case, record):
            return permit("HOLDER_OWN_USE")
    return None


def _program(case: Case, record: Record) -> Finding | None:
    """2.33(b)(2): a program that is no covered entity, consistent with the consent (consenting.py says which)."""
    if case.custodian.possession != "tpo_consent":
        return None
    fits = any(matching.miss(c, case, record) is None for c in _received_under(case))
    return permit("REDISCLOSURE_WITHIN_CONSENT") if fits else None


def _lawful_holder(case: Case, record: Record) -> Finding | None:
    """2.33(b)(3), (c): contractors, subcontractors and legal representatives, for the payment or operations in the consent, bound in writing."""
    if not case.recipient.is_("contractor"):
        return None
    money = tables.purposes("payment") | (tables.purposes("operations") - {"CAREMGT"})
    if case.purpose not in money or case.custodian.covered:
        return withhold("CONTRACTOR_PURPOSE_LIMIT")
    if not case.agreement:
        return withhold("CONTRACTOR_CONTRACT_REQUIRED")
    named = any(
        (consents.flaw(c, case) is None or consents.ended_later(c, case))
        and matching.covers_purpose(c, case.purpose)
        and matching.names_patient(c, case, record)
        for c in _received_under(case)
    )
    return permit("CONTRACTOR_FOR_PAYMENT_OPERATIONS") if named else withhold("PURPOSE_NOT_COVERED")
