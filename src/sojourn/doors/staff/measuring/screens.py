"""The addresses of measures."""

from __future__ import annotations

from sojourn.care.forms import library as blank
from sojourn.care.measures import actions as measures
from sojourn.doors.staff.measuring import instrument, measuring, trends
from sojourn.doors.staff.screens import Screen

PATIENT = (("Patient", "read"),)
MEASURE = (*PATIENT, *measures.NEEDS)

SCREENS: tuple[Screen, ...] = (
    Screen("/patients/{id}/measures", trends.show, ("GET", "POST"), verb="Measures and trends", key="t", needs=(*PATIENT, ("Observation", "search")), group="This chart"),
    Screen("/measures/{instrument}", instrument.show, needs=blank.READ),
    Screen("/measures/{instrument}", instrument.load, ("POST",), needs=blank.CHANGE),
    Screen("/patients/{id}/measures/ask", measuring.choose, verb="Ask a questionnaire", key="q", needs=MEASURE, group="This chart"),
    Screen("/patients/{id}/measures/ask/{instrument}", measuring.ask, needs=MEASURE),
    Screen("/patients/{id}/measures/ask/{instrument}", measuring.answer, ("POST",), needs=MEASURE),
)
