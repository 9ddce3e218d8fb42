"""A clinical document (C-CDA) as it is read: in the tray, and in a chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from sojourn.base.errors import NotFound
from sojourn.care.papers.filed import MOVES
from sojourn.care.papers.indexing import REVIEW
from sojourn.care.papers.sandbox import Unreadable
from sojourn.care.summaries import bodies, charting, deciding, elements, filing, opening
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.lists import entering
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.patients.patients import row as patient_row
from sojourn.doors.staff.words import day_and_time, day_text
from sojourn.gate import documentmarks, papers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.papers.filed import Filed
    from sojourn.care.tasks import Work
    from sojourn.gate.access import Access
    from sojourn.gate.papers import Paper
    from sojourn.wire.ccda.facts import Document

_KINDS: Final = {"18842-5": "Discharge summary from elsewhere", "57133-1": "Referral"}
_USUAL: Final = "Record from another practice"
_MARKS: Final = {"R": "restricted", "V": "very restricted", "42CFRPart2": "42 CFR Part 2"}


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its title, and its narrative as HTML of our own making."""

    title: str
    html: Markup


@dataclass(frozen=True, slots=True)
class Shown:
    """A document on the screen. body: words of one without sections; pages: words of each page of one that is drawn; file: why a body that is a file is not shown.

    people: whom it may be about.
    """

    title: str
    name: str
    born: str
    sex: str
    numbers: tuple[str, ...]
    address: str
    about: str
    day: str
    code: str
    marks: list[str]
    sections: list[Section]
    body: str = ""
    pages: tuple[str, ...] = ()
    file: str = ""
    sure: bool = False
    why: str = ""
    people: tuple[Any, ...] = ()

    def begins(self, kinds: list[str]) -> dict[str, str]:
        """What the form of the tray begins with."""
        kind = _KINDS.get(self.code, _USUAL)
        return {"title": self.title[:120], "day": self.day if len(self.day) == len("2026-01-01") else "", "kind": kind if kind in kinds else ""}


async def of_paper(access: Access, paper: Paper) -> Shown:
    """A document in the tray, with those whom it may be about."""
    content = await papers.content(access, paper)
    document = await opening.opened(content)
    who = await filing.whose(access, document)
    found = await access.search("Patient", [("_id", ",".join(who.candidates))], count=len(who.candidates)) if who.candidates else None
    return await _shown(document, content, who.sure, who.why, tuple(patient_row(r) for r in (found.resources if found else ())))


async def _shown(document: Document, content: bytes, sure: bool = False, why: str = "", people: tuple[Any, ...] = ()) -> Shown:
    p = document.patient
    body, pages, file = await _body(document)
    marks = [_MARKS.get(c["code"], c["code"]) for c in documentmarks.whole(document)]
    sections = [Section(s.title, Markup(s.html)) for s in await opening.shown(content)]  # noqa: S704 - made by wire/ccda/narrative.py of escaped words
    return Shown(
        elements.words(document.title or elements.name(document.code)), elements.words(p.name), day_text(p.born[:10]), opening.person(document).sex, tuple(elements.words(i) for i in p.identifiers[:6]), elements.words(", ".join(p.address)),
        opening.about(document), document.made[:10], document.code.code, list(dict.fromkeys(marks)), sections, body, pages, file, sure, why, people,
    )  # fmt: skip


async def _body(document: Document) -> tuple[str, tuple[str, ...], str]:
    """Of a body that is no sections: its words, those of its pages, and why it is not shown or not all."""
    body = bodies.of(document)
    if body is None:
        return "", (), ""
    if not body.media:
        kept = f"It is longer than {bodies.LONGEST:,} characters. The rest is kept and not shown." if body.cut else ""
        said = kept if body.words else f"Its body is {body.called}." + (" It is kept as it came, and not shown here: ask its sender for a PDF." if body.data else " Ask its sender for it.")
        return body.words[: bodies.LONGEST], (), said
    try:
        return "", tuple(await bodies.pages(body)), ""
    except Unreadable as error:
        return "", (), f"Its body is {body.called}. {error.message} It is kept as it came."


async def in_chart(request: Request, about: Any, f: Filed, row: dict[str, Any], works: Sequence[Work], problem: str, status: int) -> Response:
    """A document in a chart: what it says, whether it is reconciled, and by whom."""
    access, patient = request.state.access, request.path_params["id"]
    document = shown = None
    try:
        content = charting.content(f.resource)
        document = await opening.opened(content)
        shown = await _shown(document, content)
    except (opening.BadDocument, NotFound):
        problem = problem or "This document cannot be read any more. It is kept as it came."
    done = (await deciding.done(access, patient, [f.id])).get(f.id)
    known = await entering.looked_up(access, [str((done.get("source") or {}).get("reference", ""))]) if done else {}
    who = ", ".join(filter(None, (entering.teller(str((done.get("source") or {}).get("reference", "")), known), day_and_time(done.get("date"))))) if done else ""
    return PAGES.render(
        request, "papers/summary.html", status=status, banner=about, parts=allowed(access), here="papers", f=f, row=row, d=shown, problem=problem, works=works, may_look=any(w.kind == REVIEW for w in works) and access.may("Task", "update"),
        done=done is not None, who=who, over=f.resource.get("status") == "superseded", reconciles=shown is not None and all(access.may(t, a) for t, a in charting.WRITES), may_move=f.came and all(access.may(t, a) for t, a in MOVES),
    )  # fmt: skip


