"""GET and POST /requests/release/{task}: what is there, what would leave, what became of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response as PlainResponse

from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care import policies
from sojourn.care.papers import reading, sandbox
from sojourn.care.release import answering, marking, requests, rules, sending
from sojourn.care.release.requests import Request as Asked
from sojourn.doors.staff import underway
from sojourn.doors.staff.desk.names import organization_names, patient_names
from sojourn.doors.staff.kinds import groups, held_back, line
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.papers.paper import picture
from sojourn.doors.staff.releasing import listed
from sojourn.doors.staff.words import day_and_time, day_text
from sojourn.gate.exchange import posting, ways
from sojourn.gate.exchange.ways import DOORS
from sojourn.gate.scope import PURPOSES
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

CHANGED = "Somebody else changed this request since you opened it. It is shown as it is now."


async def show(request: Request) -> Response:
    """One request."""
    return await _page(request)


async def act(request: Request) -> Response:
    """One step: write down what was found, leave something out, release, extend, refuse, hand over."""
    access, id_ = request.state.plain_access, request.path_params["task"]
    said = await sent(request)
    form = await request.form()
    asked = await requests.one(access, id_)
    asked = asked._replace(version=said.get("version") or asked.version)
    flash = "saved"
    try:
        match said.get("do", ""):
            case "found":
                await requests.amend(access, asked, identity=said.get("identity", ""), parts=",".join(str(p) for p in form.getlist("parts")))
            case "leave-out":
                await requests.amend(access, asked, without=",".join(sorted(str(p) for p in form.getlist("without"))))
            case "release" if said.get("by") == "doors":
                await sending.queue(access, asked, said.get("digest", ""), elsewhere=said.get("elsewhere") == "yes")
                flash = "queued"
            case "print":
                content = await posting.printed(access, said.get("delivery", ""), asked.id, reading.PDF)
                return PlainResponse(content.body, media_type=content.media, headers={"content-disposition": 'attachment; filename="to-print.pdf"', "cache-control": "no-store"})
            case "posted":
                await sending.posted(access, asked, said.get("delivery", ""), said.get("note", ""))
            case "release":
                await answering.release(access, asked, said.get("digest", ""), elsewhere=said.get("elsewhere") == "yes")
                flash = "released"
            case "extend":
                await answering.extend(access, asked, said.get("why", ""))
            case "refuse":
                await answering.refuse(access, asked, said.get("why", ""), said.get("reason", ""))
                flash = "request-refused"
            case "handed":
                await answering.hand_over(access, asked, said.get("door", ""), said.get("note", ""))
            case _:
                raise Malformed("Choose what to do.")
    except VersionConflict:
        return await _page(request, CHANGED, 412)
    except Conflict as error:
        return await _page(request, error.message, 409, said)
    except Malformed as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/requests/release/{id_}", flash)


async def packet(request: Request) -> Response:
    """The packet as it would leave, page by page."""
    access = request.state.plain_access
    asked = await _open(access, request.path_params["task"])
    try:
        made = await answering.packet(access, asked, await requests.preview(access, asked))
    except (Conflict, Malformed) as error:
        return await _page(request, error.message, 409)
    words = await sandbox.texts(made, reading.PDF)
    return PAGES.render(request, "releasing/packet.html", r=asked, words=words)


async def packet_page(request: Request) -> Response:
    """One page of it as a picture."""
    access = request.state.plain_access
    asked = await _open(access, request.path_params["task"])
    made = await answering.looked_at(access, asked)
    return await picture(made, reading.PDF, tuple((n, 0) for n in range(500)), request.path_params["page"])


async def _open(access: Access, id_: str) -> Asked:
    asked = await requests.one(access, id_)
    if not asked.open or asked.missing():
        raise NotFound
    return asked


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access = request.state.plain_access
    r = await requests.one(access, request.path_params["task"])
    patients, named, rule, shown = await asyncio.gather(
        patient_names(access, [r.patient]), organization_names(access, [r.recipient]), policies.of(access), _shown(access, r) if r.open else _nothing()
    )
    receiver = named.get(r.recipient, "")
    to = await posting.partner_of(access, r.recipient) if shown and not r.basis.legal else None
    under_way = [underway.under_way(d) for d in reversed(await posting.states(access, sending.deliveries(r)))]
    return PAGES.render(
        request, "releasing/one.html", status=status, r=r, row=listed.row(access, r, patients, rule.number("release.soon-days")), who=patients.get(r.patient, ""), receiver=receiver, problem=problem, said=said or {},
        by_doors=", then ".join(DOORS[w.door].title.lower() for w in ways.in_order(to.reached)) if to else "", under_way=under_way,
        purpose=PURPOSES.get(r.purpose, r.purpose), scope=requests.SCOPES[r.scope][0], identities=rules.identities(), doors=rules.doors(), missing=r.missing(), shown=shown, due=day_text(r.due.isoformat()),
        received=day_text(r.received.isoformat()), notes=[(day_and_time(when), by, text) for when, by, text in reversed(r.notes)], may=all(access.may(t, a) for t, a in requests.WRITES),
        fee=rule.number("release.fee-access" if r.basis.who == "patient" else "release.fee-page"), since=day_text(r.since), until=day_text(r.until),
    )  # fmt: skip


async def _nothing() -> dict[str, Any]:
    return {}


async def _shown(access: Access, r: Asked) -> dict[str, Any]:
    """What would leave and what would stay; documents with how much of each is blacked out; what was left out by hand."""
    found = await requests.preview(access, r)
    documents = [
        {"id": d.reference.partition("/")[2], "title": d.title, "day": day_text(d.day), "number": marking.number(r.marks, d.reference)} for d in sorted(marking.documents(found), key=lambda d: d.day, reverse=True)
    ]
    documents.sort(key=lambda d: not d["number"])
    entries = [(f"{s.type}/{s.id}", line(s.resource)) for s in found.leaves if s.type != "Patient"]
    return {
        "leaving": groups(found.leaves), "staying": held_back(found.stays), "number": len(found.leaves), "digest": answering.digest(found, r.marks), "documents": documents, "entries": entries[:400],
        "notice": requests.notice(found, access), "scope": found.outgoing.scope, "shows": found.outgoing.shows and not answering.bare(r, found), "bare": answering.BARE if found.leaves and answering.bare(r, found) else "", "refusal": answering.refusal(r, found),
    }  # fmt: skip
