"""The URLs of results."""

from __future__ import annotations

from sojourn.care.results import acting
from sojourn.doors.staff.results import inbox, one, room
from sojourn.doors.staff.screens import Screen

PATIENT = (("Patient", "read"),)
READS = (*PATIENT, *acting.NEEDS)

SCREENS: tuple[Screen, ...] = (
    Screen("/results", inbox.show, ("GET", "POST"), verb="Results", key="g u", needs=(*acting.NEEDS, ("Patient", "search")), group="Places"),
    Screen("/patients/{id}/results", room.show, ("GET", "POST"), verb="Results and orders", key="b", needs=READS, group="This chart"),
    Screen("/patients/{id}/results/{task}", one.show, needs=READS),
    Screen("/patients/{id}/results/{task}", one.act, ("POST",), needs=(*READS, *acting.WRITES)),
)
"""The inbox, the room of a chart, and one result."""
