"""GET and POST /tray: what came in and is in no chart yet; taking in files from a scanner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.base import ids
from sojourn.base.digits import digits
from sojourn.care import policies
from sojourn.care.papers import reading, receiving
from sojourn.care.papers.receiving import File, Refused
from sojourn.doors.staff.lines import Line
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time
from sojourn.gate import papers
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.papers import Paper

MOST_FILES = 20


async def show(request: Request) -> Response:
    """What waits."""
    return await _page(request)


async def take(request: Request) -> Response:
    """Take in files: each is one paper. What is not taken is named with its reason; the others are in the tray."""
    access = request.state.access
    form = await request.form(max_files=MOST_FILES)
    number = str(form.get("program", ""))
    program = int(number) if digits(number) else 0
    files = [File(str(f.filename), await f.read()) for f in form.getlist("files") if not isinstance(f, str) and f.filename]
    await form.close()
    if not files:
        return await _page(request, [Refused("", "Choose at least one file.")], 422)
    taken, refused = await receiving.take_in(access, files, program=program if program in access.caller.programs else 0, key=str(form.get("key", ""))[:60])
    if refused:
        return await _page(request, refused, 422, len(taken))
    return redirect(request, f"/tray/{taken[0]}" if len(taken) == 1 else "/tray", "papers-taken")


async def _page(request: Request, refused: list[Refused] | None = None, status: int = 200, taken: int = 0) -> Response:
    access = request.state.access
    rules = await policies.of(access)
    waits = [row(access, p, rules.number("papers.tray-days")) for p in await papers.waiting(access)]
    aside = [row(access, p, rules.number("papers.tray-days")) for p in await papers.aside(access)]
    return PAGES.render(
        request, "papers/tray.html", status=status, waits=waits, aside=aside, refused=refused or [], taken=taken, programs=access.programs, key=ids.new_id("tray"), most=reading.MOST_BYTES // (1024 * 1024),
        every=all(p.number in access.caller.programs for p in access.rules.programs.values() if p.part2),
    )  # fmt: skip


def row(access: Access, p: Paper, days: float) -> dict[str, Any]:
    """A paper in the list."""
    program = access.rules.programs.get(p.program)
    late = (access.now - p.arrived).total_seconds() > days * 86400
    return {
        "id": p.id, "door": "Clinical document" if p.media == reading.CCDA else {papers.FAX: "Fax", papers.SCAN: "Scan", papers.API: "By the API", papers.SFTP: "SFTP", papers.HL7: "HL7 v2", papers.DIRECT: "Direct", papers.MHD: "Document exchange"}[p.door], "sender": p.sender, "pages": len(p.pages), "document": p.media == reading.CCDA, "kind": reading.NAMES[p.media], "arrived": day_and_time(p.arrived.isoformat()),
        "program": program.name if program else "Program not known", "late": late, "why": p.about, "stamp": p.stamp,
    }  # fmt: skip


async def today(access: Access) -> list[Line]:
    """How many wait, in one line: what they are is not known yet."""
    waits = await papers.waiting(access)
    if not waits:
        return []
    rules = await policies.of(access)
    late = sum((access.now - p.arrived).total_seconds() > rules.number("papers.tray-days") * 86400 for p in waits)
    said = f"{len(waits)} {'paper waits' if len(waits) == 1 else 'papers wait'} to be put into a chart"
    return [Line(said, "/tray", "", f"{late} late" if late else "", "amber" if late else "plain")]
