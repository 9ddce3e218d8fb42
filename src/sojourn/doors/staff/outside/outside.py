"""GET and POST /patients/{id}/outside: ask a partner about this client, fetch and take in what it has.

Nothing on these pages waits for the partner: what is asked goes on beside them, and they show how far it is.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sojourn.base.digits import digits
from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care.summaries import fetching
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.lists import entering
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time, day_text
from sojourn.gate.exchange import asking
from sojourn.gate.exchange.asking import FAILED, FETCH, FIND, MATCH, NEEDS, OPEN, STOPPED, WAITING, Ask
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

TAKES: Final = (*NEEDS, ("DocumentReference", "create"), ("Task", "create"), ("Provenance", "create"))
_UNDER_WAY: Final = {MATCH: "Asking who this is there", FIND: "Looking for documents", FETCH: "Fetching documents"}
_STATES: Final = {WAITING: ("under way", "plain"), OPEN: ("answered", "good"), FAILED: ("did not work", "amber"), STOPPED: ("stopped", "plain")}
_SURE: Final = {"certain": "certain", "probable": "likely", "possible": "possible", "": "not said"}


async def listed(request: Request) -> Response:
    """What was asked about this client, and asking anew."""
    return await _listed(request)


async def begin(request: Request) -> Response:
    """Ask a partner."""
    access, patient = request.state.access, request.path_params["id"]
    said = await sent(request)
    try:
        number = said.get("program", "")
        id_ = await asking.begin(access, patient, said.get("partner", ""), int(number) if digits(number) else -1, entering.kept_key(said) or entering.key())
    except Malformed as error:
        return await _listed(request, error.message, 422, said)
    return redirect(request, f"/patients/{patient}/outside/{id_}", "asked-outside")


async def _listed(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, asks, whom, programs = await asyncio.gather(banner.fetch(access, patient), asking.of_patient(access, patient), asking.askable(access), entering.programs(access, patient))
    names = {p.id: p.name for p in await asking.known(access)}
    return PAGES.render(
        request, "outside/list.html", status=status, banner=about, parts=allowed(access), here="outside", rows=[_row(a, names) for a in asks], whom=whom, programs=programs, key=entering.key(), problem=problem, said=said or {},
    )  # fmt: skip


def _row(ask: Ask, names: dict[str, str]) -> dict[str, Any]:
    fetched = sum(p.state in ("fetched", "taken") for p in ask.papers)
    said = f"{len(ask.papers)} {'document' if len(ask.papers) == 1 else 'documents'}, {fetched} fetched" if ask.listed else "nobody found" if ask.matched and not ask.people else "choose who it is" if ask.matched else ""
    return {"id": ask.id, "partner": names.get(ask.partner, "A partner that is not registered any more"), "when": day_and_time(ask.made.isoformat()) if ask.made else "", "said": said, "state": _STATES[ask.state]}


async def one(request: Request) -> Response:
    """How far one is."""
    return await _one(request)


async def act(request: Request) -> Response:
    """Choose who it is, fetch documents, stop, ask again, take one in."""
    access, patient = request.state.access, request.path_params["id"]
    form = await request.form()
    said = {k: str(v) for k, v in form.items()}
    ask = await asking.one(access, patient, request.path_params["ask"])
    do, _, which = said.get("do", "").partition(":")
    seen = said.get("stamp") or ask.stamp
    try:
        match do:
            case "choose":
                if which not in {p.id for p in ask.people}:
                    raise Malformed("Choose who it is.")
                await asking.keep(access, replace(ask, person=which, state=WAITING, next=FIND, why="", papers=(), listed=False), seen, "ask-outside-choose")
            case "fetch":
                await asking.keep(access, asking.wanted(ask, [str(v) for v in form.getlist("paper")]), seen, "ask-outside-fetch")
            case "stop":
                await asking.keep(access, replace(ask, state=STOPPED), ask.stamp, "ask-outside-stop")
            case "again":
                await asking.keep(access, _again(await asking.anew(access, ask)), seen, "ask-outside-again")
            case "take":
                return await _take(request, ask, which, said)
            case _:
                raise Malformed("Choose what to do.")
    except VersionConflict as error:
        return await _one(request, error.message, 409)
    except (Malformed, Conflict) as error:
        return await _one(request, error.message, 422, which if do == "take" else "")
    return redirect(request, f"/patients/{patient}/outside/{ask.id}")


def _again(ask: Ask) -> Ask:
    """On from where it stopped: what was answered stays, what was chosen and not fetched is fetched."""
    again = FETCH if any(p.state == "wanted" for p in ask.papers) else FIND if ask.person else MATCH
    return replace(ask, state=WAITING, next=again, why="")


async def _take(request: Request, ask: Ask, key: str, said: dict[str, str]) -> Response:
    access = request.state.access
    if not all(access.may(t, a) for t, a in TAKES):
        raise NotFound("There is no such document.")
    partner = next((p for p in await asking.known(access) if p.id == ask.partner), None)
    if partner is None:
        raise Malformed("This partner is not registered any more.")
    where = await fetching.take(access, ask, key, partner, sure=said.get("sure") == "yes")
    await asking.keep(access, fetching.taken(ask, key, where), ask.stamp, "ask-outside-take")
    if where == fetching.TRAY:
        return redirect(request, f"/patients/{ask.patient}/outside/{ask.id}", "asked-in-tray")
    return redirect(request, f"/patients/{ask.patient}/papers/{where}", "document-taken")


async def _one(request: Request, problem: str = "", status: int = 200, unsure: str = "") -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, ask, every = await asyncio.gather(banner.fetch(access, patient), asking.one(access, patient, request.path_params["ask"]), asking.known(access))
    name = next((p.name for p in every if p.id == ask.partner), "A partner that is not registered any more")
    chosen = next((p for p in ask.people if p.id == ask.person), None)
    return PAGES.render(
        request, "outside/one.html", status=status, banner=about, parts=allowed(access), here="outside", ask=ask, name=name, state=_STATES[ask.state], waits=ask.state == WAITING, doing=_UNDER_WAY[ask.next], problem=problem, unsure=unsure,
        people=[(p, day_text(p.born), _SURE[p.sure]) for p in ask.people], chosen=chosen, chosen_born=day_text(chosen.born) if chosen else "", papers=[_paper(p) for p in ask.papers], fetchable=any(p.state in ("", "failed") for p in ask.papers),
        takes=all(access.may(t, a) for t, a in TAKES), reads=access.may("Paper", "index"),
    )  # fmt: skip


def _paper(p: asking.Paper) -> dict[str, Any]:
    kind = {"application/xml": "clinical document", "text/xml": "clinical document", "application/hl7-cda+xml": "clinical document", "application/pdf": "PDF"}.get(p.media.partition(";")[0], p.media or "kind not said")
    size = f"{p.size // 1024 or 1} kB" if p.size else "made when it is fetched" if not p.size and p.state == "" else ""
    marked = any(code in ("R", "V", "42CFRPart2") for _, code in p.labels)
    return {"key": p.key, "title": p.title, "day": day_text(p.day) or "no date", "author": p.author, "kind": kind, "size": size, "state": p.state, "problem": p.problem, "filed": p.filed, "tray": p.filed == fetching.TRAY, "marked": marked}
