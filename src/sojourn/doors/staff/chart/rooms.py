"""The places of a chart beside its parts: each room of clinical work adds the one where it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sojourn.doors.staff.chart.parts import Part
from sojourn.gate import patientaccounts

if TYPE_CHECKING:
    from sojourn.gate.access import Access


class Room(NamedTuple):
    """Its page is /patients/{id}/<name>. needs: (type, action) pairs that the role must allow; the same for every chart."""

    name: str
    title: str
    key: str
    needs: tuple[tuple[str, str], ...]


ROOMS: tuple[Room, ...] = (
    Room("risk", "Risk", "r", (("Patient", "read"), ("ClinicalImpression", "search"))),
    Room("notes", "Notes", "o", (("Patient", "read"), ("DocumentReference", "search"), ("QuestionnaireResponse", "search"))),
    Room("forms", "Forms", "f", (("Patient", "read"), ("QuestionnaireResponse", "search"), ("Questionnaire", "search"))),
    Room("papers", "Papers", "d", (("Patient", "read"), ("DocumentReference", "search"))),
    Room("results", "Results", "b", (("Patient", "read"), ("DiagnosticReport", "search"), ("Task", "search"))),
    Room("plan", "Plan", "l", (("Patient", "read"), ("CarePlan", "search"), ("Goal", "search"))),
    Room("appointments", "Appointments", "k", (("Appointment", "search"),)),
    Room("reconcile", "Reconcile", "w", (("Patient", "read"), ("List", "search"), ("MedicationRequest", "search"), ("EpisodeOfCare", "search"))),
    Room("handoff", "Hand-off", "h", (("Patient", "read"), ("ServiceRequest", "search"), ("Task", "search"))),
    Room("outside", "Ask outside", "y", (("Patient", "read"), ("*", "release"))),
    Room("apps", "Apps", "u", (("Patient", "read"),)),
    Room("proxies", "Proxies", "j", (("Patient", "read"), *patientaccounts.NEEDS)),
    Room("moves", "Move on", "x", (("Patient", "read"), ("EpisodeOfCare", "search"), ("Task", "search"))),
    Room("all", "All entries", "i", (("Patient", "read"),)),
    Room("records", "Records", "z", (("Patient", "read"), ("Linkage", "search"), ("Linkage", "create"))),
)


SIDE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Care", ("notes", "problems", "medications", "allergies", "results", "measures", "risk", "plan", "forms")),
    ("Visits and people", ("appointments", "encounters", "care-team", "coverage", "papers", "consents", "proxies")),
    ("Coming and going", ("reconcile", "moves", "handoff", "outside")),
    ("More", ("apps", "all", "records")),
)
"""The chart's side in groups, what is wanted at night first. Every part and room stands in one of them."""
CONSENTS = Room("consents", "Consents", "n", (("Consent", "search"),))


def rooms_of(access: Access) -> list[Room]:
    """The places that the role may go to."""
    return [room for room in (*ROOMS, CONSENTS) if all(access.may(type_, action) for type_, action in room.needs)]


def side_of(access: Access, parts: Sequence[Part]) -> list[tuple[str, list[Room]]]:
    """The groups of the chart's side with something in them. parts: those that the role may search."""
    here = {r.name: r for r in (*(Room(p.name, p.title, p.key, ()) for p in parts), *rooms_of(access))}
    groups = [(title, [here[name] for name in names if name in here]) for title, names in SIDE]
    return [(title, places) for title, places in groups if places]
