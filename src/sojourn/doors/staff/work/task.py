"""GET and POST /tasks/{id}: one task that waits for somebody, and what is done about it."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING

from sojourn.base.errors import Malformed, NotFound, SojournError, VersionConflict
from sojourn.care import giving, tasks
from sojourn.care.staffing import zones
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.waiting import Line, named, place, remaining
from sojourn.doors.staff.words import day_of
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

NEEDS = (("Task", "read"),)
CHANGES = (("Task", "read"), ("Task", "update"))
_GIVEN = 12
STAYS = {"take", "comment", "due"}
"""After these one is still at the task; after all others it is done or gone."""


async def show(request: Request) -> Response:
    """What it asks, for whom, by when, and what was said about it."""
    return await _page(request)


async def find(request: Request) -> Response:
    """POST /tasks/{id}/people: to whom it can be given, of those whose names begin so. The words travel in the body."""
    access, words = request.state.access, (await sent(request)).get("find", "").strip()
    task = (await access.read("Task", request.path_params["task"])).resource
    people = await giving.find(access, task, words) if len(words) > 1 else []
    return PAGES.render(request, "work/people.html", people=[(c.account, c.name, c.role.replace("-", " ")) for c in people], words=words)


async def act(request: Request) -> Response:
    """Take it, give it, put it off, set its day, say something, or end it with a word about how."""
    access, id_ = request.state.access, request.path_params["task"]
    said = await sent(request)
    try:
        await _do(access, id_, said)
    except VersionConflict:
        return await _page(request, "Somebody else changed it meanwhile. Look at it and do yours again.", 422, said)
    except SojournError as error:
        if isinstance(error, NotFound):
            raise
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/tasks/{id_}" if said.get("do") in STAYS else "/today", "saved")


async def _do(access: Access, id_: str, said: dict[str, str]) -> None:
    note, do = said.get("note", "").strip(), said.get("do")
    match do:
        case "take":
            await tasks.claim(access, id_)
        case "done":
            await tasks.finish(access, id_, note)
        case "cancel":
            if not note:
                raise Malformed("Say why it does not have to be done.")
            await tasks.finish(access, id_, note, status="cancelled")
        case "give" | "delegate":
            await giving.give(access, id_, said.get("person", ""), said.get("why", ""), keep=do == "delegate")
        case "later":
            await giving.put_off(access, id_, _day(said.get("until", ""), time(7)), said.get("why", ""))
        case "due":
            await giving.set_due(access, id_, _day(said.get("due", ""), time(17)), said.get("why", ""))
        case "comment":
            await giving.comment(access, id_, note)
        case _:
            raise Malformed("Choose what to do.")


def _day(text: str, at: time) -> datetime:
    day = day_of(text)
    if day is None:
        raise Malformed("Write the day whole, for example 2026-03-08.")
    return datetime.combine(day, at, zones.of(None))


async def given(access: Access) -> list[Line]:
    """For Today: what the caller gave to others and still asks after."""
    works = (await giving.given(access))[:_GIVEN]
    lines = await named(access, works) if works else []
    return [line._replace(path=f"/tasks/{work.id}", note="given to somebody else") for work, line in zip(works, lines, strict=True)]


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access = request.state.access
    task = (await access.read("Task", request.path_params["task"])).resource
    work = tasks.read(task)
    if work is None:
        raise NotFound
    names = await patient_names(access, [work.patient] if work.patient else [])
    due, tone = remaining(work.due, access.now)
    there = place(work)
    return PAGES.render(
        request, "work/task.html", status=status, work=work, who=names.get(work.patient, ""), due=due, tone=tone, problem=problem, said=said or {}, is_open=work.status in tasks.OPEN,
        free=not work.owner, there="" if there.startswith("/tasks/") else there, notes=[(str(n.get("time", ""))[:16].replace("T", " "), n["text"]) for n in task.get("note", ())],
        sleeps=f"{work.sleeps.date().isoformat()}" if work.sleeps and work.asleep(access.now) else "", gives=access.may("Message", "send"), waits=work.priority not in ("stat", "asap"),
    )  # fmt: skip
