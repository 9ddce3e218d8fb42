"""What a consent would do, in words: from the gate's own count of the patient's records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from sojourn.gate.consenting import membership, terms
from sojourn.gate.consenting.preview import Effect
from sojourn.gate.consenting.terms import Resource
from sojourn.gate.policy import tables

_WORDS = {
    "Observation": ("test result or measure", "test results and measures"), "Condition": ("diagnosis", "diagnoses"), "MedicationRequest": ("medicine", "medicines"),
    "Encounter": ("visit", "visits"), "DocumentReference": ("note or letter", "notes and letters"), "AllergyIntolerance": ("allergy", "allergies"),
    "CarePlan": ("treatment plan", "treatment plans"), "CareTeam": ("care team", "care teams"), "Goal": ("goal", "goals"), "Procedure": ("service", "services"),
    "DiagnosticReport": ("report", "reports"), "EpisodeOfCare": ("episode of care", "episodes of care"), "Immunization": ("immunization", "immunizations"),
    "Coverage": ("coverage", "coverages"), "ServiceRequest": ("referral or order", "referrals and orders"), "Patient": ("name and address", "names and addresses"),
    "MedicationStatement": ("medicine in use", "medicines in use"), "MedicationDispense": ("dispensed medicine", "dispensed medicines"), "Appointment": ("appointment", "appointments"),
    "QuestionnaireResponse": ("questionnaire", "questionnaires"), "RelatedPerson": ("relative or contact", "relatives and contacts"), "Flag": ("safety flag", "safety flags"),
    "MedicationAdministration": ("given dose", "given doses"), "Claim": ("claim", "claims"), "Task": ("task", "tasks"), "Specimen": ("specimen", "specimens"), "Device": ("device", "devices"),
}  # fmt: skip


class Row(NamedTuple):
    """One kind of record: how many there are, and how many of them are seen before and after."""

    words: str
    total: int
    before: int
    after: int


class Said(NamedTuple):
    """One recipient's view in words."""

    who: str
    purpose: str
    sentence: str
    sees: tuple[str, ...]
    not_sees: tuple[str, ...]
    rows: tuple[Row, ...]
    total: int
    before: int
    after: int


def said(effects: Iterable[Effect], names: Mapping[str, str], *, ending: bool = False) -> list[Said]:
    """Each effect in words. ending: of taking a consent back."""
    return [_said(effect, names, ending=ending) for effect in effects]


def _said(effect: Effect, names: Mapping[str, str], *, ending: bool) -> Said:
    who = _who(effect.recipient, names)
    rows = tuple(sorted((Row(_names(k.type)[1], k.total, k.before, k.after) for k in effect.kinds), key=lambda r: (-r.after, -r.total)))
    sees = tuple(_counted(k.type, k.after) for k in sorted(effect.kinds, key=lambda k: -k.after) if k.after)
    hidden = tuple(_counted(k.type, k.total - k.after) for k in sorted(effect.kinds, key=lambda k: k.after - k.total) if k.total > k.after)
    change = "" if effect.before == effect.after else f" Now it is {effect.before}."
    if ending:
        sentence = f"{who} will see {effect.after} of the {effect.total} records that you see here." + change
    else:
        sentence = f"With this, {who} will see {effect.after} of the {effect.total} records that you see here." + change
    return Said(who, terms.forms()["purposes"].get(effect.purpose, effect.purpose).lower(), sentence, sees, hidden, rows, effect.total, effect.before, effect.after)


def _who(recipient: str, names: Mapping[str, str]) -> str:
    sort, _, name = recipient.partition(":")
    if sort == "class":
        return {"tpo": "a provider who treats this patient", "treating-provider": "a provider who treats this patient", "health-plan": "this patient's health plan", "everyone": "everyone outside"}.get(name, "a member of that class")
    return names.get(recipient, "this recipient")


def _counted(type_: str, count: int) -> str:
    return f"{count} {_names(type_)[0 if count == 1 else 1]}"


def _names(type_: str) -> tuple[str, str]:
    """One of the kind, and several."""
    plain = "".join(f" {c.lower()}" if c.isupper() else c for c in type_).strip()
    return _WORDS.get(type_, (plain, f"{plain}s"))


def beside(form: Resource) -> str:
    """What a form for Part 2 records does not limit, said where it could surprise."""
    purposes = set(terms.purposes(terms.root(form)))
    if not terms.kind(terms.kind_of(form)).get("part2") or not purposes & {"TREAT", "HPAYMT", "HOPERAT"}:
        return ""
    return "This form is about substance use treatment records. Other records may be shared with those named here for treatment, payment and operations without it (45 CFR 164.506); to keep them back, ask for a restriction."


class Stop(NamedTuple):
    """One thing that ends when a consent is taken back."""

    what: str
    until: str


def stops(rows: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> list[Stop]:
    """Open grants and relations, in words."""
    found = []
    for row in rows:
        who = _key(membership.split(str(row["recipient"]))[1], names)
        purpose = _purpose(str(row["purpose"]) or membership.split(str(row["recipient"]))[0])
        what = f"{who} is known as one who has to do with this patient for {purpose}" if row["what"] == "relation" else f"{who}: {'may receive records' if row['effect'] == 'permit' else 'is kept from records'} for {purpose if purpose != '*' else 'any purpose'}"
        found.append(Stop(what, "no end" if row["valid_to"].year >= 9999 else f"to {row['valid_to'] - timedelta(microseconds=1):%d %b %Y}"))
    return list(dict.fromkeys(found))


def _purpose(code: str) -> str:
    """A purpose in the words of the form: an exact one of treatment, payment or operations is said as that."""
    wide = next((name for name, codes in tables.table("purposes")["tpo"].items() if code in codes), code)
    return str(terms.forms()["purposes"].get(wide, code))


def _key(key: str, names: Mapping[str, str]) -> str:
    """A recipient key in words."""
    sort, _, rest = key.partition(":")
    if sort == "class":
        found = (name for name, one in ((c["name"], c["keys"]) for c in terms.forms()["classes"].values()) if one == [key])
        return next(found, {"class:program-helper": "People helping to operate this program", "class:everyone-outside": "Everyone outside"}.get(key, "A class"))
    if sort == "participant":
        network, _, member = rest.partition(":")
        return f"{names.get(member, 'A member')} through {names.get(network, 'an exchange')}" if member else f"Members of {names.get(network, 'an exchange')}"
    return names.get(key, "A recipient")
