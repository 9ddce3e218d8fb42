"""Export of the trail: a table or AuditEvents, streamed; the export itself is in the trail."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse

from sojourn.base.errors import Malformed
from sojourn.doors.staff.desk.trail.trail import wished
from sojourn.doors.staff.sheets import harmless
from sojourn.fhir import codec
from sojourn.gate.trail import events, people
from sojourn.gate.trail.lines import Line, every
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.trail.lines import Wish

COLUMNS = ("recorded", "request", "account", "name", "role", "door", "purpose", "action", "outcome", "type", "query", "patients", "shown")


async def export(request: Request) -> Response:
    """Everything that fits the form. Raises Malformed while something in it is wrong or has to be chosen."""
    access: Access = request.state.access
    form = await sent(request)
    asked = await wished(access, form, await people.people(access))
    if asked.wish is None:
        raise Malformed(asked.problem or "Several patients fit these words. Search first, and choose one.")
    table = form.get("format") != "ndjson"
    chunks = _csv(access, asked.wish) if table else _ndjson(access, asked.wish)
    first = await anext(chunks)  # so that a refusal is a page, and the trail has the export before its first byte leaves
    name, media = ("audit-trail.csv", "text/csv; charset=utf-8") if table else ("audit-trail.ndjson", "application/fhir+ndjson")
    return StreamingResponse(_with(first, chunks), media_type=media, headers={"content-disposition": f'attachment; filename="{name}"'})


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


async def _csv(access: Access, wish: Wish) -> AsyncIterator[bytes]:
    head = _rows([list(COLUMNS)])
    async for chunk in every(access, wish):
        yield head + _rows([_cells(line) for line in chunk])
        head = b""
    yield head


async def _ndjson(access: Access, wish: Wish) -> AsyncIterator[bytes]:
    async for chunk in every(access, wish):
        yield b"".join(codec.dumps(events.event(access.house.key, access.house.base, line, wish.patient)) + b"\n" for line in chunk)
    yield b""


def _cells(line: Line) -> list[str]:
    values = (
        line.recorded.isoformat(), line.request, line.account, line.name, line.role, line.door, line.purpose, line.action, line.outcome, line.type, line.query,
        " ".join(line.patients), " ".join(line.entities),
    )  # fmt: skip
    return [harmless(value) for value in values]


def _rows(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
