"""A report on paper for the committee: without names, unless somebody asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.care.incidents import reviewing as care
from sojourn.care.incidents.model import FACTORS, HARM, TYPES
from sojourn.care.staffing import zones
from sojourn.doors.staff.incidents import words
from sojourn.doors.staff.pages import PAGES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def show(request: Request) -> Response:
    """GET /incidents/{incident}/print: `names=yes` writes whom the reader may see; without it there are numbers."""
    access = request.state.access
    case = await care.open_(access, request.path_params["incident"])
    incident = case.incident
    zones.enter(access, [incident.program])
    named = await words.names(access, incident.clients, incident.staff)
    with_names = request.query_params.get("names") == "yes"
    clients = [named.clients[c] for c in incident.clients if c in named.clients]
    staff = [(named.staff[s], s in incident.about) for s in incident.staff if s in named.staff]
    if not with_names:
        clients = [f"Client {n}" for n, _ in enumerate(clients, 1)]
        staff = [(f"Colleague {n}", about) for n, (_, about) in enumerate(staff, 1)]
    return PAGES.render(
        request, "incidents/print.html", case=case, i=incident, number=case.report.number, clients=clients, staff=staff, with_names=with_names, kind=TYPES.get(incident.kind, ""), harm=HARM.get(incident.harm, ""),
        happened=words.spoken(incident.happened), reported=words.spoken(case.report.reported.isoformat(), day=True), program=next((p.name for n, p in access.rules.programs.items() if n == incident.program), ""),
        notices=[(n, words.spoken(n.due), words.spoken(n.done)) for n in incident.notices], factors=[FACTORS[f] for f in incident.factors if f in FACTORS], signed=words.spoken(incident.committee.get("signed_at", "")),
        actions=[(t, f"{t.action.due.day} {t.action.due:%b %Y}") for t in case.actions],
    )  # fmt: skip
