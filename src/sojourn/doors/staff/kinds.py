"""What kinds of resources are called, and a resource as one short line: what it says, and its day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sojourn.doors.staff.words import Resource, code_text, day_text, each, first, full_name, own_name

if TYPE_CHECKING:
    from sojourn.gate.found import Stored

TITLES = {
    "Patient": "Who they are",
    "Condition": "Problems",
    "AllergyIntolerance": "Allergies",
    "MedicationRequest": "Medications",
    "MedicationStatement": "Medications as told",
    "MedicationDispense": "Medications handed out",
    "MedicationAdministration": "Medications given",
    "Observation": "Measures and results",
    "DiagnosticReport": "Reports",
    "DocumentReference": "Documents and notes",
    "Encounter": "Visits",
    "EpisodeOfCare": "Stays in programs",
    "CarePlan": "Care plans",
    "CareTeam": "Care teams",
    "Goal": "Goals",
    "Procedure": "Procedures",
    "Immunization": "Immunizations",
    "Coverage": "Coverage",
    "ServiceRequest": "Orders and referrals",
    "QuestionnaireResponse": "Questionnaires",
    "RelatedPerson": "Family and contacts",
    "Appointment": "Appointments",
    "Communication": "The patient's statements",
    "Consent": "Consents",
    "Specimen": "Specimens",
    "Provenance": "Where records came from",
}
_WHEN = ("effectiveDateTime", "authoredOn", "recordedDate", "onsetDateTime", "performedDateTime", "occurrenceDateTime", "whenHandedOver", "created", "date", "issued", "start", "dateTime", "startDate", "receivedTime", "recorded")


class Line(NamedTuple):
    """One resource."""

    what: str
    when: str


class Group(NamedTuple):
    """Resources of one kind."""

    title: str
    lines: list[Line]


class Left(NamedTuple):
    """What stays for one reason: of each kind how many."""

    reason: str
    what: str
    number: int


def line(resource: Resource) -> Line:
    """A resource in a few words, and its day."""
    kind = str(resource.get("resourceType", ""))
    said = full_name(resource) if kind == "Patient" else code_text(resource.get("code") or {})
    for name in ("medicationCodeableConcept", "vaccineCode", "type", "category", "description"):
        said = said or code_text(first(resource, name)) or (str(resource[name]) if isinstance(resource.get(name), str) else "")
    said = said or str(resource.get("title") or "") or own_name(resource) or TITLES.get(kind, kind)
    value = resource.get("valueQuantity") or {}
    if value.get("value") is not None:
        said += f": {value['value']} {value.get('unit') or ''}".rstrip()
    return Line(said, day_text(_when(resource)))


def _when(resource: Resource) -> str:
    period = resource.get("period") or resource.get("performedPeriod") or {}
    return str(next((resource[name] for name in _WHEN if resource.get(name)), period.get("start")) or "")


def title(kind: str) -> str:
    """What a resource type is called."""
    return TITLES.get(kind, kind)


def groups(found: Sequence[Stored]) -> list[Group]:
    """By kind in the order found; of each kind the newest first."""
    made: dict[str, list[Line]] = {stored.type: [] for stored in found}
    for stored in sorted(found, key=lambda s: _when(s.resource), reverse=True):
        made[stored.type].append(line(stored.resource))
    return [Group(title(kind), lines) for kind, lines in made.items()]


def held_back(stays: Sequence[tuple[Stored, str]]) -> list[Left]:
    """By reason: of each kind how many."""
    made: dict[str, dict[str, int]] = {}
    for stored, reason in stays:
        kinds = made.setdefault(reason, {})
        kinds[stored.type] = kinds.get(stored.type, 0) + 1
    return [Left(reason, ", ".join(f"{title(k).lower()} ({n})" for k, n in kinds.items()), sum(kinds.values())) for reason, kinds in made.items()]


def entries(bundle: Resource) -> list[Resource]:
    """The resources of a Bundle, without its outcome."""
    resources = [entry.get("resource") or {} for entry in each(bundle, "entry")]
    return [r for r in resources if r.get("resourceType") not in (None, "OperationOutcome")]
