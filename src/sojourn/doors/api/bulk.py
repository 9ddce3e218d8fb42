"""Bulk Data Access: $export, how far it is, its files (hl7.org/fhir/uv/bulkdata)."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterator
from typing import Any

from sojourn.base import errors
from sojourn.doors.api.answer import Answer, http_date, of_issues, of_json
from sojourn.doors.api.ask import Ask
from sojourn.fhir import codec
from sojourn.fhir.outcome import Issue, outcome
from sojourn.gate.bulk import arriving, asking, leaving
from sojourn.gate.bulk.leaving import Export, File
from sojourn.gate.preparing import instant

PLACE = "$bulk"
"""Under this the exports of a caller are found."""
NOTICE = "https://sojourn.example/fhir/StructureDefinition/disclosure-notice"
NOTES = "OperationOutcome.1.ndjson"
"""What is to be said with an export: the notice that goes with it, and parameters that were passed over."""
NDJSON = b"application/fhir+ndjson"
_MANY = 50_000
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})").fullmatch


async def begin(ask: Ask, type_: str | None, id_: str | None = None) -> Answer:
    """GET or POST $export, Patient/$export, Group/[id]/$export: 202, and where to ask how far it is."""
    if (type_, id_ is None) not in ((None, True), ("Patient", True), ("Group", False)):
        raise errors.NotSupported("$export is offered for the system, for Patient and for one Group.")
    if "respond-async" not in re.split(r"[,;\s]+", ask.header("prefer").lower()):
        raise errors.Malformed("Send Prefer: respond-async. Exports are made beside the request.")
    ask.check_format()
    if ask.method == "POST" and await ask.body():
        ask.read_also(_parameters(await ask.json()))
    params = ask.search_params()
    if ask.method != "POST" and any(name == "patient" for name, _ in params):
        raise errors.NotSupported("Patients are named in a POST, so that they stand in no address.")
    level = "group" if id_ else "patient" if type_ else "system"
    wanted = await asking.wish(ask.access, params, level=level, group=id_ or "", lenient=ask.prefer("handling") == "lenient")
    path = "/".join(ask.parts)
    export, receipt = await asking.begin(ask.access, wanted, f"{ask.base}{path}" + (f"?{ask.query}" if ask.query else ""))
    answer = of_issues([Issue("information", "informational", "", "The export is being made. Ask at Content-Location how far it is.")], 202)
    answer.about, answer.receipt = True, receipt
    answer.headers.append((b"content-location", f"{ask.base}{PLACE}/{export}".encode()))
    return answer


def _parameters(body: Any) -> list[tuple[str, str]]:
    """The parameters of a kick-off's Parameters, references as their text."""
    if not isinstance(body, dict) or body.get("resourceType") != "Parameters" or not isinstance(body.get("parameter", []), list):
        raise errors.Malformed("Send a Parameters resource.", expression="resourceType")
    found = []
    for part in body.get("parameter", ()):
        for key, value in part.items() if isinstance(part, dict) else ():
            text = value.get("reference") if key == "valueReference" and isinstance(value, dict) else value
            if key.startswith("value") and isinstance(text, str):
                found.append((str(part.get("name")), text))
    return found


async def status(ask: Ask, export: str) -> Answer:
    """GET [status]: 202 with progress, or the manifest."""
    found = await leaving.one(ask.access, export)
    if found.state == "failed":
        return of_issues([Issue("error", "exception", "", found.problem)], 500)
    if found.state != "done":
        wait = 1 if found.lines < _MANY else 5
        progress = f"{found.kind} of {found.kinds} kinds of lines, {found.lines} lines so far"
        return Answer(202, headers=[(b"x-progress", progress.encode()), (b"retry-after", b"%d" % wait)], about=True)
    manifest = await _manifest(ask, found)
    receipt = await leaving.told(ask.access, found)
    return Answer(200, codec.dumps(manifest), [(b"expires", http_date(found.expires))], receipt, b"application/json", about=True)


async def _manifest(ask: Ask, export: Export) -> dict[str, Any]:
    here = f"{ask.base}{PLACE}/{export.id}/"
    files = await leaving.files(ask.access, export)
    notes = await _notes(ask, export)
    told = [{"url": NOTICE, "valueString": text} for text in await leaving.notices(ask.access, export)]
    return {
        "transactionTime": instant(export.begun),
        "request": export.request,
        "requiresAccessToken": True,
        "output": [{"type": f.type, "url": here + f.name, "count": f.count} for f in files if f.type != "Bundle" or not f.name.startswith(asking.DELETED)],
        "deleted": [{"type": f.type, "url": here + f.name, "count": f.count} for f in files if f.name.startswith(asking.DELETED)],
        "error": [{"type": "OperationOutcome", "url": here + NOTES, "count": len(notes)}] if notes else [],
        **({"extension": told} if told else {}),
    }


async def _notes(ask: Ask, export: Export) -> list[bytes]:
    over = [f"The parameter {name[:64]} is not known here and was passed over." for name in export.wish.lenient]
    return [codec.dumps(outcome([Issue("information", "informational", "", text)])) for text in (*await leaving.notices(ask.access, export), *over)]


async def cancel(ask: Ask, export: str) -> Answer:
    """DELETE [status]: it ends, with its files."""
    await leaving.cancel(ask.access, export)
    answer = of_issues([Issue("information", "informational", "", "The export was ended; there is nothing left of it.")], 202)
    answer.about = True
    return answer


async def download(ask: Ask, export: str, name: str) -> Answer:
    """GET a file: its lines, made and decided now. With Range only what follows, as long as the file is what it was."""
    found = await leaving.one(ask.access, export)
    if name == NOTES and found.state == "done" and (notes := await _notes(ask, found)):
        return Answer(200, b"".join(line + b"\n" for line in notes), media=NDJSON, about=True)
    file, parts = await leaving.file(ask.access, found, name)
    headers = [(b"etag", b'"%s"' % file.tag.encode()), (b"accept-ranges", b"bytes")]
    span = _span(ask, file)
    if span is not None:
        start, end = span
        if start >= file.size:
            raise Unsatisfiable(file.size)
        pieces = _up_to(leaving.lines(ask.access, found, file, parts, start=start), end - start)
        headers += [(b"content-range", b"bytes %d-%d/%d" % (start, end - 1, file.size)), (b"content-length", b"%d" % (end - start))]
        return Answer(206, b"", headers, await leaving.told(ask.access, found, name), NDJSON, pieces)
    receipt = await leaving.told(ask.access, found, name)
    whole = leaving.lines(ask.access, found, file, parts)
    if ask.takes_gzip():
        headers = [(b"etag", b'"%s-gzip"' % file.tag.encode()), (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
        return Answer(200, b"", headers, receipt, NDJSON, _packed(whole))
    return Answer(200, b"", headers, receipt, NDJSON, whole)


async def bring(ask: Ask) -> Answer:
    """POST $import: NDJSON, taken in as it comes. 200, with how many lines were written, were there already, were deleted, or were refused and why."""
    media = ask.header("content-type").partition(";")[0].strip().lower()
    if media not in ("application/fhir+ndjson", "application/ndjson", "application/x-ndjson"):
        raise errors.UnsupportedMedia("Send NDJSON, one resource on each line, as application/fhir+ndjson.")
    packing = ask.header("content-encoding").strip().lower()
    if packing not in ("", "identity", "gzip"):
        raise errors.UnsupportedMedia("Send the body as it is or packed with gzip.")
    await arriving.check(ask.access)
    made_by = arriving.program(ask.access, ask.param("program"))
    over = False

    async def read() -> bytes:
        nonlocal over
        while not over:
            message = await ask.receive()
            if message["type"] == "http.disconnect":
                raise errors.Malformed("The connection ended before the last line.")
            over = not message.get("more_body")
            if data := message.get("body", b""):
                return bytes(data)
        return b""

    done = await arriving.bring(ask.access, read, made_by, packed=packing == "gzip")
    told = (("written", done.written), ("unchanged", done.unchanged), ("refused", done.refused), *((("deleted", done.deleted),) if done.deleted else ()))
    counts = [{"name": name, "valueInteger": n} for name, n in told]
    refused = [{"name": "outcome", "resource": outcome(done.issues)}] if done.issues else []
    receipt = await ask.access.note(ask.access.entry("import", "Bulk", "&".join(f"{name}={n}" for name, n in told)))
    return of_json({"resourceType": "Parameters", "parameter": [*counts, *refused]}, receipt=receipt)


class Unsatisfiable(errors.SojournError):
    """The range begins after the end of the file."""

    status = 416
    code = "value"

    def __init__(self, size: int) -> None:
        super().__init__(f"The range begins after the end of the file, which has {size} bytes.")


def _span(ask: Ask, file: File) -> tuple[int, int] | None:
    """The bytes asked for, from and up to; None for the whole file: also where what the client has may be of another state of it (RFC 9110, 14.2)."""
    match = _RANGE(ask.header("range").strip())
    wanted = ask.header("if-range").strip()
    if match is None or (wanted and wanted != f'"{file.tag}"') or (not wanted and not file.steady):
        return None
    start, end = int(match[1]), min(int(match[2]) + 1, file.size) if match[2] else file.size
    return (start, end) if not match[2] or int(match[2]) >= start else None


async def _up_to(pieces: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield piece[:most]
        most -= len(piece)
        if most <= 0:
            return


async def _packed(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, compressed beside the event loop."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    async for piece in pieces:
        if data := await asyncio.to_thread(packer.compress, piece):
            yield data
    yield packer.flush()
