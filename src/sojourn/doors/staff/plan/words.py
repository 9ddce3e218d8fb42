"""The plan on paper, and in plain words for the client; and that a copy was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.care.plan import approving, document
from sojourn.doors.staff.plan.seen import look, render
from sojourn.doors.staff.plan.signing import name_of
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

HOW = {"paper": "On paper", "message": "Sent by the way the client chose", "read": "Read out together"}


async def plain(request: Request) -> Response:
    """GET …/words: what was agreed, as one says it to the person whom it is about."""
    seen, access = await look(request), request.state.access
    person = (await access.read("Patient", seen.plan.patient)).resource
    copies = await approving.copies(access, seen.plan)
    return render(request, "words.html", seen, client=name_of(person), copies=copies, aim=document.aim, how=HOW.items(), day=document.day)


async def given(request: Request) -> Response:
    """POST …/words: a copy was given."""
    seen, form = await look(request), await sent(request)
    await approving.give_copy(request.state.access, seen.plan, seen.stay, HOW.get(form.get("how", ""), HOW["paper"]))
    return redirect(request, f"/patients/{seen.about.id}/plan/{seen.plan.id}/words", "saved")


async def printed(request: Request) -> Response:
    """GET …/print: the whole plan with its signatures, to be printed."""
    seen, access = await look(request), request.state.access
    person = (await access.read("Patient", seen.plan.patient)).resource
    body = (await approving.document(access, seen.plan))[1].decode() if seen.plan.document else document.text(seen.plan, name_of(person), seen.stay, seen.team)
    signatures = await approving.signed_by(access, seen.plan)
    return render(request, "print.html", seen, words=body, signatures=signatures)
