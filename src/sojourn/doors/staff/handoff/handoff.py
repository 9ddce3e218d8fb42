"""GET and POST /patients/{id}/handoff: begin a hand-off, see exactly what leaves, send it, follow it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response as PlainResponse

from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care.census.occupancy import moment_of
from sojourn.care.exchange import clinical
from sojourn.care.handoff import loops, referral, sending
from sojourn.care.handoff.referral import Handoff
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.desk.names import organization_names, patient_names
from sojourn.doors.staff.kinds import groups, held_back
from sojourn.doors.staff.lines import Line, remaining
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.underway import under_way
from sojourn.doors.staff.words import day_and_time, day_text, own_name
from sojourn.gate import disclosing, disclosurelog
from sojourn.gate.exchange import posting, ways
from sojourn.gate.exchange.ways import DOORS
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

CHANGED = "Somebody else changed this hand-off since you opened it. It is shown as it is now; nothing of yours was saved, and nothing has left."
_DIRECTORY = 200


async def show(request: Request) -> Response:
    """The hand-offs of this client, and beginning one."""
    return await _room(request)


async def begin(request: Request) -> Response:
    """Begin one; its preview comes next."""
    access, patient = request.state.access, request.path_params["id"]
    await banner.fetch(access, patient)
    said = await sent(request)
    try:
        id_ = await referral.prepare(access, patient, said.get("recipient", ""), asks=said.get("asks", ""), why=said.get("why", ""))
    except (Malformed, NotFound) as error:
        return await _room(request, error.message if isinstance(error, Malformed) else "Choose who receives it.", 422, said)
    return redirect(request, f"/patients/{patient}/handoff/{id_}")


async def _room(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, found, receivers = await asyncio.gather(banner.fetch(access, patient), referral.of_patient(access, patient), _receivers(access))
    names = dict(receivers) | await organization_names(access, {f"Organization/{h.recipient}" for h in found} - {f"Organization/{i}" for i, _ in receivers})
    rows = [_row(access, h, names) for h in found]
    may = all(access.may(t, a) for t, a in referral.WRITES)
    return PAGES.render(request, "handoff/room.html", status=status, banner=about, parts=allowed(access), here="handoff", rows=rows, receivers=receivers, said=said or {}, problem=problem, may=may)


def _row(access: Access, h: Handoff, names: dict[str, str]) -> dict[str, Any]:
    due, tone = remaining(moment_of(h.due), access.now)
    return {"id": h.id, "who": names.get(h.recipient, "") or names.get(f"Organization/{h.recipient}", "A receiver"), "asks": h.reason, "step": referral.STEPS[h.step], "due": due if h.open else "", "tone": tone, "begun": day_text(h.begun), "open": h.open}


async def _receivers(access: Access) -> list[tuple[str, str]]:
    found = await access.search("Organization", [("_sort", "name")], count=_DIRECTORY)
    own = {p.organization.removeprefix("Organization/") for p in access.rules.programs.values() if p.organization} | {access.tenant.organization}
    return [(s.id, own_name(s.resource)) for s in found.matches if s.id not in own]


async def one(request: Request) -> Response:
    """One hand-off: what would leave while it is not sent; afterwards how far it is."""
    return await _one(request)


async def act(request: Request) -> Response:
    """Send it as it was looked at, or say how it went on."""
    access, patient = request.state.access, request.path_params["id"]
    said = await sent(request)
    handoff = await _of(access, patient, request.path_params["task"])
    handoff = handoff._replace(version=said.get("version") or handoff.version)
    try:
        if said.get("do") == "send" and said.get("by") == "doors":
            await sending.queue(access, handoff, said.get("digest", ""), said.get("form", ""))
            return redirect(request, f"/patients/{patient}/handoff/{handoff.id}", "queued")
        if said.get("do") == "print":
            content = await sending.printed(access, handoff, said.get("delivery", ""))
            return PlainResponse(content.body, media_type=content.media, headers={"content-disposition": 'attachment; filename="to-print.pdf"', "cache-control": "no-store"})
        if said.get("do") == "posted":
            await sending.posted(access, handoff, said.get("delivery", ""), said.get("note", ""))
            return redirect(request, f"/patients/{patient}/handoff/{handoff.id}", "saved")
        if said.get("do") == "send":
            await referral.send(access, handoff, said.get("digest", ""), said.get("form", ""))
            return redirect(request, f"/patients/{patient}/handoff/{handoff.id}", "released")
        await referral.move(access, handoff, said.get("do", ""), said.get("note", ""), appointment=said.get("appointment", ""))
    except VersionConflict:
        return await _one(request, CHANGED, 412)
    except Conflict as error:
        return await _one(request, error.message, 409)
    except Malformed as error:
        return await _one(request, error.message, 422, said)
    return redirect(request, f"/patients/{patient}/handoff/{handoff.id}", "saved")


async def _of(access: Access, patient: str, id_: str) -> Handoff:
    handoff = await referral.one(access, id_)
    if handoff.patient != patient:
        raise NotFound
    return handoff


async def _one(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, handoff = await asyncio.gather(banner.fetch(access, patient), _of(access, patient, request.path_params["task"]))
    names = await organization_names(access, [f"Organization/{handoff.recipient}"])
    shown: dict[str, Any] = {}
    if handoff.open and handoff.step == "prepared" and access.may("*", "release"):
        found = await referral.preview(access, handoff)
        notice = disclosing.statement("release", "whole", access.today).text if found.outgoing.notice else ""
        shown = {"leaving": groups(found.leaves), "staying": held_back(found.stays), "number": len(found.leaves), "digest": found.digest, "notice": notice, "scope": found.outgoing.scope, "forms": list(clinical.FORMS.items())}
    opened = await disclosurelog.openable(access, patient, f"Organization/{handoff.recipient}", handoff.sent)
    going, to = await posting.states(access, handoff.deliveries), await posting.partner_of(access, f"Organization/{handoff.recipient}") if shown else None
    doors = [DOORS[w.door].title.lower() for w in ways.in_order(to.reached)] if to else []
    due, tone = remaining(moment_of(handoff.due), access.now)
    return PAGES.render(
        request, "handoff/one.html", status=status, banner=about, parts=allowed(access), here="handoff", h=handoff, who=names.get(f"Organization/{handoff.recipient}", "A receiver"), step=referral.STEPS[handoff.step],
        shown=shown, doors=", then ".join(doors), under_way=[under_way(d) for d in reversed(going)], problem=problem, said=said or {}, due=due if handoff.open else "", tone=tone, follows=[(s, referral.STEPS[s]) for s in referral.NEXT.get(handoff.step, ())] if handoff.open else [],
        notes=[(day_and_time(when), by, text) for when, by, text in reversed(handoff.notes)], may=all(access.may(t, a) for t, a in referral.WRITES),
        stages=[(s, day_and_time(s.at) if s.at else "") for s in loops.course(handoff)] if handoff.step != "prepared" else [], next=loops.waits_for(handoff) if handoff.open else "", left=[d for d in handoff.sent if d in opened],
    )  # fmt: skip


async def today(access: Access) -> list[Line]:
    """Hand-offs that wait for the caller: the next due first."""
    mine = [h for h in await referral.waiting(access, count=100) if h.owner == access.caller.agent]
    names = await patient_names(access, [h.patient for h in mine])
    out = []
    for h in mine[:10]:
        due, tone = remaining(moment_of(h.due), access.now)
        out.append(Line(f"Hand-off: {referral.STEPS[h.step].lower()}", f"/patients/{h.patient}/handoff/{h.id}", names.get(h.patient, ""), due, tone))
    return out
