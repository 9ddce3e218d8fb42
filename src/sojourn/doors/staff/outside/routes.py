"""The addresses of asking outside, for doors/staff/routes.py."""

from __future__ import annotations

from sojourn.doors.staff.outside import askable, outside
from sojourn.doors.staff.screens import Screen
from sojourn.gate.exchange.asking import NEEDS
from sojourn.gate.exchange.partners import NEEDS as ADMINISTER

SCREENS: tuple[Screen, ...] = (
    Screen("/patients/{id}/outside", outside.listed, verb="Ask outside", key="y", needs=NEEDS, group="This chart"),
    Screen("/patients/{id}/outside", outside.begin, ("POST",), needs=NEEDS),
    Screen("/patients/{id}/outside/{ask}", outside.one, needs=NEEDS),
    Screen("/patients/{id}/outside/{ask}", outside.act, ("POST",), needs=NEEDS),
    Screen("/exchange/partners/{partner}/fhir", askable.show, ("GET", "POST"), needs=ADMINISTER),
)
