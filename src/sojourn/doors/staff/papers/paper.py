"""GET and POST /tray/{paper}: its pages, put in order; whose it is; into the chart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sojourn.base.digits import digits
from sojourn.base.errors import Conflict, Invalid, Malformed, NotFound, NotSupported, VersionConflict
from sojourn.care import policies
from sojourn.care.papers import indexing, reading, sandbox, sorting
from sojourn.care.papers.indexing import Wish
from sojourn.care.staffing import zones
from sojourn.care.summaries import bodies, filing, opening, registering
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.papers import summary, tray
from sojourn.doors.staff.patients.patients import row as patient_row
from sojourn.doors.staff.patients.terms import search_params
from sojourn.doors.staff.words import code_text, day_text, first, full_name, own_name
from sojourn.gate import origin, papers
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request

    from sojourn.gate.access import Access
    from sojourn.gate.papers import Paper

_FOUND = 15


async def show(request: Request) -> Response:
    """Its pages, and the search for whose it is."""
    return await _page(request)


async def page(request: Request) -> Response:
    """One page as a picture: nothing of the file itself ever reaches the browser."""
    access = request.state.access
    paper = await papers.one(access, request.path_params["paper"])
    return await picture(await papers.content(access, paper), paper.media, paper.pages, request.path_params["page"])


async def picture(content: bytes, media: str, pages: tuple[tuple[int, int], ...], which: str) -> Response:
    """Page `which` (from 1) as PNG; of a clinical document, of its body if that is a file. Raises NotFound."""
    if not digits(which):
        raise NotFound
    if media == reading.CCDA:
        content, media, pages = await _body(content)
    made = await sandbox.drawn(content, media, pages, int(which) - 1)
    return Response(made, media_type="image/png", headers={"content-disposition": "inline", "content-security-policy": "default-src 'none'; sandbox"})


async def _body(content: bytes) -> tuple[bytes, str, tuple[tuple[int, int], ...]]:
    """The file in a clinical document as `picture` takes it: more pages than it has are asked for, and there are none."""
    try:
        body = bodies.of(await opening.opened(content))
    except opening.BadDocument:
        raise NotFound from None
    if body is None or not body.media:
        raise NotFound
    return body.data, body.media, tuple((n, 0) for n in range(reading.MOST_PAGES))


async def act(request: Request) -> Response:
    """Put its pages in order, choose whose it is, index it, set it aside."""
    access, id_ = request.state.access, request.path_params["paper"]
    said = await sent(request)
    paper = await papers.one(access, id_)
    paper = paper._replace(stamp=said.get("stamp") or paper.stamp)
    try:
        match said.get("do", ""):
            case "find" | "choose":
                return await _page(request, said=said)
            case "register":
                number = said.get("program", "")
                new = await registering.register(access, paper, int(number) if digits(number) else 0, sure=said.get("sure") == "yes")
                return await _page(request, said={"do": "choose", "patient": new, "program": number})
            case "index":
                return await _index(request, paper, said)
            case "aside":
                if not said.get("why", "").strip():
                    raise Malformed("Write why it goes into no chart: an advertisement, a copy, a wrong number.")
                await papers.keep(access, paper._replace(about=said["why"].strip()), state=papers.ASIDE)
                return redirect(request, "/tray", "paper-aside")
            case "back":
                await papers.keep(access, paper, state=papers.WAITING)
            case do:
                await _sort(access, paper, do, said)
    except VersionConflict as error:
        return await _page(request, error.message, 412, said)
    except (Malformed, Conflict) as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/tray/{id_}", "saved")


async def _sort(access: Access, paper: Paper, do: str, said: dict[str, str]) -> None:
    """One step in putting pages in order; a button says which page after a colon."""
    verb, _, which = do.partition(":")
    at = int(which) - 1 if digits(which) else -1
    pages = paper.pages
    if verb == "turn":
        pages = sorting.turned(pages, at, int(said.get("degrees", "90") or 90))
    elif verb in ("up", "down"):
        pages = sorting.moved(pages, at, at + (1 if verb == "down" else -1))
    elif verb == "drop":
        pages = sorting.without(paper, at)
    elif verb == "restore":
        pages = sorting.restored(paper)
    elif verb == "split":
        pages, rest = sorting.split(pages, at)
        await papers.keep(access, paper._replace(pages=pages), part=papers.split_off(paper, rest))
        return
    else:
        raise Malformed("Choose what to do.")
    await papers.keep(access, paper._replace(pages=pages))


async def _index(request: Request, paper: Paper, said: dict[str, str]) -> Response:
    form = await request.form()
    labels = tuple(str(v) for v in form.getlist("labels"))
    number = said.get("program", "")
    wish = Wish(
        said.get("patient", ""), int(number) if digits(number) else 0, said.get("kind", ""), said.get("day", ""), said.get("title", ""), labels, said.get("born", ""), said.get("unborn") == "yes",
        said.get("encounter", ""), said.get("stay", ""), said.get("reviewer", ""), said.get("urgent") == "yes", said.get("known") == "yes",
    )  # fmt: skip
    access = request.state.access
    if paper.media == reading.CCDA:
        wish = filing.with_its_own(await opening.opened(await papers.content(access, paper)), wish)
    person = (await access.read("Patient", wish.patient)).resource if wish.patient else {}
    rules = await policies.of(access)
    wrong = indexing.wrong(wish, person, access.today, list(rules.value("papers.kinds")), set(access.caller.programs)) if person else {"patient": "Choose whose it is."}
    if wrong:
        return await _page(request, "", 422, {**said, "do": "choose"}, wrong, labels)
    await (filing.file if paper.media == reading.CCDA else indexing.index)(access, paper, wish)
    return redirect(request, "/tray", "paper-indexed")


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None, wrong: dict[str, str] | None = None, labels: tuple[str, ...] = ()) -> Response:
    access, said = request.state.access, said or {}
    paper = await papers.one(access, request.path_params["paper"])
    if paper.state != papers.WAITING:
        raise NotFound
    typed = said.get("q", "" if paper.media == reading.CCDA else paper.whose).strip()[:80]
    rules = await policies.of(access)
    document = await summary.of_paper(access, paper) if paper.media == reading.CCDA else None
    words = [] if document else await _words(access, paper)
    if document:
        said = {**document.begins(list(rules.value("papers.kinds"))), **said}
    found, trouble = await _found(access, typed)
    chosen: dict[str, Any] = {}
    if said.get("do") == "choose" and said.get("patient"):
        chosen = await _chosen(access, said["patient"])
    return PAGES.render(
        request, "papers/paper.html", status=status, p=paper, row=tray.row(access, paper, rules.number("papers.tray-days")), stamp=paper.stamp, words=words, q=typed, found=found,
        problem=problem or trouble, chosen=chosen, said=said, wrong=wrong or {}, kinds=rules.value("papers.kinds"), programs=access.programs, labels=indexing.LABELS, picked=labels,
        program=said.get("program") or str(paper.program or chosen.get("program") or ""), may=all(access.may(t, a) for t, a in indexing.WRITES), today=zones.today(access).isoformat(), document=document,
        registers=document is not None and not chosen and all(access.may(t, a) for t, a in registering.NEEDS),
    )  # fmt: skip


async def _words(access: Access, paper: Paper) -> list[str]:
    """The words of each page, for those who do not see pictures and for the search on the page."""
    return await sandbox.texts(await papers.content(access, paper), paper.media, paper.pages)


async def _found(access: Access, typed: str) -> tuple[list[Any], str]:
    """Who fits a name or a birth date, with what tells two people of one name apart. Only those whom the caller may see."""
    params = search_params(typed)
    if not params:
        return [], ""
    try:
        answer = await access.search("Patient", [*params, ("_sort", "family,given")], count=_FOUND)
    except (Invalid, Malformed, NotSupported):
        return [], "That is not a date or number that can be searched for. Dates are written 1988-03-04 or 3/4/1988."
    return [patient_row(r) for r in answer.resources], ""


async def _chosen(access: Access, patient: str) -> dict[str, Any]:
    """The person who was chosen, with their visits and stays, and who may be asked to look at it."""
    found = await access.search(None, [("_type", "Patient"), ("_id", patient)], count=1)
    if not found.matches:
        raise NotFound
    visits, stays, who, program = await asyncio.gather(
        access.search("Encounter", [("patient", patient), ("_sort", "-date")], count=12), access.search("EpisodeOfCare", [("patient", patient), ("_sort", "-date")], count=6),
        indexing.reviewers(access), origin.made_by(access, "Patient", patient),
    )  # fmt: skip
    person = found.matches[0].resource
    return {
        "id": patient, "name": full_name(person), "born": day_text(person.get("birthDate")), "row": patient_row(person), "program": program,
        "visits": [(s.id, f"{day_text((s.resource.get('period') or {}).get('start')) or 'Visit'}: {code_text(first(s.resource, 'type')) or 'visit'}") for s in visits.matches],
        "stays": [(s.id, f"{code_text(first(s.resource, 'type')) or 'Stay'} since {day_text((s.resource.get('period') or {}).get('start'))}") for s in stays.matches],
        "reviewers": [(reference, own_name(r)) for reference, r in who],
    }  # fmt: skip
