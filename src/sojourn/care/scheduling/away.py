"""Who is away, from the roster, as time that is taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sojourn.care.scheduling.appointments import Booked
from sojourn.care.staffing import roster
from sojourn.care.staffing.model import AWAY
from sojourn.gate.access import Access


async def spans(access: Access, people: Sequence[str], low: datetime, high: datetime) -> list[Booked]:
    """The absences of these people in a span, each as an appointment of theirs without a client. One search; none without people."""
    return [b for b in await everybody(access, low, high) if b.people[0] in people] if people else []


async def everybody(access: Access, low: datetime, high: datetime) -> list[Booked]:
    """The absences of all people in a span, for a page that asks before it knows of whom. One search."""
    if not access.may("PractitionerRole", "search"):
        return []
    entries = (await roster.read(access, low, high)).entries
    return [
        Booked(e.id, e.version, "booked", AWAY, "Away", max(e.start, low), min(e.end, high), "", (e.who,), (), "", "", "", "", 0, "", "")
        for e in entries if e.kind == AWAY and e.start < high and low < e.end
    ]  # fmt: skip
