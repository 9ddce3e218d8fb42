"""Codes of the trail in words that a patient and a tired nurse understand."""

from __future__ import annotations

import re

from sojourn.gate.caller import APP_DOOR
from sojourn.gate.trail.lines import Line

_DID = {
    "read": "looked at", "vread": "looked at", "history": "looked at earlier versions", "search": "looked at", "everything": "took the whole record",
    "create": "added to", "update": "changed", "patch": "changed", "delete": "removed from", "transaction": "changed", "batch": "changed", "label": "relabelled",
    "export": "exported", "count": "counted in a report", "report-rows": "looked at in a report", "report": "made a report about who looked", "import": "brought in", "emergency": "declared an emergency",
    "emergency-end": "ended an emergency", "emergency-review": "reviewed an emergency", "emergencies": "reviewed emergencies", "explain": "checked who may see what",
    "disclose": "sent out", "sign-in": "signed in", "sign-out": "signed out", "append": "added to", "draft": "began", "measure": "measured", "version": "changed",
    "sign": "signed", "revoke": "revoked", "release": "released", "preview": "previewed a release", "disclosures": "read the log of disclosures",
    "disclosure": "read a disclosure", "outliers": "looked for unusual looking", "patient-request": "handled a patient's request", "confirm": "proved who they are",
    "call-place-begin": "asked for a code to where they are reached", "call-place-prove": "proved where they are reached", "call-place-end": "ended where they are reached",
    "factor-add": "added a second factor", "accounts": "looked at accounts", "administer": "administered accounts", "oversee": "oversaw", "rules": "looked at rules",
    "return": "returned a document", "reopen": "opened a document again", "lock": "locked a document", "unlock": "unlocked a document",
    "app-register": "registered an app", "export-list": "looked at who exports", "export-stop": "stopped an export", "app-change": "changed an app", "app-stop": "stopped an app", "app-start": "started an app", "app-allow": "allowed an app",
    "app-launch": "opened an app from a chart", "app-token": "got a token for an app", "app-revoke": "ended an app's access", "app-use": "looked at how an app was used",
    "app-ask": "asked for access as an app", "app-keys-renew": "made new keys for sign-in tokens",
    "cds-hook": "asked for cards beside a chart", "cds-feedback": "told what became of a card", "cds-ask": "asked another system for advice", "cds-tell": "told another system what became of its advice",
    "hand-over": "handed a device over", "take-back": "took a device back", "credential": "changed credentials", "supervision": "wrote down supervision",
}  # fmt: skip
_PURPOSES = {
    "TREAT": "treatment", "ETREAT": "emergency treatment", "BTG": "emergency access", "HPAYMT": "payment", "HOPERAT": "running the organization",
    "PATRQT": "at your request", "FAMRQT": "at your family's request", "HRESCH": "research", "HLEGAL": "legal reasons", "PUBHLTH": "public health",
    "COC": "coordinating your care", "CAREMGT": "care management", "HMARKT": "marketing", "COVAUTH": "asking your insurer", "ELIGVER": "checking your coverage",
}  # fmt: skip
_THINGS = {
    "Patient": "name and contact details", "Observation": "measurements and results", "Condition": "diagnoses", "MedicationRequest": "prescriptions",
    "MedicationStatement": "medicines", "MedicationAdministration": "medicines given", "AllergyIntolerance": "allergies", "Encounter": "visits",
    "EpisodeOfCare": "time in a program", "DocumentReference": "documents and notes", "Composition": "documents and notes", "ClinicalImpression": "notes",
    "CarePlan": "care plans", "CareTeam": "care team", "Goal": "goals", "Coverage": "insurance", "Claim": "bills", "ExplanationOfBenefit": "bills",
    "Consent": "consents", "Appointment": "appointments", "Procedure": "procedures", "DiagnosticReport": "reports", "Immunization": "vaccinations",
    "QuestionnaireResponse": "forms you filled in", "ServiceRequest": "orders and referrals", "Flag": "alerts", "Task": "tasks", "RelatedPerson": "family and contacts",
    "Communication": "messages", "Login": "an account", "App": "an app", "MedicationDispense": "medicines dispensed", "RiskAssessment": "risk assessments", "Provenance": "who wrote what", "AuditEvent": "who looked at the record",
}  # fmt: skip


def who(line: Line) -> str:
    """The person, organization or system."""
    said = line.name or line.account or "somebody who was not signed in"
    return f"{said}, through an app" if line.door.startswith(APP_DOOR) and line.account != f"app-{line.door.removeprefix(APP_DOOR)}" else said


def role(code: str) -> str:
    """`privacy-officer` as `Privacy officer`."""
    return code.replace("-", " ").capitalize()


def did(action: str) -> str:
    """What was done: `looked at`."""
    return _DID.get(action, action.replace("-", " "))


def purpose(code: str) -> str:
    """Why: `treatment`; a code that is not in the list as it is."""
    return _PURPOSES.get(code, code)


def thing(type_: str) -> str:
    """What a resource type holds: `measurements and results`."""
    return _THINGS.get(type_, re.sub(r"(?<!^)(?=[A-Z])", " ", type_).lower())


ACTIONS = tuple(dict.fromkeys(_DID.values()))


def actions(word: str) -> list[str]:
    """The actions of the trail that are said with a word."""
    return [action for action, said in _DID.items() if said == word]


PURPOSES = tuple(_PURPOSES.items())
