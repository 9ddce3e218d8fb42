"""What a consent is worth now: its elements, state, end, signer, combinations (42 CFR 2.31)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from sojourn.gate.policy.case import Case, Consent
from sojourn.gate.policy.tables import purposes, table

AHEAD, BEHIND = timedelta(hours=14), timedelta(hours=12)
"""By how much a day begins earlier than in UTC where it begins first, and ends later where it ends last. What withholds is in force that much longer on
either side; what permits goes by the day in UTC, and stops with a revocation's day where that begins first."""


def flaw(consent: Consent, case: Case) -> tuple[str, str] | None:
    """Why the consent permits nothing, as (reason, detail); None if it is valid. 2.31(c): computed, never taken from its state alone."""
    if consent.unread:
        return "FAIL_CLOSED", "not understood on the consent: " + ", ".join(consent.unread)
    if consent.state == "materially_false":
        return "CONSENT_FALSE", ""
    for check in (_deficient, _wrong_signer, _revoked, _expired):
        if found := check(consent, case):
            return found
    return None


def missing(consent: Consent, case: Case) -> list[str]:
    """Elements of 2.31(a) that the form lacks, each with its paragraph."""
    kind = table("consents")["kinds"].get(consent.kind, {})
    lacking = [name for name in consent.missing if name != "fundraising_statement"]
    lacking += ["recipient"] if not consent.recipients else []
    lacking += ["purpose"] if not consent.purposes else []
    lacking += ["expiry"] if not (_ends(consent) or kind.get("no_expiry_needed")) else []
    lacking += ["date_signed"] if consent.signed and consent.signed > case.at.date() else []
    lacking += ["participants"] if _intermediaries(consent) and not _designates(consent) else []
    elements = table("consents")["elements"]
    return [elements.get(name, name) for name in lacking]


def _ends(consent: Consent) -> bool:
    """2.31(a)(7): a date or an event; "none" suffices for treatment, payment, operations and research only."""
    unending = purposes("tpo") | purposes("research")
    return bool(consent.expires) and (consent.expires != "none" or consent.purposes <= unending)


def _deficient(consent: Consent, case: Case) -> tuple[str, str] | None:
    """2.31(c)(2): deficient on its face."""
    lacking = missing(consent, case)
    if consent.state == "deficient" or lacking:
        return "CONSENT_DEFICIENT", "missing: " + ", ".join(lacking) if lacking else ""
    return None


def _intermediaries(consent: Consent) -> list[str]:
    return [r for r in consent.recipients if r.startswith("intermediary:")]


def _designates(consent: Consent) -> bool:
    """2.31(a)(4)(ii): participants by name, or a designation limited to those with a treating provider relationship."""
    return bool(consent.participants) or "treating" in consent.general_designation.lower()


def _wrong_signer(consent: Consent, case: Case) -> tuple[str, str] | None:
    """2.31(a)(8), 2.14, 2.15: the patient, or whoever may sign in the patient's place. A form that does not say was signed by the patient."""
    signers = consent.signed_by or frozenset({"patient"})
    needed = table("consents")["kinds"].get(consent.kind, {}).get("signed_by")
    if needed:
        return None if signers == {needed} else ("SIGNER_NOT_AUTHORIZED", "only the program director signs this form")
    if {"minor_and_parent", "both"} & signers:
        signers = signers | {"minor", "parent"}
    if case.minor or not signers.isdisjoint({"minor", "parent"}):
        return _wrong_for_minor(signers, case)
    if not signers.isdisjoint({"patient", "adult_patient"}):
        return None
    if "guardian" in signers and case.true("adjudicated_incompetent"):
        return None
    if case.true("deceased") and _speaks_for_deceased(signers, case):
        return None
    return "SIGNER_NOT_AUTHORIZED", "signed by someone whose authority was not stated"


def _wrong_for_minor(signers: frozenset[str], case: Case) -> tuple[str, str] | None:
    """2.14: where the minor may consent to care alone, only the minor's signature counts; where a parent must, both sign."""
    minor = not signers.isdisjoint({"minor", "patient"})
    parent = not signers.isdisjoint({"parent", "guardian"})
    alone = minor_decides(case)
    if minor and (parent or alone is True):
        return None
    return "SIGNER_NOT_AUTHORIZED", "the minor alone must sign" if alone else "the minor and the parent must both sign"


def minor_decides(case: Case) -> bool | None:
    """Whether state law lets this minor consent to the care alone; None if it was not said."""
    if (alone := case.says("minor_may_consent")) is not None:
        return alone
    needed = case.says("parental_consent_required")
    return None if needed is None else not needed


def _speaks_for_deceased(signers: frozenset[str], case: Case) -> bool:
    """2.15(b)(2): the personal representative; without one the spouse or a responsible family member."""
    family = {"spouse", "family_member", "responsible_family_member"}
    return (
        "personal_representative" in signers
        or "executor" in signers
        or (case.true("no_personal_representative") and not signers.isdisjoint(family))
    )


def _revoked(consent: Consent, case: Case) -> tuple[str, str] | None:
    """2.31(c)(3), 2.31(a)(6). A criminal justice consent may be irrevocable until its event (2.35)."""
    day = _day(consent.revoked_at, moved=BEHIND if consent.denies else -AHEAD)
    revoked = consent.state == "revoked" or (bool(consent.revoked_at) and (day is None or day <= case.at))
    if not revoked or (consent.kind == "part2_criminal_justice" and consent.irrevocable and not _event_passed(consent, case)):
        return None
    in_between = any(word in consent.revoked_at for word in ("during", "export", "kickoff", "queue"))
    if in_between or case.channel in table("channels")["later"]:
        return "REEVALUATE_AT_RELEASE", ""
    return "CONSENT_REVOKED", ""


def _expired(consent: Consent, case: Case) -> tuple[str, str] | None:
    """2.31(c)(1). A date lasts to the end of its day; `none` does not end; an event has passed when someone recorded it."""
    if consent.state == "expired" or _event_passed(consent, case):
        return "CONSENT_EXPIRED", ""
    ends = consent.expires or "none"
    if ends == "none" or ends.startswith("event:"):
        return None
    day = _day(ends, end=True, moved=BEHIND if consent.denies else timedelta(0))
    if day is None:
        return "CONSENT_DEFICIENT", "missing: " + table("consents")["elements"]["expiry"]
    return ("CONSENT_EXPIRED", "") if day <= case.at else None


def _event_passed(consent: Consent, case: Case) -> bool:
    return (consent.expires or "").startswith("event:") and (consent.event_occurred or case.true("event_occurred"))


def _day(text: str, *, moved: timedelta, end: bool = False) -> datetime | None:
    """A moment from a date or time; a date's start, or its end, moved by so much."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) == len("2026-01-01"):
        day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
        found = datetime.combine(day, time(), UTC) + moved
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ill_combined(consent: Consent) -> bool:
    """2.31(b)(2), 2.31(d), 45 CFR 164.508(b)(3)(ii): a form that must stand alone and does not."""
    kind = table("consents")["kinds"].get(consent.kind, {})
    others = consent.combined_with - {consent.kind}
    if kind.get("alone"):
        proceedings = consent.kind == "part2_proceedings" and bool(consent.purposes - {"HLEGAL"})
        return bool(others) or proceedings
    return False


def ended_later(consent: Consent, case: Case) -> bool:
    """Whether it was good and then ended: what was done before stays done (2.31(a)(6))."""
    found = flaw(consent, case)
    return found is not None and found[0] in ("CONSENT_REVOKED", "CONSENT_EXPIRED", "REEVALUATE_AT_RELEASE")
