"""Exports made to their end, as a server that goes on looking would make them."""

from __future__ import annotations

from sojourn.base import clock
from sojourn.gate.bulk.running import Exporting
from tests.people import Clinic

_LEFT = "SELECT EXISTS (SELECT FROM record.export WHERE state IN ('waiting', 'running') AND lease <= $1 AND $1 < expires)"


async def make_exports(clinic: Clinic) -> None:
    """Work until nothing waits. An export is not taken up while anybody on the same database server still writes what was begun before it, and
    other tests do."""
    exporting = Exporting(clinic.gate)
    while await exporting.round() or await clinic.owner.fetchval(_LEFT, clock.now()):
        pass
