"""Screens of medications, allergies and problems."""

from __future__ import annotations

from sojourn.doors.staff.lists import allergies, line, medications, problems, reconcile, tables
from sojourn.doors.staff.screens import Screen

PATIENT = (("Patient", "read"),)
MEDICATIONS = (*PATIENT, ("MedicationRequest", "search"))
ALLERGIES = (*PATIENT, ("AllergyIntolerance", "search"))
PROBLEMS = (*PATIENT, ("Condition", "search"))

SCREENS: tuple[Screen, ...] = (
    Screen("/patients/{id}/medications", medications.show, verb="Medications", key="m", needs=MEDICATIONS, group="This chart"),
    Screen("/patients/{id}/medications", medications.act, ("POST",), needs=(*MEDICATIONS, ("MedicationStatement", "create"))),
    Screen("/patients/{id}/medications/{kind}/{line}", line.show, needs=MEDICATIONS),
    Screen("/patients/{id}/medications/{kind}/{line}", line.act, ("POST",), needs=(*MEDICATIONS, ("MedicationStatement", "update"))),
    Screen("/patients/{id}/allergies", allergies.show, verb="Allergies", key="a", needs=ALLERGIES, group="This chart"),
    Screen("/patients/{id}/allergies", allergies.act, ("POST",), needs=(*ALLERGIES, ("AllergyIntolerance", "create"))),
    Screen("/patients/{id}/allergies/{line}", allergies.one, needs=ALLERGIES),
    Screen("/patients/{id}/allergies/{line}", allergies.change, ("POST",), needs=(*ALLERGIES, ("AllergyIntolerance", "update"))),
    Screen("/patients/{id}/problems", problems.show, verb="Problems", key="p", needs=PROBLEMS, group="This chart"),
    Screen("/patients/{id}/problems", problems.act, ("POST",), needs=(*PROBLEMS, ("Condition", "create"))),
    Screen("/patients/{id}/problems/{line}", problems.one, needs=PROBLEMS),
    Screen("/patients/{id}/problems/{line}", problems.change, ("POST",), needs=(*PROBLEMS, ("Condition", "update"))),
    Screen("/patients/{id}/reconcile", reconcile.room, verb="Reconcile medications", key="w", needs=reconcile.NEEDS, group="This chart"),
    Screen("/patients/{id}/reconcile/{moment}/{episode}", reconcile.show, needs=reconcile.WRITES),
    Screen("/patients/{id}/reconcile/{moment}/{episode}", reconcile.act, ("POST",), needs=reconcile.WRITES),
    Screen(tables.PATH, tables.show, verb="Medication tables", needs=tables.NEEDS, group="Places"),
    Screen(tables.PATH, tables.act, ("POST",), needs=tables.NEEDS),
)
