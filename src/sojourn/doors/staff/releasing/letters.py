"""A letter about somebody and what it tells; how letters read here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Conflict, Malformed, NotFound
from sojourn.care.release import letters, requests
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.kinds import held_back
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.releasing.listed import recipients
from sojourn.gate.scope import PURPOSES
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def show(request: Request) -> Response:
    """Choose a letter and who gets it."""
    return await _page(request, {})


async def send(request: Request) -> Response:
    """Look at it; with the digest of what was looked at, let it leave."""
    access, patient = request.state.plain_access, request.path_params["id"]
    said = await sent(request)
    receivers, known = await asyncio.gather(recipients(access), letters.templates(access))
    template, name = known.get(said.get("letter", "")), dict(receivers).get(said.get("recipient", ""), "")
    if template is None or template.purpose != "letter" or not name or said.get("purpose") not in requests.OFFERED:
        return await _page(request, said, problem="Choose the letter, who gets it, and what it is for.", status=422)
    asked = letters.wish(template, patient, said["recipient"], said["purpose"], said.get("since", ""), said.get("until", ""))
    problem, status = "", 200
    if digest := said.get("digest"):
        try:
            return redirect(request, f"/releases/{await letters.release(access, template, asked, name, digest)}", "released")
        except (Conflict, Malformed) as error:
            problem, status = error.message, 409
    try:
        written = await letters.written(access, template, asked, name)
    except NotFound:
        await banner.fetch(access, patient)
        return await _page(request, said, problem="Choose who gets it.", status=422)
    return await _page(request, said, problem=problem, status=status, written=written)


async def _page(request: Request, said: dict[str, str], *, problem: str = "", status: int = 200, written: Any = None) -> Response:
    access, patient = request.state.plain_access, request.path_params["id"]
    about, receivers, known = await asyncio.gather(banner.fetch(access, patient), recipients(access), letters.templates(access))
    return PAGES.render(
        request, "releasing/letter.html", status=status, banner=about, parts=allowed(access), here="release", letters=[t for t in known.values() if t.purpose == "letter"], receivers=receivers, said=said,
        purposes=[(code, PURPOSES[code].capitalize()) for code in requests.OFFERED], problem=problem, written=written, staying=held_back(written.preview.stays) if written else [],
    )  # fmt: skip


async def templates(request: Request) -> Response:
    """Every letter as it reads now."""
    return await _templates(request)


async def keep(request: Request) -> Response:
    """Write the organization's own over one, or go back to what is shipped."""
    access, said = request.state.plain_access, await sent(request)
    try:
        await letters.change(access, said.get("key", ""), "" if said.get("do") == "shipped" else said.get("text", ""), said.get("reason", ""))
    except (Malformed, NotFound) as error:
        return await _templates(request, error.message, said)
    return redirect(request, "/requests/letters", "saved")


async def _templates(request: Request, problem: str = "", said: dict[str, str] | None = None) -> Response:
    found = await letters.templates(request.state.plain_access)
    return PAGES.render(request, "releasing/templates.html", status=422 if problem else 200, letters=list(found.values()), problem=problem, said=said or {})
