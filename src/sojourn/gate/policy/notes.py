"""Notes kept apart: SUD counseling notes and psychotherapy notes.

42 CFR 2.31(b), 45 CFR 164.508(a)(2).
"""

from __future__ import annotations

from sojourn.gate.policy import matching, tables
from sojourn.gate.policy.case import Case, Consent, Record
from sojourn.gate.policy.findings import Finding, permit, withhold


def counseling(case: Case, record: Record, exception: Finding | None) -> Finding | None:
    """The answer for an SUD counseling note; None for any other record. `exception`: what permits it without consent."""
    if not record.has("counseling"):
        return None
    if own := _own_use(case, record, "COUNSELING_NOTES", holder=case.custodian.originator):
        return own
    if case.recipient.is_("patient"):
        return withhold("COUNSELING_NOTES_DISCRETIONARY")
    return _counseling_consent(case, record, exception)


def _counseling_consent(case: Case, record: Record, exception: Finding | None) -> Finding:
    """2.31(b): a consent for nothing else, or nothing."""
    misses = []
    for consent in case.consents:
        if consent.kind == "part2_counseling_notes":
            miss = matching.miss(consent, case, record)
            if miss is None:
                return permit("COUNSELING_NOTES_CONSENT")
            misses.append(miss)
        elif "part2_counseling_notes" in consent.combined_with and matching.miss(consent, case, record) is None:
            misses.append(matching.Miss(4, "INVALID_COMBINATION"))
    near = matching.nearest(misses)
    if near and near.reason == "INVALID_COMBINATION":
        return withhold("INVALID_COMBINATION", "PRIVACY_REVIEW")
    if exception is not None:
        return withhold("COUNSELING_NOTES_NOT_IN_EXCEPTION")
    return near.finding() if near and near.stage > 1 else withhold("COUNSELING_NOTES_NEED_SEPARATE_CONSENT")


def psychotherapy(case: Case, record: Record) -> Finding | None:
    """The answer for a psychotherapy note; None for any other record."""
    if not record.has("psychotherapy"):
        return None
    if own := _own_use(case, record, "PSYCHOTHERAPY_NOTES", holder=True):
        return own
    if case.recipient.is_("patient"):
        return withhold("PSYCHOTHERAPY_NOTES")
    if _threat_to_prevent(case) or case.true("required_by_law") or _coroner(case):
        return permit("PSYCHOTHERAPY_NOTES_REQUIRED")
    if _authorized(case, record):
        return permit("PSYCHOTHERAPY_AUTHORIZATION")
    emergency = tables.purposes("emergency") | tables.purposes("break_glass")
    if case.purpose in emergency:
        return withhold("PSYCHOTHERAPY_NOTES")
    combined = any(_for_these_notes(c) and c.combined_with - {c.kind} and matching.miss(c, case, record) is None for c in case.consents)
    return withhold("INVALID_COMBINATION", "PRIVACY_REVIEW") if combined else withhold("PSYCHOTHERAPY_NOTES_AUTHORIZATION")


def _own_use(case: Case, record: Record, which: str, *, holder: bool) -> Finding | None:
    """The three uses that need no permission: the originator's treatment, the holder's own supervised training, its defence against the patient."""
    if not holder:
        return None
    if case.purpose in tables.purposes("legal"):
        return permit(f"{which}_DEFENSE") if case.true("proceedings_by_patient") else None
    if not case.recipient.is_("workforce"):
        return None
    if _is_originator(case, record) and case.purpose in tables.purposes("treatment"):
        return permit(f"{which}_ORIGINATOR")
    if (case.true("supervised_training") or _acts_as(case, "trainee")) and case.purpose in tables.purposes("tpo"):
        return permit(f"{which}_TRAINING")
    return None


def _is_originator(case: Case, record: Record) -> bool:
    """Whether the user wrote the note: stated, or the same name on both."""
    named = record.originator != "" and record.originator in (case.actor, case.recipient.name)
    return case.true("originator") or named or _acts_as(case, "originator")


def _acts_as(case: Case, what: str) -> bool:
    """Whether the name of the role itself says it, word for word; one that also says no does not."""
    table, words = tables.table("parties")["actors"], set(case.actor.split("_"))
    return not words.isdisjoint(table[what]) and words.isdisjoint(table["negated"])


def _for_these_notes(consent: Consent) -> bool:
    """164.508(b)(3)(ii): an authorization reaches psychotherapy notes only if it is about them."""
    content = {w.lower() for w in consent.content or ()}
    return consent.kind == "hipaa_authorization" and (
        consent.psychotherapy or bool(content & {"psythpn", "psychotherapy_notes", "psychotherapy notes", "hipaapsynotes"})
    )


def _authorized(case: Case, record: Record) -> bool:
    return any(
        _for_these_notes(c) and not (c.combined_with - {c.kind}) and matching.miss(c, case, record, content=not c.psychotherapy) is None
        for c in case.consents
    )


def _threat_to_prevent(case: Case) -> bool:
    """164.512(j)(1)(i): a serious and imminent threat, to someone able to lessen it."""
    able = case.recipient.is_("law_enforcement", "endangered", "family", "medical")
    return case.purpose in tables.purposes("threat") and case.true("serious_imminent_threat") and able


def _coroner(case: Case) -> bool:
    """164.512(g)(1)."""
    return case.recipient.is_("coroner") and case.true("vital_statistics_law")


def flags_review(consent: Consent) -> bool:
    """A form whose general part is honoured although it also says what must be said apart: a person looks at it."""
    kinds = tables.table("consents")["kinds"]
    return any(kinds.get(other, {}).get("alone") or other not in kinds for other in consent.combined_with)
