"""The addresses of code systems and maps, for doors/staff/routes.py."""

from __future__ import annotations

from sojourn.doors.staff.screens import Screen
from sojourn.doors.staff.vocabulary import maps, systems

SCREENS: tuple[Screen, ...] = (
    Screen("/vocabulary", systems.show, verb="Code systems: what is installed, look up a code", needs=systems.NEEDS, group="Places"),
    Screen("/vocabulary/maps", maps.show, verb="Maps between codes, and codes that nobody has mapped", needs=systems.NEEDS, group="Places"),
    Screen("/vocabulary/maps", maps.act, ("POST",), needs=systems.NEEDS),
    Screen("/vocabulary/maps.json", maps.saved, needs=systems.NEEDS),
    Screen("/vocabulary/map", maps.one, verb="Map a code", needs=systems.NEEDS, group="Places"),
)
