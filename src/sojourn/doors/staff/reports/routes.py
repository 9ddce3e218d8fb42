"""The addresses of reports, for doors/staff/routes.py."""

from __future__ import annotations

from sojourn.doors.staff.reports import export, index, one
from sojourn.doors.staff.screens import Screen

NEEDS = (("EpisodeOfCare", "search"), ("Patient", "search"))

SCREENS: tuple[Screen, ...] = (
    Screen("/reports", index.show, verb="Go to reports", key="g o", needs=NEEDS, group="Places"),
    Screen("/reports/{report}", one.show, needs=NEEDS),
    Screen("/reports/{report}/tile", index.tile, needs=NEEDS),
    Screen("/reports/{report}/file", export.export, ("POST",), needs=NEEDS),
)
