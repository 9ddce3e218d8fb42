"""GET and POST /patients/{id}/proxies: who signs in to see this record; inviting them, ending it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base.errors import Conflict, Invalid, NotFound, VersionConflict
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.plan.fields import day
from sojourn.doors.staff.proxies import words
from sojourn.doors.staff.security.security import ago
from sojourn.doors.staff.words import code_text, full_name
from sojourn.gate import appointing, patientaccounts
from sojourn.gate.patientaccounts import SELF, Person
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

STATES = {"invited": ("invited", "amber"), "active": ("can sign in", "teal")}


def _form(person: Person) -> Form:
    """How they are known; of who is appointed only the paper counts."""
    appointed = person.right.kind == "guardian"
    options = tuple((key, said) for key, said in patientaccounts.EVIDENCE.items() if (key == "appointed") == appointed)
    return Form((Field("evidence", "How you know that it is them", "Say how you know that it is them.", options=(("", "Choose"), *options)),))


def _order(person: Person) -> Form:
    """The days of the order that appoints them, as their entry has them."""
    period = person.resource.get("period") or {}
    seen = (("", "Choose"), ("appointed", patientaccounts.EVIDENCE["appointed"]))
    fields = (
        Field("since", "First day", "Write the first day of the order.", "The day from which the order or power of attorney holds.", type="date", check=_day),
        Field("until", "Last day", hint="Empty where it has none.", type="date", check=_day), Field("seen", "How you know", "Say that you have seen the order or power of attorney itself.", options=seen),
    )  # fmt: skip
    return Form(fields, {"since": str(period.get("start", ""))[:10], "until": str(period.get("end", ""))[:10]})


def _day(text: str) -> str:
    return "" if day(text) else "Write a day, as in 2026-03-04."


def name(person: Person) -> str:
    """As staff call them."""
    return full_name(person.resource)


def relation(person: Person) -> str:
    """What they are to the client."""
    if person.id == SELF:
        return "The client"
    return ", ".join(filter(None, (code_text(c) for c in person.resource.get("relationship", ())))) or "Related, it is not written how"


def _line(person: Person) -> dict[str, object]:
    held = person.held
    state = STATES[held.state] if held else ("account ended", "plain") if person.ended else ("no account", "plain")
    when = "" if held is None else f"used {ago(held.used)}" if held.used else f"link good until {words.day(held.link)}" if held.link else "the link has run out" if held.state == "invited" else "not used yet"
    empty = held is not None and bool(person.right.refused) and person.id != SELF
    return {"id": person.id, "name": name(person), "relation": relation(person), "right": words.RIGHTS[person.right.kind], "term": words.term(person.right), "state": state, "when": when, "empty": empty}


async def show(request: Request) -> Response:
    """The list."""
    access, patient = request.state.access, request.path_params["id"]
    about, found = await asyncio.gather(banner.fetch(access, patient), patientaccounts.people(access, patient))
    return PAGES.render(request, "proxies/proxies.html", banner=about, parts=allowed(access), here="proxies", lines=[_line(p) for p in found])


async def show_one(request: Request) -> Response:
    """One of them: what they would see, before they are invited."""
    return await _page(request)


async def _page(request: Request, problem: str = "", form: Form | None = None, status: int = 200, order: Form | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, found = await asyncio.gather(banner.fetch(access, patient), patientaccounts.person(access, patient, request.path_params["person"]))
    return PAGES.render(
        request, "proxies/person.html", status=status, banner=about, parts=allowed(access), here="proxies", person=found, line=_line(found), form=form or _form(found),
        order=(order or _order(found)) if appointing.may_appoint(access, found) else None, waits=await patientaccounts.waits(access, found), sees=words.sees(found.right), withheld=words.withheld(found.right), problem=problem, own=found.id == SELF,
    )  # fmt: skip


async def act(request: Request) -> Response:
    """Invite, write the days of an order, make a new link, give out its code as the second person, or end: `do`."""
    access, patient, id_ = request.state.access, request.path_params["id"], request.path_params["person"]
    said = await sent(request)
    found = await patientaccounts.person(access, patient, id_)
    form = _form(found)
    try:
        match said.get("do", ""):
            case "invite":
                if not form.fill(said):
                    return await _page(request, form=form, status=422)
                login, fresh = await patientaccounts.invite(access, patient, id_, name=name(found), evidence=form.values["evidence"])
            case "appoint":
                order = _order(found)
                if not order.fill(said):
                    return await _page(request, order=order, status=422)
                try:
                    await appointing.appoint(access, patient, id_, since=day(order.values["since"]) or access.today, until=day(order.values["until"]), evidence=order.values["seen"])
                except (Invalid, VersionConflict) as error:
                    return await _page(request, error.message if isinstance(error, Invalid) else "Somebody changed their entry meanwhile. Look at it, then write it again.", order=order, status=422 if isinstance(error, Invalid) else 409)
                return redirect(request, f"/patients/{patient}/proxies/{id_}", "saved")
            case "link":
                login, fresh = await patientaccounts.again(access, patient, id_)
            case "confirm":
                code = await patientaccounts.confirm(access, patient, id_, said.get("evidence", ""))
                about = await banner.fetch(access, patient)
                return PAGES.render(request, "proxies/code.html", banner=about, parts=allowed(access), here="proxies", code=code, line=_line(found))
            case "end":
                await patientaccounts.end(access, patient, id_, said.get("reason", ""))
                return redirect(request, f"/patients/{patient}/proxies", "access-ended")
            case _:
                raise NotFound
    except (Invalid, Conflict) as error:
        return await _page(request, error.message, form, 409 if isinstance(error, Conflict) else 422)
    link = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}/welcome/{fresh.secret}"
    about = await banner.fetch(access, patient)
    return PAGES.render(request, "proxies/link.html", banner=about, parts=allowed(access), here="proxies", link=link, held=fresh.held, login=login, line=_line(found), again=said["do"] == "link" and found.held is not None and found.held.state == "active")
