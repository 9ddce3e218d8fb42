"""Take a release along: as a FHIR Bundle, byte for byte as it was logged, or as a document to print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from starlette.responses import Response

from sojourn.care.exchange import clinical
from sojourn.doors.staff.desk.names import moment, organization_names
from sojourn.doors.staff.kinds import Group, entries, line, title
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import born_with_age, day_text, each, full_name
from sojourn.fhir import codec
from sojourn.gate import disclosing, disclosurelog
from sojourn.gate.scope import PURPOSES
from sojourn.wire.ccda import narrative, reader

if TYPE_CHECKING:
    from starlette.requests import Request


async def bundle(request: Request) -> Response:
    """GET /releases/{disclosure}/bundle: the very bytes. The name of the file tells nothing of anybody."""
    row, content = await disclosurelog.payload(request.state.access, request.path_params["disclosure"])
    headers = {"content-disposition": f'attachment; filename="release-{row["disclosure"][:8]}.{_ending(row["media"])}"'}
    return Response(content, media_type=row["media"], headers=headers)


def _ending(media: str) -> str:
    return next((ending for part, ending in (("pdf", "pdf"), ("xml", "xml")) if part in media), "json")


async def document(request: Request) -> Response:
    """GET /releases/{disclosure}/print: the same content for paper, the notice first (42 CFR 2.32)."""
    access = request.state.access
    row, content = await disclosurelog.payload(access, request.path_params["disclosure"])
    if "pdf" in row["media"]:
        return Response(content, media_type="application/pdf", headers={"content-disposition": f'inline; filename="release-{row["disclosure"][:8]}.pdf"'})
    if row["media"] == clinical.MEDIA:
        return await _clinical(request, row, content)
    value = codec.loads(content)
    found = entries(value)
    names = await organization_names(access, [row["recipient"]])
    person = next((r for r in found if r["resourceType"] == "Patient"), {})
    carried = {e["url"]: e.get("valueString", "") for e in each(value.get("meta") or {}, "extension")}
    made: dict[str, Group] = {}
    for resource in found:
        kind = str(resource["resourceType"])
        made.setdefault(kind, Group(title(kind), [])).lines.append(line(resource))
    return PAGES.render(
        request, "release/document.html", row=row, name=full_name(person) if person else "", born=born_with_age(person) if person else "", groups=list(made.values()),
        notice=carried.get(disclosing.NOTICE, ""), scope=carried.get(disclosing.SCOPE, ""), recipient=names.get(row["recipient"], row["recipient"]),
        purpose=PURPOSES.get(row["purpose"], row["purpose"]), made=moment(row["made"]),
    )  # fmt: skip


async def _clinical(request: Request, row: Any, content: bytes) -> Response:
    """A clinical document as it is read: its own sections, of which the first is the notice where one is due."""
    read, told = reader.read(content), narrative.of(content)
    names = await organization_names(request.state.access, [row["recipient"]])
    sections = [{"title": s.title, "html": Markup(s.html)} for s in told]  # noqa: S704 - made of escaped words
    return PAGES.render(
        request, "release/clinical.html", row=row, d={"title": read.title, "sections": sections, "body": "", "pages": (), "file": ""}, name=read.patient.name, born=day_text(read.patient.born[:10]), recipient=names.get(row["recipient"], row["recipient"]),
        purpose=PURPOSES.get(row["purpose"], row["purpose"]), made=moment(row["made"]),
    )  # fmt: skip
