"""On the handed-over device: somebody reads a document and signs it, typed or drawn."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from sojourn.base.errors import NotFound
from sojourn.care import signing
from sojourn.care.signing import acting, documents
from sojourn.doors.staff.handover.handing import finished
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.signing.document import RELATIONS
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_PNG = "data:image/png;base64,"
_MOST = 200_000
"""Bytes of a drawn signature."""
MEANING = {"self": "client", "parent": "guardian", "guardian": "guardian", "representative": "guardian", "witness": "witness"}
"""What the signature of somebody means, by their relation to the client."""


async def show(request: Request) -> Response:
    """GET /patients/{id}/documents/{document}/client."""
    return await _page(request, await _document(request))


async def sign(request: Request) -> Response:
    """POST: sign, or give back without."""
    document, fields = await _document(request), await sent(request)
    if fields.get("do") == "no":
        return await finished(request)
    handed = getattr(request.state, "handed", None)
    relation = str(handed.facts.get("relation", "")) if handed else ""
    drawn = _drawn(fields.get("drawn", ""))
    name = fields.get("name", "").strip()
    if problem := _problem(name, fields, relation):
        return await _page(request, document, problem, name, 422)
    signer = signing.Signer(
        name, relation, f"Patient/{document.patient}" if relation == "self" else "", "drawn" if drawn else "typed", str(handed.facts.get("identity", "")) if handed else "", drawn,
    )  # fmt: skip
    meaning, target = MEANING[relation], f"DocumentReference/{document.id}"
    if not any(s.genuine and (s.name, s.meaning, s.relation) == (name, meaning, relation) and s.binds(document.resource) for s in await signing.signatures(request.state.access, target)):
        made = await signing.prepare(request.state.access, [target], document.shown, meaning, signer=signer, labels=acting.apart_of(document), program=document.program)
        await request.state.access.write(made.changes, action="sign")
    return await finished(request)


async def _document(request: Request) -> documents.Document:
    document = await documents.read(request.state.access, request.path_params["document"])
    if document.patient != request.path_params["id"] or not document.text:
        raise NotFound
    return document


def _problem(name: str, fields: dict[str, str], relation: str) -> str:
    if relation not in MEANING:
        return "This device was not handed over for a signature. Please give it back."
    if len(name.split()) < 2:
        return "Please type your first and last name."
    if fields.get("agree") != "yes":
        return "Please tick that you have read it, or give the device back without signing."
    return ""


def _drawn(text: str) -> bytes:
    """The picture that was drawn; nothing if there is none, or if it is no picture."""
    if not text.startswith(_PNG):
        return b""
    try:
        data = base64.b64decode(text.removeprefix(_PNG), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) <= _MOST else b""


async def _page(request: Request, document: documents.Document, problem: str = "", name: str = "", status: int = 200) -> Response:
    handed = getattr(request.state, "handed", None)
    relation = RELATIONS.get(str(handed.facts.get("relation", "")), "") if handed else ""
    title = str((document.resource.get("type") or {}).get("text") or "Document")
    return PAGES.render(
        request, "handover/client.html", status=status, text=document.text, title_=title, relation=relation, problem=problem, name=name,
    )  # fmt: skip
