"""GET /exchange/messages/{message}/content of a file, and …/file: what it says, for who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import StreamingResponse

from sojourn.doors.staff.exchange import desk
from sojourn.doors.staff.pages import PAGES
from sojourn.gate.exchange import looking, partners
from sojourn.wire import filekind

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_SHOWN: Final = 20_000
_READ: Final = (filekind.HL7, filekind.CCDA, filekind.XML, filekind.FHIR, filekind.NDJSON, filekind.JSON, filekind.X12, filekind.EDIFACT, filekind.CSV, filekind.TEXT)


async def show(request: Request) -> Response:
    """Its name, what was found in it, and its beginning where it is text."""
    access, id_ = request.state.access, request.path_params["message"]
    found, head = await looking.opened(access, id_)
    begins = b""
    if head.kind in _READ:
        async for piece in looking.content(access, id_, head):
            begins += piece
            if len(begins) >= _SHOWN:
                break
    names = {p.id: p.name for p in await partners.every(access)}
    return PAGES.render(
        request, "exchange/file.html", m=found.envelope, head=head, row=desk.row(found.envelope, names, access.now), findings=found.result.findings,
        text=begins[:_SHOWN].decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n"), cut=head.size > _SHOWN,
    )  # fmt: skip


async def take(request: Request) -> Response:
    """The file as it came."""
    access, id_ = request.state.access, request.path_params["message"]
    _, head = await looking.opened(access, id_)
    headers = {"content-disposition": f'attachment; filename="file-{id_[:8]}"', "content-length": str(head.size), "cache-control": "no-store"}
    return StreamingResponse(looking.content(access, id_, head), media_type="application/octet-stream", headers=headers)
