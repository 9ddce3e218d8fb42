"""Codes of the trail in words that a patient and a tired nurse understand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

from sojourn.gate.caller import APP_DOOR
from sojourn.gate.trail.lines import Line

SAID: Final[dict[str, str]] = tomllib.loads((Path(__file__).parent / "acts.toml").read_text())["acts"]
"""What each act is called, after the name of who did it."""
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
    return SAID.get(action, action.replace("-", " "))


def purpose(code: str) -> str:
    """Why: `treatment`; a code that is not in the list as it is."""
    return _PURPOSES.get(code, code)


def thing(type_: str) -> str:
    """What a resource type holds: `measurements and results`."""
    return _THINGS.get(type_, re.sub(r"(?<!^)(?=[A-Z])", " ", type_).lower())


ACTIONS = tuple(sorted(set(SAID.values())))


def actions(word: str) -> list[str]:
    """The actions of the trail that are said with a word."""
    return [action for action, said in SAID.items() if said == word]


PURPOSES = tuple(_PURPOSES.items())
