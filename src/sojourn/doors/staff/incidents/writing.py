"""Report an incident: a form that keeps what is typed, finds people, and is sent once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import ids
from sojourn.base.digits import digits
from sojourn.base.errors import Malformed, NotFound, VersionConflict
from sojourn.care.incidents import reporting
from sojourn.care.incidents.model import HARM, LONGEST, TYPES, Incident
from sojourn.care.staffing import zones
from sojourn.care.staffing.roster import name_of
from sojourn.doors.staff.incidents import words
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.patients.terms import search_params
from sojourn.doors.staff.words import born_with_age, full_name
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

_FOUND = 6


def note_of(access: Access) -> tuple[str, str]:
    """The format and section in which somebody writes down what they saw."""
    return ("nursing", "data") if access.caller.role == "nurse" else ("dap", "data")


async def new(request: Request) -> Response:
    """GET /incidents/new: an empty form. Nothing is kept until something is typed."""
    return await _new(request)


async def about(request: Request) -> Response:
    """GET /patients/{id}/incident: the same with the client whose chart is open. Raises NotFound."""
    await request.state.access.read("Patient", request.path_params["id"])
    return await _new(request, request.path_params["id"])


async def _new(request: Request, client: str = "") -> Response:
    access = request.state.access
    program = reporting.program_of(access, 0)
    now = access.now.astimezone(zones.of_program(access, program))
    incident = Incident(happened=now.isoformat(), program=program, clients=(client,) if client else ())
    return await _page(request, reporting.Draft(reporting.new_key(), incident))


async def show(request: Request) -> Response:
    """GET /incidents/draft/{key}: one that was begun."""
    return await _page(request, await _kept(request))


async def _kept(request: Request) -> reporting.Draft:
    draft = await reporting.kept(request.state.access, request.path_params["key"])
    if draft is None:
        raise NotFound("There is no such draft.")
    return draft


async def keep(request: Request) -> Response:
    """POST …/keep: while somebody types. Says that it is kept, and which client's name stands in the text."""
    access, key = request.state.access, reporting.checked_key(request.path_params["key"])
    form = await sent(request)
    incident = incident_of(access, form)
    problem = ""
    try:
        await reporting.keep(access, key, incident, seen=one(form, "seen"), tab=one(form, "tab"))
    except VersionConflict as error:
        problem = error.message
    return PAGES.render(request, "incidents/kept.html", problem=problem, names=await reporting.names_in(access, incident))


async def find(request: Request) -> Response:
    """POST /incidents/find: who is chosen, and clients and colleagues whose names begin so. The words travel in the body."""
    form = await sent(request)
    return PAGES.render(request, "incidents/people.html", **await _people(request.state.access, incident_of(request.state.access, form), one(form, "find")))


async def send(request: Request) -> Response:
    """POST: send it. What is missing is said beside its field; a name in the text is said once, and then it may go as it is."""
    access, key = request.state.access, reporting.checked_key(request.path_params["key"])
    form = await sent(request)
    draft = reporting.Draft(key, incident_of(access, form), one(form, "seen"))
    if one(form, "do") == "discard":
        await reporting.drop(access, key)
        return redirect(request, "/incidents", "discarded")
    if one(form, "do") == "find":
        return await _page(request, draft, find=one(form, "find"))
    wrong = reporting.lacks(draft.incident)
    named = [] if wrong else await reporting.names_in(access, draft.incident)
    if wrong or (named and one(form, "as_is") != "yes"):
        return await _page(request, draft, wrong, named, 422)
    incident = draft.incident
    note = ""
    if incident.chart.strip():
        try:
            note = await reporting.begin_note(access, incident.clients[0], *note_of(access), incident.chart, name=key)
        except Malformed as error:
            return await _page(request, draft, {"chart": error.message}, [], 422)
    number = await reporting.send(access, key, incident, anonymous=one(form, "anonymous") == "yes")
    return PAGES.render(request, "incidents/sent.html", number=number, note=f"/patients/{incident.clients[0]}/notes/write/{note}" if note else "")


async def sent(request: Request) -> dict[str, list[str]]:
    """What a form says: every value of every field."""
    form: dict[str, list[str]] = {}
    for name, value in (await request.form()).multi_items():
        if isinstance(value, str):
            form.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return form


def one(form: dict[str, list[str]], name: str) -> str:
    """The first value of a field, without spaces around it."""
    return form.get(name, [""])[0].strip()


def incident_of(access: Access, form: dict[str, list[str]]) -> Incident:
    """What the form says. Who may not be chosen here is looked up again where it is shown; an id that is none is dropped."""
    def many(name: str, prefix: str = "") -> tuple[str, ...]:
        return tuple(dict.fromkeys(v[:90] for v in form.get(name, ()) if v.startswith(prefix) and v.removeprefix(prefix).replace("-", "").replace(".", "").isalnum()))[:30]

    people = one(form, "people")
    program = one(form, "program")
    staff = many("staff", "Practitioner/")
    at = reporting.program_of(access, int(program) if digits(program) and len(program) < 6 else 0)
    return Incident(
        kind=one(form, "kind"), harm=one(form, "harm") or "unknown", happened=moment(one(form, "day"), one(form, "time"), zones.of_program(access, at)), place=one(form, "place")[:300],
        program=at, what=one(form, "what")[:LONGEST], done=one(form, "done")[:LONGEST],
        witnesses=one(form, "witnesses")[:2000], clients=many("clients"), staff=staff, about=tuple(p for p in many("about", "Practitioner/") if p in staff), minor=one(form, "minor") == "yes",
        people=int(people) if digits(people) and len(people) < 9 else 0, chart=one(form, "chart")[:LONGEST],
    )  # fmt: skip


def moment(day: str, time: str, zone: ZoneInfo | None = None) -> str:
    """A day and a time of the site as a moment in ISO text; '' for what is none."""
    try:
        return datetime.fromisoformat(f"{day}T{time or '00:00'}").replace(tzinfo=zone or words.zone()).isoformat()
    except ValueError:
        return ""


async def _people(access: Access, incident: Incident, find: str = "") -> dict[str, Any]:
    """Who is chosen, and who fits the words; at most four questions."""
    named, (clients, staff) = await asyncio.gather(words.names(access, incident.clients, incident.staff), _fitting(access, find))
    return {
        "chosen_clients": [(id_, named.clients[id_]) for id_ in incident.clients if id_ in named.clients], "chosen_staff": [(ref, named.staff[ref], ref in incident.about) for ref in incident.staff if ref in named.staff],
        "found_clients": [c for c in clients if c[0] not in incident.clients], "found_staff": [s for s in staff if s[0] not in incident.staff], "find": find,
    }  # fmt: skip


async def _fitting(access: Access, find: str) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    params = search_params(find) if len(find) > 1 else []
    if not params:
        return [], []
    clients, staff = [], []
    if access.may("Patient", "search"):
        clients = [(str(p["id"]), full_name(p), born_with_age(p)) for p in (await access.search("Patient", params, count=_FOUND)).resources]
    if access.may("Practitioner", "search") and all(name == "name" for name, _ in params):
        staff = [(f"Practitioner/{p['id']}", name_of(p)) for p in (await access.search("Practitioner", [("active", "true"), *params], count=_FOUND)).resources]
    return clients, staff


async def _page(request: Request, draft: reporting.Draft, wrong: dict[str, str] | None = None, named: list[str] | None = None, status: int = 200, find: str = "") -> Response:
    access, incident = request.state.access, draft.incident
    day, _, time = incident.happened.partition("T")
    people = await _people(access, incident, find)
    chart = access.may("DocumentReference", "create")
    return PAGES.render(
        request, "incidents/report.html", status=status, key=draft.key, i=replace(incident, clients=tuple(c for c, _ in people["chosen_clients"])), day=day, time=time[:5], seen=draft.stamp, tab=ids.new_token()[:16],
        wrong=wrong or {}, named=named or [], types=TYPES, harm=HARM, programs=access.programs, chart=chart, **people,
    )  # fmt: skip
