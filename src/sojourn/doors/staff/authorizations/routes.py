"""The URLs of authorizations."""

from __future__ import annotations

from sojourn.care.authorizations import keeping
from sojourn.doors.staff.authorizations import board, chart
from sojourn.doors.staff.screens import Screen

READS = (("Patient", "read"), *keeping.READS)
ONE = "/patients/{id}/authorizations/{authorization}"

SCREENS: tuple[Screen, ...] = (
    Screen("/authorizations", board.show, verb="Authorizations", key="g z", needs=(*keeping.READS, ("Patient", "search")), group="Places"),
    Screen("/patients/{id}/authorizations", chart.show, verb="Authorizations of this client", needs=READS, group="This chart"),
    Screen("/patients/{id}/authorizations", chart.enter, ("POST",), needs=(*READS, *keeping.WRITES)),
    Screen(ONE, chart.one, needs=READS),
    Screen(ONE, chart.act, ("POST",), needs=(*READS, *keeping.WRITES)),
)
"""The board, and those of one client."""
