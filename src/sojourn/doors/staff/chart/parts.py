"""The parts of a chart, what each searches for and how it is laid out: in summary and in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sojourn.doors.staff.chart import measures, rows
from sojourn.doors.staff.words import Names, Resource


class Part(NamedTuple):
    """`params`: search parameters beside the patient; `brief`: further ones on the summary. `columns`: (key, label, class).

    `shown`: rows on the summary. `wide`: whether it stands in the wide column there. `named`: references whose
    targets are fetched along for their names: a reference itself often carries none. `once`: whether rows that look the same there are shown once.
    """

    name: str
    title: str
    type: str
    params: tuple[tuple[str, str], ...]
    lines: Callable[[Resource, Names], list[rows.Line]]
    columns: tuple[tuple[str, str, str], ...]
    nothing: str
    key: str
    brief: tuple[tuple[str, str], ...] = ()
    shown: int = 8
    wide: bool = True
    named: tuple[str, ...] = ()
    once: bool = False


STATUS = ("status", "Status", "tight")

PARTS = (
    Part(
        "problems",
        "Problems",
        "Condition",
        (("category", "problem-list-item"),),
        rows.problem,
        (("what", "Problem", ""), ("since", "Since", "tight"), ("severity", "Severity", "tight spare full-only"), STATUS),
        "No problems to show.",
        "p",
        brief=(("clinical-status", "active,recurrence,relapse"),),
    ),
    Part(
        "medications",
        "Medications",
        "MedicationRequest",
        (("_sort", "-authoredon"),),
        rows.medication,
        (("what", "Medication", ""), ("dose", "Dose", ""), ("since", "Since", "tight"), ("by", "Prescriber", "spare full-only"), STATUS),
        "No medications to show.",
        "m",
        brief=(("status", "active,on-hold"),),
        named=("MedicationRequest:requester", "MedicationRequest:medication"),
    ),
    Part(
        "measures",
        "Measures",
        "Observation",
        (("code", measures.CODES), ("_sort", "-date")),
        measures.line,
        (("when", "When", "tight"), ("what", "Measure", "tight"), ("value", "Score", "number"), ("band", "Severity", "")),
        "No measures to show.",
        "t",
        shown=60,
        wide=False,
    ),
    Part(
        "encounters",
        "Encounters",
        "Encounter",
        (("_sort", "-date"),),
        rows.encounter,
        (("when", "When", "tight"), ("what", "What", ""), ("who", "With", "spare"), ("where", "Where", "spare full-only"), STATUS),
        "No encounters to show.",
        "e",
        shown=12,
        named=("Encounter:participant", "Encounter:location", "Encounter:service-provider"),
    ),
    Part(
        "care-team",
        "Care team",
        "CareTeam",
        (),
        rows.care_team,
        (("who", "Who", ""), ("role", "Role", ""), ("team", "Team", "spare full-only"), ("since", "Since", "tight full-only")),
        "No care team to show.",
        "c",
        brief=(("status", "active"),),
        wide=False,
        named=("CareTeam:participant",),
        once=True,
    ),
    Part(
        "coverage",
        "Coverage",
        "Coverage",
        (),
        rows.coverage,
        (("payer", "Payer", ""), ("plan", "Plan", ""), ("member", "Member id", "tight full-only"), ("since", "Since", "tight full-only"), ("order", "Order", "tight full-only"), ("status", "Status", "tight full-only")),
        "No coverage to show.",
        "v",
        brief=(("status", "active"),),
        wide=False,
        named=("Coverage:payor",),
    ),
    Part(
        "allergies",
        "Allergies",
        "AllergyIntolerance",
        (),
        rows.allergy,
        (("what", "Allergy", ""), ("reaction", "Reaction", ""), ("since", "Since", "tight"), ("risk", "Risk", "tight"), STATUS),
        "No allergies to show.",
        "a",
        shown=0,
    ),
)
"""In the order of the chart's side. A part whose `shown` is 0 is on the banner, not in the summary."""

BY_NAME = {part.name: part for part in PARTS}
