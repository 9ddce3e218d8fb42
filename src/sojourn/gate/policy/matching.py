"""Does a consent name this patient, purpose, recipient and content?

Exactly, by membership, never by the look of a text.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from sojourn.gate.policy import consents, tables
from sojourn.gate.policy.case import Case, Consent, Recipient, Record
from sojourn.gate.policy.findings import Finding, withhold


class Miss(NamedTuple):
    """How near a consent came to permitting: the farther it got, the better it explains the refusal."""

    stage: int
    reason: str
    detail: str = ""

    def finding(self) -> Finding:
        """As the answer of a rule."""
        return withhold(self.reason, detail=self.detail)


def miss(consent: Consent, case: Case, record: Record, *, content: bool = True) -> Miss | None:
    """The first thing that a consent lacks for this record; None if it permits it."""
    if not names_patient(consent, case, record):
        return Miss(0, "PATIENT_NOT_SIGNED")
    if not covers_purpose(consent, case.purpose):
        return Miss(1, "PURPOSE_NOT_COVERED")
    if not names_recipient(consent, case):
        return Miss(2, "NO_TREATING_RELATIONSHIP" if _lacks_only_treating(consent, case) else "RECIPIENT_NOT_NAMED")
    if content and not covers_content(consent, record):
        return Miss(3, "CONTENT_SCOPE")
    if consents.ill_combined(consent):
        return Miss(4, "INVALID_COMBINATION")
    found = consents.flaw(consent, case)
    return Miss(4, *found) if found else None


def names_patient(consent: Consent, case: Case, record: Record) -> bool:
    """2.31(a)(1): the patient of the record is among those who signed."""
    patients = {r.patient for r in case.records if r.patient}
    if record.patient and consent.patients:
        return record.patient in consent.patients
    return len(patients) <= 1 and len(consent.patients) <= 1


def covers_purpose(consent: Consent, purpose: str) -> bool:
    """2.31(a)(5): the exact code. Only the single TPO form speaks in classes, and those are listed code by code."""
    if consent.kind == "part2_tpo_single":
        said = tables.table("purposes")["tpo"]
        return any(purpose in said.get(code, ()) for code in consent.purposes)
    limit = tables.table("consents")["kinds"].get(consent.kind, {}).get("purposes")
    if limit is not None and purpose not in limit:
        return False
    return purpose in consent.purposes


def names_recipient(consent: Consent, case: Case) -> bool:
    """2.31(a)(4): by name, by kind, by a class whose members we know, or as a participant of a named intermediary."""
    only = tables.table("consents")["kinds"].get(consent.kind, {}).get("only_for")
    if only and not case.recipient.is_(*only):
        return False
    return any(_is_named(word, case, consent) for word in consent.recipients)


def _is_named(word: str, case: Case, consent: Consent) -> bool:
    recipient = case.recipient
    sort, _, name = word.partition(":")
    if not name:
        return _in_class(word, case)
    if sort == "class":
        return _in_class(name, case)
    if sort == "kind":
        return name == recipient.kind
    if sort in ("organization", "org"):
        return name == recipient.organization
    if sort in ("practitioner", "person", "name"):
        return name == recipient.name
    return sort == "intermediary" and _through(name, recipient, case, consent)


def _treats_if_provider(case: Case) -> bool:
    """A kind of provider, for treatment, means one who treats the patient; a stated no is a no."""
    return not (case.treating is False and case.recipient.is_("provider") and case.purpose in tables.purposes("treatment"))


def _in_class(words: str, case: Case) -> bool:
    """A kind of recipient by its code, or a class in words."""
    if words == case.recipient.kind:
        return _treats_if_provider(case)
    roles = {role for phrase in _phrases(words) for role in tables.table("parties")["classes"].get(phrase, ())}
    return case.recipient.is_(*roles) and _treats_if_provider(case)


@cache
def _phrases(words: str) -> tuple[str, ...]:
    """The classes that a text lists: "my treating providers, health plans, and ..."."""
    parts = re.split(r",\s*(?:and\s+)?|\s+and\s+|;\s*", words.strip().rstrip("."))
    return tuple(re.sub(r"^(?:my|the|all|all of my)\s+", "", part.strip().lower()) for part in parts if part.strip())


def _through(name: str, recipient: Recipient, case: Case, consent: Consent) -> bool:
    """2.31(a)(4)(ii): the named intermediary itself, and from it a named or a treating participant."""
    if case.custodian.kind != "intermediary":
        return recipient.is_("intermediary") and name in (recipient.organization, recipient.name, recipient.network)
    if case.custodian.organization and case.custodian.organization != name:
        return False
    if consent.participants:
        return recipient.organization in consent.participants or recipient.name in consent.participants
    return case.treating is True


def _lacks_only_treating(consent: Consent, case: Case) -> bool:
    """Whether the recipient would be named if it treated the patient."""
    treats = replace(case, recipient=replace(case.recipient, treating=True), context={**case.context, "treating_relationship": True})
    return names_recipient(consent, treats)


def covers_content(consent: Consent, record: Record) -> bool:
    """2.31(a)(3): types, labels, single records or a period of time; no words at all mean no limit by type."""
    kind = tables.table("consents")["kinds"].get(consent.kind, {})
    if consent.period is not None and not _within(consent, record):
        return False
    if "content" in kind and record.type not in kind["content"]:
        return False
    return consent.content is None or any(_is_content(word, record) for word in consent.content)


def _is_content(word: str, record: Record) -> bool:
    meant = tables.table("consents")["content"].get(word.lower().replace(" ", "_"), [word])
    return "*" in meant or record.type in meant or record.id in meant or not record.labels.isdisjoint(meant)


def _within(consent: Consent, record: Record) -> bool:
    if record.date is None or consent.period is None:
        return False
    start, end = consent.period
    return (start is None or start <= record.date) and (end is None or record.date <= end)


def nearest(misses: list[Miss]) -> Miss | None:
    """The miss that got farthest; among equals by the reason's place, so that the order of consents never matters."""
    return min(misses, key=lambda m: (-m.stage, m.finding().rank, m.detail), default=None)
