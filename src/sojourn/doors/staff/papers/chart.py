"""GET and POST /patients/{id}/papers: what came from outside, and moving what is somebody else's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sojourn.base.digits import digits
from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care import policies
from sojourn.care.papers import filed, reading, sandbox
from sojourn.care.papers.filed import Filed
from sojourn.care.papers.indexing import Wish
from sojourn.care.summaries import charting, filing
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.lists import entering
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.papers import summary
from sojourn.doors.staff.papers.paper import _found as people_found
from sojourn.doors.staff.papers.paper import picture
from sojourn.doors.staff.words import day_text
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

TAKES = (*filed.NEEDS, ("DocumentReference", "create"), ("Task", "create"), ("List", "create"))
CHANGED = "Somebody else changed this document since you opened it. It is shown as it is now."


async def listed(request: Request) -> Response:
    """Papers of this chart, the last to be filed first."""
    form = await sent(request) if request.method == "POST" else {}
    return await _listed(request, form.get("cursor") or None)


async def take(request: Request) -> Response:
    """Take in a clinical document that somebody brings to this chart; then it is reconciled."""
    access, patient = request.state.access, request.path_params["id"]
    form = await request.form(max_files=1)
    file = form.get("file")
    content = b"" if file is None or isinstance(file, str) else await file.read()
    said = {k: str(v) for k, v in form.items() if isinstance(v, str)}
    await form.close()
    try:
        if not content:
            raise Malformed("Choose the file.")
        mine = access.caller.agent or ""
        kinds = (await policies.of(access)).value("papers.kinds")
        wish = Wish(patient, int(said["program"]) if digits(said.get("program", "")) else 0, next(iter(kinds), "Record"), "", "", reviewer=mine if mine.startswith("Practitioner/") else "")
        id_ = await filing.straight(access, content, wish, entering.kept_key(said) or entering.key(), sure=said.get("sure") == "yes")
    except (Malformed, Conflict) as error:
        return await _listed(request, None, error.message, 422, said)
    return redirect(request, f"/patients/{patient}/papers/{id_}", "document-taken")


async def _listed(request: Request, cursor: str | None, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, (found, following), documents = await asyncio.gather(banner.fetch(access, patient), filed.of_patient(access, patient, cursor=cursor), charting.of_patient(access, patient))
    waits = [d for d in documents if d.done is None and not d.over]
    done = {d.id for d in documents if d.done is not None}
    takes = all(access.may(t, a) for t, a in TAKES)
    return PAGES.render(
        request, "papers/chart.html", status=status, problem=problem, said=said or {}, takes=takes, programs=await entering.programs(access, patient) if takes else None, key=entering.key(), banner=about, parts=allowed(access), here="papers", rows=[_row(f) for f in found], next=following, waits=waits, done=done, day=day_text, reconciles=all(access.may(t, a) for t, a in charting.WRITES),
    )  # fmt: skip


def _row(f: Filed) -> dict[str, Any]:
    return {"id": f.id, "kind": f.kind, "title": f.title, "day": day_text(f.day), "filed": day_text(f.filed), "trace": f.trace, "about": f.about}


async def one(request: Request) -> Response:
    """One document: its pages, what it is, and who is to look at it."""
    return await _one(request)


async def page(request: Request) -> Response:
    """One page as a picture."""
    access = request.state.access
    f = await filed.one(access, request.path_params["id"], request.path_params["document"])
    if f.trace:
        raise NotFound
    content, media = (charting.content(f.resource), reading.CCDA) if f.document else (f.content, reading.PDF)
    return await picture(content, media, tuple((n, 0) for n in range(reading.MOST_PAGES)), request.path_params["page"])


async def act(request: Request) -> Response:
    """Looked at."""
    access, patient = request.state.access, request.path_params["id"]
    said = await sent(request)
    f = await filed.one(access, patient, request.path_params["document"])
    try:
        await filed.looked(access, f, said.get("note", ""))
    except Malformed as error:
        return await _one(request, error.message, 422)
    except Conflict:
        return await _one(request, CHANGED, 409)
    return redirect(request, f"/patients/{patient}/papers/{f.id}", "saved")


async def _one(request: Request, problem: str = "", status: int = 200) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, f = await asyncio.gather(banner.fetch(access, patient), filed.one(access, patient, request.path_params["document"]))
    works = await filed.asked(access, f) if access.may("Task", "search") else []
    if f.document and not f.trace:
        return await summary.in_chart(request, about, f, _row(f), works, problem, status)
    try:
        words = [] if f.trace or not f.content else await sandbox.texts(f.content, reading.PDF)
    except sandbox.Unreadable as error:
        words, problem = [], error.message
    return PAGES.render(
        request, "papers/one.html", status=status, banner=about, parts=allowed(access), here="papers", f=f, row=_row(f), words=words, problem=problem, works=works,
        said=filed.TEXT if f.trace else "", may_look=bool(works) and access.may("Task", "update"), may_move=f.came and all(access.may(t, a) for t, a in filed.MOVES),
    )  # fmt: skip


async def choose(request: Request) -> Response:
    """It belongs to somebody else: find them, say how it was noticed, move it."""
    access, patient = request.state.access, request.path_params["id"]
    about, f = await asyncio.gather(banner.fetch(access, patient), filed.one(access, patient, request.path_params["document"]))
    if not f.came:
        raise NotFound
    said = await sent(request) if request.method == "POST" else {}
    problem, status = "", 200
    if said.get("do") == "move":
        try:
            if not said.get("to"):
                raise Malformed("Choose whose it is.")
            await filed.move(access, f._replace(version=said.get("version") or f.version), said["to"], said.get("why", ""))
            return redirect(request, f"/patients/{patient}/papers", "paper-moved")
        except VersionConflict:
            problem, status = CHANGED, 412
        except (Malformed, Conflict) as error:
            problem, status = error.message, 422
    typed = said.get("q", "").strip()[:80]
    found, trouble = await people_found(access, typed)
    names = await patient_names(access, [said["to"]]) if said.get("to") else {}
    return PAGES.render(
        request, "papers/move.html", status=status, banner=about, parts=allowed(access), here="papers", f=f, row=_row(f), q=typed, said=said, problem=problem or trouble,
        found=[p for p in found if p.id != patient], to=said.get("to", ""), name=names.get(said.get("to", ""), ""),
    )  # fmt: skip
