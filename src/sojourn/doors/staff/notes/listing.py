"""The notes of a chart: a list with a filter, one note to read and print, and those kept apart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response as Answer

from sojourn.care.notes import drafting, reading, similar, templates
from sojourn.care.notes.model import APART
from sojourn.care.signing import Signature, signatures
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time
from sojourn.gate import apart
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access


STATES = {
    "unsigned": ("not signed", "amber"), "returned": ("came back", "amber"), "reopened": ("opened again", "amber"), "co-signature": ("waits for a co-signature", "plain"),
    "corrected": ("corrected", "plain"), "wrong": ("entered in error", "red"), "outside": ("outside record", "plain"),
}  # fmt: skip
"""What is said of a note in a list; nothing of one that is signed, which is usual."""
COLUMNS = (("when", "When", "tight"), ("what", "Note", ""), ("by", "By", "spare"), ("state", "Status", "tight"))


async def show(request: Request) -> Response:
    """GET /patients/{id}/notes: the newest. POST: those of one kind or of mine, or the page after the cursor."""
    access, patient = request.state.access, request.path_params["id"]
    form = await sent(request) if request.method == "POST" else {}
    template, mine, cursor = form.get("template", ""), form.get("mine") == "yes", form.get("cursor") or None
    asked = reading.listed(access, patient, template=template, author=(access.caller.agent or "") if mine else "", cursor=cursor)
    about, (lines, found), known = await asyncio.gather(banner.fetch(access, patient), asked, templates.kept(access))
    rows = [row(line, f"/patients/{patient}/notes/{line.id}") for line in lines]
    kinds = [(key, kept.template.title) for key, kept in known.items() if not kept.template.apart]
    values: dict[str, Any] = {"rows": rows, "next": found.next, "kinds": kinds, "chosen": template, "mine": mine, "continued": bool(cursor)}
    return PAGES.render(request, "notes/list.html", block="rows" if cursor else "listed" if form else "", banner=about, parts=allowed(access), here="notes", **values)


def row(line: reading.Line, path: str) -> dict[str, Any]:
    """A line of the list as it is shown."""
    return {"path": path, "when": day_and_time(line.when), "what": line.title, "by": line.author, "state": STATES.get(line.state)}


async def kept_apart(request: Request) -> Response:
    """GET /patients/{id}/notes/apart: one's own notes that the law keeps apart, and nobody else's."""
    access, patient = request.state.access, request.path_params["id"]
    about, lines = await asyncio.gather(banner.fetch(access, patient), reading.kept_apart(access, patient))
    rows = [row(line, f"/patients/{patient}/notes/apart/{line.id}") for line in lines]
    return PAGES.render(request, "notes/apart.html", banner=about, parts=allowed(access), here="notes", rows=rows)


async def one(request: Request) -> Response:
    """GET /patients/{id}/notes/{note}, or under notes/apart: its exact text, and what hangs on it."""
    access, patient, id_ = request.state.access, request.path_params["id"], request.path_params["note"]
    own = "/notes/apart/" in request.url.path
    asking = apart.opened(access) if own else access
    shown = asyncio.gather(_signatures(asking, id_), reading.added(asking, id_))
    about, note, (signed, added) = await asyncio.gather(banner.fetch(access, patient), reading.one(access, patient, id_, own=own), shown)
    mine = bool(access.caller.agent) and any(a.get("reference") == access.caller.agent for a in note.document.get("author", ()))
    attachment: dict[str, Any] = next((c.get("attachment", {}) for c in note.document.get("content", ())), {})
    values: dict[str, Any] = {
        "note": note, "line": row(note.line, ""), "blocks": reading.blocks(note.shown, note.titles) if note.shown else [], "signatures": signed, "own": own,
        "added": [(day_and_time(str(a.get("date", ""))), similar.plain_text(a) or "") for a in added], "law": APART.get(note.apart, ""), "kind": str(attachment.get("contentType", "")), "open": mine and note.line.state in reading.OPEN and note.structure is not None,
    }  # fmt: skip
    return PAGES.render(request, "notes/one.html", banner=about, parts=allowed(access), here="notes", **values)


async def _signatures(access: Access, id_: str) -> list[Signature]:
    """Those of a note, as far as the role may ask for them."""
    return await signatures(access, f"DocumentReference/{id_}") if access.may("Provenance", "search") else []


async def anywhere(request: Request) -> Response:
    """GET /notes/{note}: the same note in its chart, for places that know only the note."""
    found = await request.state.access.read("DocumentReference", request.path_params["note"])
    patient = str(found.resource.get("subject", {}).get("reference", "")).removeprefix("Patient/")
    return redirect(request, f"/patients/{patient}/notes/{found.id}")


async def take_up(request: Request) -> Response:
    """POST /patients/{id}/notes/{note}/edit: back into the editor, where it was left or as it was saved."""
    access, patient, id_ = request.state.access, request.path_params["id"], request.path_params["note"]
    own = "/notes/apart/" in request.url.path
    draft = await drafting.kept(access, id_)
    if draft is None:
        note = await reading.one(access, patient, id_, own=own)
        if note.structure is None or note.line.state not in reading.OPEN:
            return Answer(status_code=303, headers={"location": f"/patients/{patient}/notes/{id_}"})
        draft = drafting.taken_up(note.document, note.structure.resource, note.stored.version)
        await drafting.keep(access, draft)
    return redirect(request, f"/patients/{draft.patient}/notes/write/{id_}")
