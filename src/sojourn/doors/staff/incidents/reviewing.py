"""One report for those who look into it: facts, clocks, cause, actions, committee, traces."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import ids
from sojourn.base.errors import Forbidden, Malformed, VersionConflict
from sojourn.care.incidents import reporting
from sojourn.care.incidents import reviewing as care
from sojourn.care.incidents.model import FACTORS, HARM, LONGEST, TYPES
from sojourn.care.staffing import zones
from sojourn.care.staffing.roster import name_of
from sojourn.doors.staff.incidents import words, writing
from sojourn.doors.staff.lines import remaining
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_of
from sojourn.gate.incidents import CLOSED
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.incidents.reviewing import Case
    from sojourn.gate.access import Access

_PEOPLE = 500


async def show(request: Request) -> Response:
    """GET /incidents/{incident}."""
    return await _page(request)


async def act(request: Request) -> Response:
    """POST: one of the acts of a review. What cannot be done is said at the top, and what was typed stands in its form again."""
    access: Access = request.state.access
    form = await writing.sent(request)
    case = care.seen(await care.open_(access, request.path_params["incident"]), writing.one(form, "seen"))
    zones.enter(access, [case.incident.program])
    try:
        to = await _do(access, case, form)
    except (Malformed, VersionConflict, Forbidden) as error:
        return await _page(request, error.message, form, 422)
    return redirect(request, to, "saved")


async def _do(access: Access, case: Case, form: dict[str, list[str]]) -> str:
    """Where it leads. Raises Malformed, VersionConflict, Forbidden, ProofNeeded."""
    def one(name: str) -> str:
        return writing.one(form, name)

    here = f"/incidents/{case.report.id}"
    match one("do"):
        case "told":
            await care.told(access, case, one("notice"), _moment(one("day"), one("time")), one("whom"), one("how"), one("reference"))
        case "waive":
            await care.waive(access, case, one("notice"), one("why"))
        case "correct":
            await care.correct(access, case, **_facts(access, case, form))
        case "cause":
            await care.find_cause(access, case, one("cause"), tuple(form.get("factors", ())))
        case "give":
            due = day_of(one("due"))
            if due is None:
                raise Malformed("Write the day by which it has to be done, for example 2026-03-08.")
            await care.give(access, case, one("what"), one("owner"), due, name=one("once"))
        case "committee":
            await care.meet(access, case, {name: one(name) for name in ("met", "members", "found", "decided")})
        case "sign":
            await care.sign_off(access, case)
        case "reopen":
            await care.reopen(access, case, one("why"))
        case "note":
            return await _note(access, case, one("client"), one("chart"))
        case _:
            raise Malformed("Choose what to do.")
    return here


async def _note(access: Access, case: Case, client: str, text: str) -> str:
    """A note in the chart in the name of whoever asks for it: facts alone."""
    if client not in case.incident.clients or not access.may("DocumentReference", "create"):
        raise Malformed("A note is begun by somebody who writes notes, in the chart of a client whom the report names.")
    note = await reporting.begin_note(access, client, *writing.note_of(access), text, name=f"{case.report.id}:{client}")
    return f"/patients/{client}/notes/write/{note}"


def _moment(day: str, time: str) -> datetime:
    found = writing.moment(day, time)
    if not found:
        raise Malformed("Write when it was made: the day and the time.")
    return datetime.fromisoformat(found)


def _facts(access: Access, case: Case, form: dict[str, list[str]]) -> dict[str, Any]:
    """The facts of the form; whom the reader may not see stays in the report as it was."""
    said = writing.incident_of(access, form)
    happened = writing.moment(writing.one(form, "day"), writing.one(form, "time"))
    if not happened:
        raise Malformed("Write when it happened: the day and the time.")
    state = writing.one(form, "state").upper()[:2]
    kept = {name: getattr(case.incident, name) for name in ("clients", "staff", "about")}
    named = set(form.get("shown", ()))
    whom = {name: tuple(dict.fromkeys((*(p for p in kept[name] if p not in named), *getattr(said, name)))) for name in kept}
    learned = writing.moment(writing.one(form, "learned_day"), writing.one(form, "learned_time")) if writing.one(form, "learned_day") else ""
    return {
        "kind": said.kind, "harm": said.harm, "happened": happened, "learned": learned, "place": said.place, "what": said.what[:LONGEST], "done": said.done, "witnesses": said.witnesses,
        "minor": said.minor, "people": said.people, "state": state or case.incident.state, "program": case.incident.program, **whom,
    }  # fmt: skip


async def _page(request: Request, problem: str = "", form: dict[str, list[str]] | None = None, status: int = 200) -> Response:
    access: Access = request.state.access
    case, traces = await care.with_actions(access, request.path_params["incident"])
    incident = case.incident
    zones.enter(access, [incident.program])
    owners = {t.action.owner for t in case.actions}
    named, people = await asyncio.gather(
        words.names(access, incident.clients, {*incident.staff, *(t.who for t in incident.told if t.who.startswith("Practitioner/"))}),
        access.search("Practitioner", [("active", "true"), ("_sort", "family")], count=_PEOPLE),
    )
    colleagues = {f"Practitioner/{p['id']}": name_of(p) for p in people.resources}
    notices = [(n, *(remaining(n.moment, access.now) if n.open else ("", "plain")), words.spoken(n.due), words.spoken(n.done)) for n in incident.notices]
    said = {name: values[0] for name, values in (form or {}).items()}
    return PAGES.render(
        request, "incidents/one.html", status=status, case=case, i=incident, number=case.report.number, closed=case.report.state == CLOSED, problem=problem, said=said, types=TYPES, harm=HARM,
        factors=FACTORS, notices=notices, clients=[(c, named.clients[c]) for c in incident.clients if c in named.clients], staff=[(s, named.staff[s], s in incident.about) for s in incident.staff if s in named.staff],
        happened=words.spoken(incident.happened), day=incident.happened[:10], time=incident.happened[11:16], learned_day=incident.learned[:10], learned_time=incident.learned[11:16], reported=words.spoken(case.report.reported.isoformat(), day=not case.report.author),
        program=next((p.name for n, p in access.rules.programs.items() if n == incident.program), ""), colleagues=sorted(((r, n) for r, n in colleagues.items() if r not in incident.about), key=lambda x: x[1]),
        actions=[(t, colleagues.get(t.action.owner, "A colleague"), f"{t.action.due.day} {t.action.due:%b %Y}", t.open and t.action.due < access.today) for t in case.actions], owners=owners,
        traces=[(t, words.spoken(t.at.isoformat(), day=t.n == 1 and not case.report.author)) for t in traces], told=[(t, colleagues.get(t.who) or ("nobody could be reached" if not t.who else "a reviewer"), words.spoken(t.at)) for t in incident.told],
        unfinished=care.unfinished(case), committee=access.may("Incident", "committee"), writes=access.may("DocumentReference", "create"), today=access.now.astimezone(words.zone()).date().isoformat(),
        now=access.now.astimezone(words.zone()).strftime("%H:%M"), once=ids.new_token()[:20], signed=words.spoken(incident.committee.get("signed_at", "")),
    )  # fmt: skip
