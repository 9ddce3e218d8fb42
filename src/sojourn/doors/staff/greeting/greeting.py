"""What this is, how to sign in, and, for those who run it, what runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn import __version__
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.signin.signin import form

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

OPERATORS = ("integration-manager", "administrator")
"""Roles that may know how much is in the record. A number of patients is a fact about patients: nobody else is told."""


COUNTED = (("Patients", "Patient"), ("Encounters", "Encounter"), ("Documents", "DocumentReference"))
"""Not what there are most of: to count two hundred thousand observations of which each is decided takes a fifth of a second, on the first page."""


async def show(request: Request) -> Response:
    """GET /."""
    about, access = request.app.state.about, request.state.access
    counts = await counted(access) if access is not None and access.caller.role in OPERATORS else []
    runs = [("Sojourn", __version__), *([("PostgreSQL", about.postgres)] if about.postgres else [])]
    return PAGES.render(request, "greeting/greeting.html", runs=runs, counts=counts, form=form(), next="")


async def counted(access: Access) -> list[tuple[str, int]]:
    """How many there are of the types that matter most, of those that this person may see."""
    wanted = [(label, type_) for label, type_ in COUNTED if access.may(type_, "search")]
    found = await asyncio.gather(*(access.search(type_, [("_summary", "count")]) for _, type_ in wanted))
    return [(label, answer.total or 0) for (label, _), answer in zip(wanted, found, strict=True)]
