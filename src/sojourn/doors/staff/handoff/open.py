"""GET /handoffs: every open loop that the caller may see, theirs first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from sojourn.care.census.occupancy import moment_of
from sojourn.care.handoff import loops, referral
from sojourn.doors.staff.desk.names import organization_names, patient_names, staff_names
from sojourn.doors.staff.lines import remaining
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

_MOST: Final = 200


async def show(request: Request) -> Response:
    """Theirs first, the next due first."""
    access = request.state.access
    rows = await open_loops(access)
    return PAGES.render(request, "handoff/loops.html", rows=rows, receivers=_receivers(rows))


def _receivers(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What is open at each receiver: `3 open, 1 silent`."""
    counted: dict[str, list[bool]] = {}
    for row in rows:
        if row["sent"]:
            counted.setdefault(row["who"], []).append(row["silent"])
    return [(who, f"{len(v)} open" + (f", {sum(v)} silent" if any(v) else "")) for who, v in sorted(counted.items())]


async def open_loops(access: Access, *, most: int = _MOST) -> list[dict[str, Any]]:
    """Open loops as rows of a list."""
    found = await referral.waiting(access, count=most)
    names, receivers, owners = await asyncio.gather(
        patient_names(access, [h.patient for h in found]), organization_names(access, {f"Organization/{h.recipient}" for h in found}), staff_names(access, [h.owner for h in found])
    )
    rows = []
    for h in sorted(found, key=lambda h: h.owner != access.caller.agent):
        due, tone = remaining(moment_of(h.due), access.now)
        rows.append({
            "path": f"/patients/{h.patient}/handoff/{h.id}", "client": names.get(h.patient, "A client"), "who": receivers.get(f"Organization/{h.recipient}", "A receiver"), "asks": h.reason, "mine": h.owner == access.caller.agent,
            "owner": owners.get(h.owner, ""), "step": referral.STEPS[h.step], "since": day_text(h.notes[-1][0] if h.notes else h.begun), "next": loops.waits_for(h), "due": due, "tone": tone, "sent": h.step != "prepared", "silent": loops.silent(h, access.now),
        })  # fmt: skip
    return rows
