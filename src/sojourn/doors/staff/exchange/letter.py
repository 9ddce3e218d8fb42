"""GET /exchange/messages/{message}/content of a Direct letter, and …/files/{n}, for who may."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

from sojourn.base.errors import NotFound
from sojourn.doors.staff.exchange import desk
from sojourn.doors.staff.pages import PAGES
from sojourn.gate.exchange import direct, messages, partners
from sojourn.wire import direct as wire
from sojourn.wire import filekind, trust
from sojourn.wire.cms import NotGood
from sojourn.wire.mime import NotMail

if TYPE_CHECKING:
    from starlette.requests import Request

_SHOWN = 20_000


async def show(request: Request) -> Response:
    """Who wrote it, its words, its files, and what became of them."""
    access, id_ = request.state.access, request.path_params["message"]
    found = await messages.opened(access, id_)
    names = {p.id: p.name for p in await partners.every(access)}
    letter, signer = await _read(found.content)
    files = [{"n": n, "name": f.name or "without a name", "kind": filekind.of(f.content[:16_384]), "size": len(f.content)} for n, f in enumerate(letter.files)]
    return PAGES.render(
        request, "exchange/letter.html", m=found.envelope, row=desk.row(found.envelope, names, access.now), letter=letter, text=letter.text[:_SHOWN], files=files, findings=found.result.findings, signer=signer,
    )  # fmt: skip


async def take(request: Request) -> Response:
    """One file of it, as it came."""
    access, id_, n = request.state.access, request.path_params["message"], request.path_params["n"]
    found = await messages.opened(access, id_)
    if found.envelope.door != direct.DOOR:
        raise NotFound("There is no such file.")
    letter, _ = await _read(found.content)
    if not n.isdecimal() or len(n) > 4 or int(n) >= len(letter.files):  # noqa: PLR2004 - as many files as are read
        raise NotFound("There is no such file.")
    file = letter.files[int(n)]
    headers = {"content-disposition": f'attachment; filename="file-{id_[:8]}-{int(n) + 1}"', "cache-control": "no-store"}
    return Response(file.content, media_type="application/octet-stream", headers=headers)


async def _read(content: bytes) -> tuple[wire.Letter, str]:
    """The letter, and the fingerprint of the certificate that signed it. Raises NotFound."""
    try:
        letter = await asyncio.to_thread(wire.again, content)
        signed = await asyncio.to_thread(wire.opened, content)
    except (NotMail, NotGood):
        raise NotFound("There is no such file.") from None
    return letter, trust.fingerprint(signed.signer)
