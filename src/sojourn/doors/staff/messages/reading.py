"""One thread: its messages, who has read them, an answer, more readers, a task of it."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING

from sojourn.base import ids
from sojourn.base.errors import Malformed, VersionConflict
from sojourn.care.messages import addressing, sending
from sojourn.care.staffing import zones
from sojourn.doors.staff import waiting
from sojourn.doors.staff.messages import writing
from sojourn.doors.staff.messages.listing import spoken
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_of, full_name
from sojourn.gate import messages
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

waiting.PLACES[sending.TASK] = "/tasks/{id}"
STEPS = {"on-call": "whoever is on call", "supervisors": "the supervisors", "site-leads": "the site leads"}


async def show(request: Request) -> Response:
    """GET /messages/{thread}: it is read with this."""
    return await _page(request)


async def act(request: Request) -> Response:
    """POST: answer it, hand it on, or make a task of it."""
    access, form = request.state.access, await writing.sent(request)
    thread, _ = await messages.one(access, request.path_params["thread"])
    try:
        match writing.one(form, "do"):
            case "answer":
                await messages.answer(access, thread, form.get("text", [""])[0], name=writing.one(form, "once"))
            case "on":
                await sending.hand_on(access, thread, form.get("to", []))
            case "task":
                await sending.make_task(access, thread, writing.one(form, "what"), writing.one(form, "owner"), _due(writing.one(form, "due")), name=writing.one(form, "once"))
            case _:
                raise Malformed("Choose what to do.")
    except (Malformed, VersionConflict) as error:
        return await _page(request, error.message, form, 422)
    return redirect(request, f"/messages/{thread.id}", "saved" if writing.one(form, "do") != "answer" else "message-sent")


def _due(text: str) -> datetime | None:
    if not text:
        return None
    day = day_of(text)
    if day is None:
        raise Malformed("Write the day whole, for example 2026-03-08.")
    return datetime.combine(day, time(17), zones.of(None))


async def _page(request: Request, problem: str = "", form: writing.Form | None = None, status: int = 200) -> Response:
    access: Access = request.state.access
    thread, person = await messages.one(access, request.path_params["thread"])
    said, readers = await messages.read(access, thread)
    linked = await sending.linked(access, thread)
    path = ""
    if linked is not None:
        path = sending.LINKS[linked["resourceType"]].format(patient=thread.patient, id=linked["id"])
    about = addressing.About(thread.patient, access.rules.programs.get(thread.program), frozenset(), frozenset())
    groups = addressing.groups(access, about, await messages.directory(access), {})
    typed = {name: values[0] for name, values in (form or {}).items()}
    return PAGES.render(
        request, "messages/one.html", status=status, problem=problem, thread=thread, subject=thread.body.get("subject", ""), who=full_name(person) if person else "", said=[(m, m.account == access.caller.account, spoken(m.at)) for m in said],
        readers=[(m, "has read it" if m.read and m.read >= thread.last else f"read up to {spoken(m.read)}" if m.read else "has not read it yet") for m in readers if m.account != access.caller.account],
        told=[(STEPS.get(t["step"], t["step"]), t["who"], spoken(datetime.fromisoformat(t["at"]))) for t in thread.body.get("told", ())], link=path, link_text=writing.label(linked["resourceType"], linked) if linked is not None else "",
        groups=groups, owners=[(m.agent, m.name) for m in readers if m.agent], me=access.caller.agent or "", once=ids.new_token()[:20], typed=typed, tasks=access.may("Task", "create"),
    )  # fmt: skip
