"""With consent: one valid consent that names patient, purpose, recipient and content.

42 CFR 2.31, 2.33(a).
"""

from __future__ import annotations

from sojourn.gate.policy import matching, notes
from sojourn.gate.policy.case import Case, Consent, Record
from sojourn.gate.policy.findings import Finding, permit, withhold
from sojourn.gate.policy.tables import table


def consented(case: Case, record: Record) -> Finding | None:
    """Permit by the first consent that fits; else the near miss that says best what was wrong. None where no form speaks of Part 2 records."""
    misses, found = [], []
    for consent in case.consents:
        if not _permits_part2(consent) or not _registry_form(case, consent):
            continue
        near = matching.miss(consent, case, record)
        if near is None:
            found.append(permit(_reason(consent, case), *_review(consent), detail=consent.kind))
        else:
            misses.append(near)
    if found:
        return min(found, key=lambda f: (f.rank, sorted(f.duties)))
    if general_release(case, record):
        misses.append(matching.Miss(3, "GENERAL_RELEASE_INSUFFICIENT"))
    nearest = matching.nearest(misses)
    return nearest.finding() if nearest else None


def _permits_part2(consent: Consent) -> bool:
    """A HIPAA authorization is a Part 2 consent only if it also is one by its elements (2.31(a)); one that names the information can be."""
    kind = table("consents")["kinds"].get(consent.kind, {})
    return "part2" in kind.get("permits", ()) or (consent.kind == "hipaa_authorization" and consent.names_sud) or not consent.kind


def _review(consent: Consent) -> tuple[str, ...]:
    return ("PRIVACY_REVIEW",) if notes.flags_review(consent) else ()


def general_release(case: Case, record: Record) -> bool:
    """2.32(a)(1): a general authorization for the release of medical information that would fit otherwise."""
    return any(
        c.kind == "hipaa_authorization" and not c.names_sud and matching.miss(c, case, record, content=False) is None for c in case.consents
    )


def _reason(consent: Consent, case: Case) -> str:
    """What to call this consent's permission."""
    if case.recipient.is_("pdmp") and case.true("state_requires_pdmp"):
        return "PDMP_WITH_CONSENT"
    by_kind = {
        "part2_criminal_justice": "CRIMINAL_JUSTICE_REFERRAL",
        "part2_central_registry": "CENTRAL_REGISTRY_CONSENT",
        "part2_director_payment": "DIRECTOR_PAYMENT_ONLY",
    }
    if consent.kind in by_kind:
        return by_kind[consent.kind]
    if case.custodian.kind == "intermediary" and any(r.startswith("intermediary:") for r in consent.recipients):
        return "INTERMEDIARY_GENERAL_DESIGNATION"
    if consent.kind == "part2_tpo_single":
        return "BA_HIE_NOT_INTERMEDIARY" if case.recipient.kind == "business_associate_hie" else "TPO_CONSENT"
    return "SPECIFIC_CONSENT"


def _registry_form(case: Case, consent: Consent) -> bool:
    """2.34: a registry is told under a form for registries."""
    return not case.recipient.is_("registry") or consent.kind == "part2_central_registry"


def no_consent(case: Case, record: Record) -> Finding:
    """What is left when nothing permits."""
    return withhold("NO_CONSENT")
