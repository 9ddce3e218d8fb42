"""GET and POST .../documents/{document}: black out passages of a document that would leave."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING

from starlette.responses import Response

from sojourn.base import clock
from sojourn.base.digits import digits
from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care.papers import reading, sandbox
from sojourn.care.release import marking, requests
from sojourn.care.release.answering import LOOKED
from sojourn.care.release.marking import Document
from sojourn.care.release.requests import Request as Asked
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.releasing.one import CHANGED
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request

    from sojourn.gate.access import Access


_seen: OrderedDict[tuple[str, int, str, str, str], tuple[float, Document]] = OrderedDict()
_KEPT = 4
"""Documents whose pages somebody looks at: as they were found for this version of the request a moment ago."""


async def _of(access: Access, task: str, document: str) -> tuple[Asked, Document]:
    """The request and a document that would leave with it. Raises NotFound alike for one that would not and one that there is not."""
    asked = await requests.one(access, task)
    if not asked.open:
        raise NotFound
    found = next((d for d in marking.documents(await requests.preview(access, asked)) if d.reference == f"DocumentReference/{document}"), None)
    if found is None:
        raise NotFound
    _seen[access.caller.account, access.caller.generation, task, document, asked.version] = (clock.monotonic(), found)
    while len(_seen) > _KEPT:
        _seen.popitem(last=False)
    return asked, found


async def show(request: Request) -> Response:
    """The document as it would leave."""
    return await _page(request)


async def page(request: Request) -> Response:
    """One page as it would leave, as a picture."""
    access, task, id_, which = request.state.plain_access, request.path_params["task"], request.path_params["document"], request.path_params["page"]
    asked = await requests.one(access, task)
    when, document = _seen.get((access.caller.account, access.caller.generation, task, id_, asked.version), (0.0, None))
    if document is None or clock.monotonic() - when >= LOOKED:
        document = (await _of(access, task, id_))[1]
    if not digits(which) or not document.paged:
        raise NotFound
    try:
        boxes = marking.boxes(asked.marks, document)
    except Conflict:
        boxes = {}
    made = await sandbox.blacked(document.content, document.media, boxes, int(which) - 1)
    return Response(made, media_type="image/png", headers={"content-disposition": "inline", "content-security-policy": "default-src 'none'; sandbox"})


async def act(request: Request) -> Response:
    """Black out words, or a part of a page; or nothing any more. What else holds the same words as an answered form stays with it."""
    access = request.state.plain_access
    task, id_ = request.path_params["task"], request.path_params["document"]
    said = await sent(request)
    asked, document = await _of(access, task, id_)
    asked = asked._replace(version=said.get("version") or asked.version)
    try:
        match said.get("do", ""):
            case "words":
                marks, _ = await marking.words(asked.marks, document, said.get("words", ""))
            case "box":
                marks = marking.box(asked.marks, document, _whole(said.get("page", "")) - 1, _place(said))
            case "clear":
                marks = marking.cleared(asked.marks, document)
            case _:
                raise Malformed("Choose what to do.")
        # The sections of a note stand in an answered form of the same id, too; with passages blacked out, that copy must not go beside it.
        twin = f"QuestionnaireResponse/{id_}"
        without = asked.without - {twin} if document.reference not in marks else asked.without | {twin}
        await requests.amend(access, asked, marks=json.dumps(marks), without=",".join(sorted(without)))
    except VersionConflict:
        return await _page(request, CHANGED, 412)
    except (Malformed, Conflict) as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/requests/release/{task}/documents/{id_}", "saved")


def _whole(text: str) -> int:
    return int(text) if digits(text) else 0


def _place(said: dict[str, str]) -> tuple[float, float, float, float]:
    try:
        left, top, wide, high = (float(said.get(name, "")) / 100 for name in ("left", "top", "wide", "high"))
    except ValueError:
        raise Malformed("Mark a part of a page: from left and top, with a width and a height, in per cent.") from None
    return left, top, min(left + wide, 1.0), min(top + high, 1.0)


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access = request.state.plain_access
    asked, document = await _of(access, request.path_params["task"], request.path_params["document"])
    stale = asked.marks.get(document.reference, {}).get("version", document.version) != document.version
    pages = await sandbox.texts(document.content, document.media) if document.paged and document.media == reading.PDF else [""] if document.paged else []
    text = "" if document.paged else document.content.decode("utf-8", "replace") if stale else marking.text(asked.marks, document)
    return PAGES.render(
        request, "releasing/black.html", status=status, r=asked, d=document, id=request.path_params["document"], number=marking.number(asked.marks, document.reference), pages=len(pages), text=text,
        problem=problem or (marking.CHANGED if stale else ""), said=said or {}, key=asked.version[:10], searchable=not document.paged or any(p.strip() for p in pages),
    )  # fmt: skip
