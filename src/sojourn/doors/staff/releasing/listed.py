"""GET /requests/release: what waits; GET and POST /patients/{id}/release/asked: take a request in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sojourn.base import ids
from sojourn.base.errors import Malformed, NotFound
from sojourn.care import policies
from sojourn.care.release import requests, rules
from sojourn.care.release.requests import Asked
from sojourn.care.staffing import zones
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.lines import Line
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import code_text, day_text, first, full_name, own_name
from sojourn.gate.scope import PURPOSES
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

_DIRECTORY = 200


async def show(request: Request) -> Response:
    """What waits, the next due first, and what was answered lately."""
    access = request.state.plain_access
    waits, closed = await asyncio.gather(requests.waiting(access), requests.waiting(access, closed=True, count=25))
    soon = (await policies.of(access)).number("release.soon-days")
    names = await patient_names(access, [r.patient for r in (*waits, *closed)])
    return PAGES.render(request, "releasing/list.html", waits=[row(access, r, names, soon) for r in waits], closed=[row(access, r, names, soon) for r in closed])


def row(access: Access, r: requests.Request, names: dict[str, str], soon: float) -> dict[str, Any]:
    """A request in a list; its deadline said as what remains."""
    left = (r.due - access.today).days
    when = f"{-left} days late" if left < 0 else "due today" if left == 0 else f"{left} days left"
    return {
        "id": r.id, "who": names.get(r.patient, ""), "asks": r.requester, "basis": r.basis.title, "due": when if r.open else r.outcome.partition(":")[0],
        "tone": ("red" if left < 0 else "amber" if left <= soon else "plain") if r.open else "plain", "missing": len(r.missing()) if r.open else 0, "received": day_text(r.received.isoformat()),
    }  # fmt: skip


async def today(access: Access) -> list[Line]:
    """Requests that are due soon or lack nothing any more."""
    waits = await requests.waiting(access, count=50, beside=True)
    soon = (await policies.of(access)).number("release.soon-days")
    mine = [r for r in waits if not r.owner or r.owner == access.caller.agent or access.may("*", "oversee")][:8]
    names = await patient_names(access, [r.patient for r in mine])
    out = []
    for r in mine:
        said = row(access, r, names, soon)
        out.append(Line(f"Release request: {r.basis.title.lower()}", f"/requests/release/{r.id}", said["who"], said["due"], said["tone"]))
    return out


async def new(request: Request) -> Response:
    """The form, with what each basis needs."""
    return await _new(request)


async def take(request: Request) -> Response:
    """Take it in."""
    access, patient = request.state.plain_access, request.path_params["id"]
    said = await sent(request)
    asked = Asked(said.get("basis", ""), said.get("requester", ""), said.get("received", ""), said.get("recipient", ""), said.get("name", ""), said.get("address", ""), said.get("purpose", ""),
                  said.get("scope", ""), said.get("since", ""), said.get("until", ""), said.get("due", ""), said.get("key", "")[:60])  # fmt: skip
    if asked.basis == "representative":
        asked = asked._replace(recipient=said.get("person", ""))
    wrong = requests.wrong(asked, access.today)
    if wrong:
        return await _new(request, wrong, 422, said)
    try:
        id_ = await requests.take(access, patient, asked)
    except NotFound:
        await banner.fetch(access, patient)
        return await _new(request, {"recipient": "Choose who gets it."}, 422, said)
    except Malformed as error:
        return await _new(request, {"recipient": error.message}, 422, said)
    return redirect(request, f"/requests/release/{id_}", "saved")


async def _new(request: Request, wrong: dict[str, str] | None = None, status: int = 200, said: dict[str, str] | None = None) -> Response:
    access, patient = request.state.plain_access, request.path_params["id"]
    about, receivers, people, earlier = await asyncio.gather(banner.fetch(access, patient), recipients(access), _people(access, patient), requests.of_patient(access, patient))
    soon = (await policies.of(access)).number("release.soon-days")
    return PAGES.render(
        request, "releasing/new.html", status=status, banner=about, parts=allowed(access), here="release", wrong=wrong or {}, said=said or {"received": zones.today(access).isoformat()},
        bases=list(rules.bases(access.today).values()), receivers=receivers, people=people, scopes=[(k, v[0]) for k, v in requests.SCOPES.items()], today=zones.today(access).isoformat(),
        key=ids.new_id("release"), purposes=[(code, PURPOSES[code].capitalize()) for code in requests.OFFERED], earlier=[row(access, r, {}, soon) for r in earlier],
    )  # fmt: skip


async def recipients(access: Access) -> list[tuple[str, str]]:
    """Organizations of the directory but our own."""
    found = await access.search("Organization", [("_sort", "name")], count=_DIRECTORY)
    own = {p.organization.removeprefix("Organization/") for p in access.rules.programs.values() if p.organization} | {access.tenant.organization}
    return [(f"Organization/{s.id}", own_name(s.resource)) for s in found.matches if s.id not in own]


async def _people(access: Access, patient: str) -> list[tuple[str, str]]:
    """Who is related to the patient, with what they are to them."""
    if not access.may("RelatedPerson", "search"):
        return []
    found = await access.search("RelatedPerson", [("patient", patient)], count=20)
    return [(f"RelatedPerson/{s.id}", f"{full_name(s.resource)}, {code_text(first(s.resource, 'relationship')) or 'related'}") for s in found.matches]
