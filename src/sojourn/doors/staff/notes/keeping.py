"""What the editor asks while one types: keep, compare, copy, this browser's key, pieces to put in."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from sojourn.base.errors import Malformed, NotFound, VersionConflict
from sojourn.care.notes import drafting, inserting, templates
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.notes import desk
from sojourn.gate import drafts
from sojourn.gate.changes import new_id
from sojourn.web.session import csrf_token

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.notes.drafting import Draft
    from sojourn.gate.access import Access


async def key(request: Request) -> Response:
    """GET /notes/key: under what this browser keeps what it could not send, for this person alone; and a token for their forms."""
    key_ = base64.b64encode(drafts.browser_key(request.state.access)).decode()
    return JSONResponse({"key": key_, "csrf": csrf_token(request.state.csrf_secret)})


async def now(request: Request) -> Response:
    """GET …/keep: the draft as the server has it, for a window that comes back to the front."""
    return JSONResponse(_told(await _found(request.state.access, request.path_params["id"], request.path_params["key"])))


async def _found(access: Access, patient: str, id_: str) -> Draft:
    """A draft of theirs with its words: about a client whom they see still, which is in the trail. Raises NotFound."""
    await banner.fetch(access, patient)
    return await desk.found(access, patient, id_)


async def keep(request: Request) -> Response:
    """POST …/keep: keep what stands in the editor. 409 with what another window kept: then the person decides, and nothing is lost."""
    access, patient, id_ = request.state.access, request.path_params["id"], request.path_params["key"]
    said = await _said(request)
    before = await drafting.kept(access, id_)
    if before is None or before.patient != patient:
        raise NotFound
    typed = replace(before, values=_values(said), stamp=str(said.get("stamp", "")), tab=str(said.get("tab", ""))[:40])
    try:
        return JSONResponse(_told(await drafting.keep(access, typed), values=False))
    except VersionConflict:
        return JSONResponse(_told(await _found(access, patient, id_)), 409)


async def copy(request: Request) -> Response:
    """POST …/copy: keep a text that its author did not go on with as a draft of its own."""
    access, patient = request.state.access, request.path_params["id"]
    said = await _said(request)
    await banner.fetch(access, patient)
    template = str(said.get("template", ""))
    if template not in await templates.kept(access):
        raise Malformed("There is no such format of notes.")
    made = await drafting.keep(access, drafting.Draft(new_id(), patient, template, _values(said)))
    return JSONResponse({"path": f"/patients/{patient}/notes/write/{made.id}"})


async def pieces(request: Request) -> Response:
    """POST …/insert: what can be put in from the chart."""
    access, patient = request.state.access, request.path_params["id"]
    await desk.found(access, patient, request.path_params["key"])
    return JSONResponse({"pieces": [piece._asdict() for piece in await inserting.pieces(access, patient)]})


async def _said(request: Request) -> dict[str, Any]:
    try:
        said = json.loads(await request.body())
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Malformed("Send what stands in the editor as JSON.")
    return said


def _values(said: dict[str, Any]) -> dict[str, list[str]]:
    """Values as the editor sends them: a name with its texts. What is nothing of the kind is left out."""
    raw = said.get("values")
    if not isinstance(raw, dict):
        raise Malformed("Send the values of the editor.")
    return {name: [t for t in texts if isinstance(t, str)] for name, texts in raw.items() if isinstance(texts, list) and len(name) < 80}


def _told(draft: Draft, *, values: bool = True) -> dict[str, Any]:
    told: dict[str, Any] = {"stamp": draft.stamp, "at": draft.updated.isoformat() if draft.updated else ""}
    return told | ({"values": draft.values, "tab": draft.tab} if values else {})
