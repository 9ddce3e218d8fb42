"""GET /exchange/messages/{message}/content of a document that a partner brought, and its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from sojourn.care.exchange import outside
from sojourn.care.summaries import bringing
from sojourn.doors.staff.exchange import desk
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text
from sojourn.gate import papers
from sojourn.gate.exchange import messages, partners
from sojourn.gate.exchange.keeping import REVIEW

if TYPE_CHECKING:
    from starlette.requests import Request

    from sojourn.care.summaries.bringing import Brought
    from sojourn.gate.exchange.messages import Result

DOOR: Final = papers.MHD
_SHOWN: Final = 100_000
_KINDS: Final = {"application/pdf": "PDF", "application/hl7-cda+xml": "Clinical document (C-CDA)", "image/tiff": "TIFF", "image/png": "PNG", "image/jpeg": "JPEG", "text/plain": "Text"}


async def show(request: Request) -> Response:
    """Whom it is said to be about, what its sender says of it, and what became of it."""
    access, id_ = request.state.access, request.path_params["message"]
    found = await messages.opened(access, id_)
    one = bringing.unpacked(found.content)
    names = {p.id: p.name for p in await partners.every(access)}
    return PAGES.render(
        request, "exchange/brought.html", m=found.envelope, row=desk.row(found.envelope, names, access.now), person=_person(one), facts=_facts(one), text=_text(one), links=_links(found.result), tray=found.envelope.state == REVIEW and access.may("Paper", "index"),
    )  # fmt: skip


def _text(one: Brought) -> str:
    """What a document of plain text says; '' for other kinds, which are taken, and looked at in the tray."""
    return one.content[:_SHOWN].decode("utf-8", "replace") if one.media == "text/plain" else ""


def taken(content: bytes, id_: str) -> Response:
    """The document as it came."""
    one = bringing.unpacked(content)
    return Response(one.content, media_type="application/octet-stream", headers={"content-disposition": f'attachment; filename="document-{id_[:8]}"', "cache-control": "no-store"})


def _person(one: Brought) -> dict[str, str]:
    name: dict[str, Any] = next((n for n in one.patient.get("name") or () if isinstance(n, dict)), {})
    numbers = [outside.words(i.get("value"), 60) for i in one.patient.get("identifier") or () if isinstance(i, dict)]
    given = " ".join(outside.words(g, 40) for g in name.get("given") or ())
    return {
        "Name": " ".join(filter(None, (given, outside.words(name.get("family"), 60)))), "Born": day_text(outside.words(one.patient.get("birthDate"), 10)), "Sex": outside.words(one.patient.get("gender"), 10), "Numbers": ", ".join(filter(None, numbers)),
    }  # fmt: skip


def _facts(one: Brought) -> dict[str, str]:
    r = one.reference
    authors = [outside.words(a.get("display"), 80) for a in r.get("author") or () if isinstance(a, dict)]
    labels = [code for _, code in outside.labels(r)]
    return {
        "What it is": one.words, "Date": day_text(outside.words(r.get("date"), 10)), "Author": ", ".join(filter(None, authors)), "Said to be confidential": ", ".join(labels), "Kind": _KINDS.get(one.media, one.media),
        "Pages": str(one.pages), "Size": f"{len(one.content)} bytes", "Its number there": one.unique,
    }  # fmt: skip


def _links(result: Result) -> list[tuple[str, str]]:
    """Where it is, for who sees that chart."""
    return [(f"/patients/{result.patient}/papers", "Papers of the chart that it is in")] if result.patient else []
