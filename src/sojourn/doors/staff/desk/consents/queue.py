"""The desk's consent queue: drafts, requests, what is not valid, ends to confirm, what expires soon."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.doors.staff.desk.consents.reading import line, names
from sojourn.doors.staff.desk.frame import DeskPage, Waiting, render
from sojourn.doors.staff.desk.names import patient_names
from sojourn.gate.consenting import drafting, ending, standing, terms, validity

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.consenting.standing import Standing
    from sojourn.gate.found import Stored

AT_ONCE = 400
"""Active consents that are looked through for what is not valid or ends soon; the newest."""

PARTS = (
    ("Requests to decide", ("requested",), "Agree, or say why not."),
    ("Not valid", ("void",), "Something that the law asks for is missing: they permit nothing."),
    ("Their event has come", ("over",), "The episode of care with which they end is over. Record it; until then they still permit."),
    ("Ends to confirm", ("lapsed",), "They end with an event. Until somebody says that it has not come, they permit nothing."),
    ("Not signed yet", ("draft",), "Finish them with the patient, or discard them."),
    ("End within 30 days", ("expiring",), "Ask the patient in time."),
)


async def found(access: Access) -> list[tuple[str, Stored, Standing]]:
    """(key of the standing or `expiring`, Consent, how it stands) of everything that needs somebody, the newest first."""
    waiting, active = await asyncio.gather(
        access.search("Consent", [("status", "draft,proposed"), ("_sort", "-_lastUpdated")], count=200), access.search("Consent", [("status", "active"), ("_sort", "-date")], count=AT_ONCE)
    )
    out = [(how.key, s, how) for s in waiting.matches for how in (standing.standing(s.resource, access.now),)]
    over = await ending.all_over(access, {_episode(s) for s in active.matches if validity.waits_for_event(s.resource)} - {""})
    for s in active.matches:
        how = standing.standing(s.resource, access.now)
        if over and _episode(s) in over:
            out.append(("over", s, how))
        elif how.key in ("void", "lapsed"):
            out.append((how.key, s, how))
        elif standing.expiring(s.resource, access.now):
            out.append(("expiring", s, how))
    return out


async def waiting(access: Access) -> Waiting:
    """How many there are, for the card on the desk."""
    number = len(await found(access))
    return Waiting(number, "consent needs somebody" if number == 1 else "consents need somebody", number > 0)


def _episode(stored: Stored) -> str:
    return terms.literal(terms.value(stored.resource, terms.EXPIRY_EPISODE))


PAGE = DeskPage("/desk/consents", "Consents", "Drafts, requests to restrict, forms that are not valid, ends to confirm, and what expires soon.", waiting)


async def show(request: Request) -> Response:
    """GET /desk/consents."""
    access = request.state.access
    listed = await found(access)
    patients, known = await asyncio.gather(
        patient_names(access, [_patient(s) for _, s, _ in listed]), names(access, drafting.referenced([s.resource for _, s, _ in listed]))
    )
    lines = [(key, line(access, s, known, how, patient=patients.get(_patient(s), "Somebody"), patient_id=_patient(s))) for key, s, how in listed]
    return render(request, PAGE, "desk/consents/queue.html", parts=[(title, about, [one for key, one in lines if key in keys]) for title, keys, about in PARTS], any=bool(lines))


def _patient(stored: Stored) -> str:
    return terms.literal(stored.resource.get("patient")).partition("/")[2]
