"""Who may sign: the patient, or somebody by a right that is written down (42 CFR 2.14, 2.15)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sojourn.gate.consenting import terms
from sojourn.gate.consenting.terms import Resource

MAJORITY = 18

IDENTITIES = {
    "photo-id": "A photo identification, looked at now",
    "known": "Known to the staff member who takes the signature",
    "questions": "Name, birth date and address, asked and compared",
    "on-file": "A photo on file, compared with the person",
    "vouched": "Somebody known to us vouches for the person",
}
"""How it was made sure who signs."""

OWN_ACCOUNT = "account"
"""Whoever signs on their own account proved who they are then and there."""

AUTHORITIES = {
    "patient": "The patient",
    "minor": "The patient, a minor who may consent to this care alone",
    "minor_and_parent": "The patient, a minor, and a parent or guardian",
    "guardian": "A guardian appointed by a court",
    "personal_representative": "The personal representative of a patient who died",
    "representative": "Somebody else whom state law lets decide for the patient",
}
"""By what right somebody signs."""

_OTHERS = ("guardian", "personal_representative", "representative")


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs. reference: Patient/id or RelatedPerson/id; name: of one who is not in the record; evidence: the paper or rule behind it."""

    authority: str
    reference: str = ""
    name: str = ""
    evidence: str = ""
    second: str = ""
    """Who signs with a minor."""


def problems(form: Resource, signer: Signer, patient: Resource, today: date) -> list[str]:
    """What stands against this signer, each with its section."""
    if signer.authority not in AUTHORITIES:
        return ["42 CFR 2.31(a)(8): who signs. Choose by what right."]
    years = age(patient, today)
    part2 = bool(terms.kind(terms.kind_of(form)).get("part2"))
    found = []
    if years is None and signer.authority == "patient" and part2:
        found.append("42 CFR 2.14: the patient's age. Write the birth date into the chart first.")
    if years is not None and years < MAJORITY and signer.authority in ("patient", *_OTHERS) and part2:
        found.append("42 CFR 2.14: the patient is a minor. The minor signs alone where state law lets the minor consent to this care alone, and else with a parent or guardian.")
    if years is not None and years >= MAJORITY and signer.authority.startswith("minor"):
        found.append("42 CFR 2.14: the patient is of age and signs as such.")
    if signer.authority in ("minor", *_OTHERS) and len(signer.evidence) < 4:
        found.append(f"{_cite(signer.authority)}: by what right. Write the order, the document or the state rule, and its date.")
    if signer.authority == "minor_and_parent" and len(signer.second.split()) < 2:
        found.append("42 CFR 2.14(c): both sign. Write the first and last name of the parent or guardian.")
    if signer.authority in _OTHERS and not (signer.reference or len(signer.name.split()) >= 2):
        found.append("42 CFR 2.31(a)(8): who signs. Write the first and last name.")
    died = patient.get("deceasedDateTime") or patient.get("deceasedBoolean") is True
    if signer.authority == "personal_representative" and not died:
        found.append("42 CFR 2.15(b)(2): a personal representative signs for a patient who died. For a living patient it is a guardian.")
    if died and signer.authority != "personal_representative":
        found.append("42 CFR 2.15(b)(2): the patient died. The personal representative signs.")
    return found


def _cite(authority: str) -> str:
    return {"minor": "42 CFR 2.14", "guardian": "42 CFR 2.15(a)(1)", "personal_representative": "42 CFR 2.15(b)(2)"}.get(authority, "42 CFR 2.15; 45 CFR 164.502(g)")


def age(patient: Resource, today: date) -> int | None:
    """Whole years; None where the day of birth is not known."""
    try:
        born = date.fromisoformat(str(patient.get("birthDate") or ""))
    except ValueError:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
