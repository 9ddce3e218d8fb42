"""Write a message: to whom, about whom, what; only people whom it may reach can be found."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sojourn.base import ids
from sojourn.base.digits import digits
from sojourn.base.errors import Malformed, NotFound, VersionConflict
from sojourn.care import staffing
from sojourn.care.messages import addressing, handover, sending
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.kinds import TITLES
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.patients.terms import search_params
from sojourn.doors.staff.words import born_with_age, code_text, day_text, full_name
from sojourn.gate import drafts, messages
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

_FOUND = 5
_LINKED = 6
Form = dict[str, list[str]]


async def sent(request: Request) -> Form:
    """What a form says: every value of every field."""
    form: Form = {}
    for name, value in (await request.form()).multi_items():
        if isinstance(value, str):
            form.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return form


def one(form: Form, name: str) -> str:
    """The first value of a field, without spaces around it."""
    return form.get(name, [""])[0].strip()


async def show(request: Request) -> Response:
    """GET /messages/new: to nobody yet; `person` names the Practitioner behind an account."""
    agent = f"Practitioner/{request.query_params.get('person', '')}"
    to = [f"{addressing.PERSON}:{c.account}" for c in await messages.directory(request.state.access) if c.agent == agent] if len(agent) > len("Practitioner/") else []
    return await _page(request, {"to": to})


async def about(request: Request) -> Response:
    """GET /patients/{id}/message: about the client whose chart is open. Raises NotFound."""
    return await _page(request, {"client": [request.path_params["id"]]})


async def keep(request: Request) -> Response:
    """POST /messages/keep: what is typed, for its author alone."""
    access, form = request.state.access, await sent(request)
    body = json.dumps({"subject": one(form, "subject")[:200], "text": form.get("text", [""])[0][: messages.LONGEST], "client": one(form, "client")[:64]}).encode()
    with suppress(VersionConflict):
        await drafts.keep(access, _draft(one(form, "client")), body, seen=one(form, "seen"), tab=one(form, "tab"))
    return PAGES.render(request, "messages/kept.html")


def _draft(client: str) -> str:
    return f"message/{client[:64] or 'nobody'}"


async def find(request: Request) -> Response:
    """POST /messages/find: who is chosen, and whom the words fit; clients too, while nobody is chosen whom it is about."""
    access, form = request.state.access, await sent(request)
    client = one(form, "client")
    try:
        about_ = await addressing.about(access, client, _number(form))
    except NotFound:
        about_ = await addressing.about(access, "")
    return PAGES.render(request, "messages/people.html", **await _people(access, form, about_))


async def send(request: Request) -> Response:
    """POST /messages/new. Somebody who is not there and somebody who may not see the client get the same answer."""
    access, form = request.state.access, await sent(request)
    if one(form, "do") == "find":
        return await _page(request, form)
    try:
        about_ = await addressing.about(access, one(form, "client"), _number(form))
        thread = await sending.send(access, one(form, "key"), about_, form.get("to", []), one(form, "subject"), form.get("text", [""])[0], urgent=one(form, "urgent") == "yes", link=one(form, "link"))
    except (Malformed, NotFound) as error:
        return await _page(request, form, error.message, 422)
    await drafts.drop(access, _draft(one(form, "client")))
    return redirect(request, f"/messages/{thread}", "message-sent")


def _number(form: Form) -> int:
    text = one(form, "program")
    return int(text) if digits(text) and len(text) < 6 else 0


async def _people(access: Access, form: Form, about_: addressing.About) -> dict[str, Any]:
    """What can be chosen. Who is away is said, as everybody may know it."""
    words = one(form, "find")
    colleagues = await messages.directory(access)
    params = search_params(words) if len(words) > 1 and not about_.patient else []
    units: dict[str, str] = {}
    if any(c.units for c in colleagues) and access.may("Location", "search"):
        units = {f"Location/{i}": text for i, text in (await handover.units(access)).items()}
    found, roster, clients = await asyncio.gather(
        addressing.find(access, about_, words, colleagues) if len(words) > 1 else _none(), staffing.read(access, access.now) if access.may("PractitionerRole", "search") else _nothing(),
        access.search("Patient", params, count=_FOUND) if params and access.may("Patient", "search") else _nothing(),
    )  # fmt: skip
    names = {f"{addressing.PERSON}:{c.account}": c.name for c in colleagues}
    groups = {g.code: g.text for g in addressing.groups(access, about_, colleagues, units)}
    chosen = [(code, names.get(code) or groups[code]) for code in dict.fromkeys(form.get("to", ())) if code in names or code in groups]
    picked = {code for code, _ in chosen}
    said = words.casefold().split()
    return {
        "chosen": chosen, "people": [(f"{addressing.PERSON}:{c.account}", c.name, c.role.replace("-", " "), bool(roster and c.agent and roster.away(c.agent, access.now))) for c in found if f"{addressing.PERSON}:{c.account}" not in picked],
        "groups": [(code, text) for code, text in groups.items() if code not in picked and all(w in text.casefold() for w in said)][:8], "words": words,
        "clients": [(str(p["id"]), full_name(p), born_with_age(p)) for p in clients.resources] if clients else [],
    }  # fmt: skip


async def _none() -> list[Any]:
    return []


async def _nothing() -> Any:
    return None


async def _links(access: Access, patient: str) -> list[tuple[str, str]]:
    """What lately came into the chart that a message may point at."""
    if not patient:
        return []
    types = [t for t in ("DocumentReference", "QuestionnaireResponse", "CarePlan") if access.may(t, "search")]
    found = await asyncio.gather(*(access.search(t, [("patient", patient), ("_sort", "-date" if t != "QuestionnaireResponse" else "-authored")], count=_LINKED) for t in types))
    return [(f"{s.type}/{s.id}", label(s.type, s.resource)) for answer in found for s in answer.matches]


def label(type_: str, resource: dict[str, Any]) -> str:
    """A thing in a chart as a line: what it is, and its day."""
    text = code_text(resource.get("type", {})) or str(resource.get("description") or resource.get("title") or "") or TITLES.get(type_, type_)
    day = day_text(resource.get("date") or resource.get("authored") or resource.get("authoredOn") or resource.get("created") or "")
    return f"{text}, {day}" if day else text


async def _page(request: Request, form: Form, problem: str = "", status: int = 200) -> Response:
    access, client = request.state.access, one(form, "client")
    about_ = await addressing.about(access, client, _number(form)) if status == 200 else await _or_nobody(access, form)
    people, links, names, kept = await asyncio.gather(_people(access, form, about_), _links(access, about_.patient), patient_names(access, [about_.patient]) if about_.patient else _names(), drafts.kept(access, _draft(client)))
    typed = json.loads(kept.body) if kept is not None and status == 200 and "text" not in form else {}
    mine = [p for p in access.programs if p.number in about_.known] if about_.patient else access.programs
    return PAGES.render(
        request, "messages/new.html", status=status, problem=problem, client=about_.patient, who=names.get(about_.patient, ""), programs=mine, program=about_.number, links=links, link=one(form, "link"),
        subject=one(form, "subject") or typed.get("subject", ""), text=form.get("text", [""])[0] or typed.get("text", ""), urgent=one(form, "urgent") == "yes", key=one(form, "key") or ids.new_token()[:24],
        tab=one(form, "tab") or ids.new_token()[:16], seen=kept.stamp if kept else "", **people,
    )  # fmt: skip


async def _or_nobody(access: Access, form: Form) -> addressing.About:
    try:
        return await addressing.about(access, one(form, "client"), _number(form))
    except NotFound:
        return await addressing.about(access, "")


async def _names() -> dict[str, str]:
    return {}
