"""The waitlist: who waits for what, in which order; Appointments without a time."""

from __future__ import annotations

from typing import Any, NamedTuple

from sojourn.base import errors
from sojourn.care.resources import concept, moment, ref
from sojourn.care.scheduling import appointments
from sojourn.care.scheduling.appointments import Booked
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

PRIORITIES = ((1, "Urgent"), (3, "Soon"), (5, "Routine"))
"""As in iCalendar (RFC 5545, 3.8.1.9): 1 before 9."""
_TEXT = dict(PRIORITIES)


class Waiting(NamedTuple):
    """Somebody who waits. place: their place among those whom the caller may see."""

    booked: Booked
    place: int
    since: str

    @property
    def urgency(self) -> str:
        """The words for its priority."""
        return _TEXT.get(self.booked.priority, "Routine")


async def ask(access: Access, patient: str, kind: str, *, track: str = "", priority: int = 5, comment: str = "", program: int | None = None) -> str:
    """Put somebody on the list; the id of the entry. Raises Malformed for a priority that there is not."""
    if priority not in _TEXT:
        raise errors.Malformed("Choose how soon.")
    body: dict[str, Any] = {
        "resourceType": "Appointment", "status": "waitlist", "priority": priority, "serviceType": [concept(kind, appointments.kind_text(kind))],
        "description": appointments.kind_text(kind), "created": moment(access), "participant": [{"actor": ref("Patient", patient), "status": "accepted"}],
    }  # fmt: skip
    if track:
        body["supportingInformation"] = [ref("Schedule", track)]
    if comment.strip():
        body["comment"] = comment.strip()[:500]
    made = Change("create", "Appointment", new_id(), body, program=program)
    await access.write([made], action="booking")
    return made.id


async def waiting(access: Access, *, track: str = "") -> list[Waiting]:
    """Everybody who waits, the most urgent first and among them who has waited longest, as far as the caller may see them. One search."""
    params = [("status", "waitlist"), *([("supporting-info", f"Schedule/{track}")] if track else [])]
    found = await access.search("Appointment", params, count=500)
    rows = [(appointments.read(s.resource, s.version), str(s.resource.get("created") or "")) for s in found.matches]
    rows.sort(key=lambda row: (row[0].priority or 9, row[1] or "9", row[0].id))
    return [Waiting(booked, n, since) for n, (booked, since) in enumerate(rows, 1)]


async def done(access: Access, id_: str, reason: str, *, served: bool) -> None:
    """Off the list: a place was found, or they wait no longer, with the reason."""
    booked, before = await appointments.one(access, id_)
    if booked.status != "waitlist":
        raise errors.Malformed("This entry is not on the list any more.")
    end = {"status": "fulfilled"} if served else {"status": "cancelled", "cancelationReason": {"text": reason.strip() or "No longer waiting"}}
    if served and not booked.start:
        end = {"status": "cancelled", "cancelationReason": {"text": reason.strip() or "Booked"}}  # FHIR asks a time of what was fulfilled (app-3)
    await access.write([appointments.changed(booked, before, **end)], action="booking")
