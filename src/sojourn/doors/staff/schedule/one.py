"""/schedule/appointments/{appointment}: one visit, and what becomes of it."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from sojourn.base.digits import digits
from sojourn.base.errors import Malformed, VersionConflict
from sojourn.care import policies
from sojourn.care.scheduling import appointments, zones
from sojourn.care.scheduling.appointments import Booked
from sojourn.doors.staff.schedule import frame
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access

REASONS = ("The client asked for it", "The clinician is away", "Moved to another time", "Bad weather or travel", "Discharged", "Booked by mistake")


async def show(request: Request) -> Response:
    """GET."""
    return await _page(request)


async def act(request: Request) -> Response:
    """POST: here, missed, undo, move, cancel."""
    access, id_ = request.state.access, request.path_params["appointment"]
    form = await sent(request)
    rules = await policies.of(access)
    try:
        await done(access, id_, form, rules)
    except (Malformed, VersionConflict) as error:
        return await _page(request, error.message, 422, form)
    back = form.get("back", "")
    return redirect(request, back if back.startswith("/") and not back.startswith("//") else f"/schedule/appointments/{id_}", "saved")


async def done(access: Access, id_: str, form: dict[str, str], rules: Policies) -> None:
    """Do what a form asks for. Raises Malformed, VersionConflict, NotFound."""
    match form.get("act"):
        case "here":
            await appointments.check_in(access, id_)
        case "missed":
            booked, _ = await appointments.one(access, id_)
            await appointments.no_show(access, id_, rules, next(iter(booked.people), None))
        case "undo":
            await appointments.undo(access, id_)
        case "cancel":
            booked, _ = await appointments.one(access, id_)
            ids = [id_]
            if form.get("which") == "later" and booked.series:
                ids = appointments.later_of_series(await appointments.of_patient(access, booked.patient), booked)
            await appointments.cancel(access, ids, form.get("other", "").strip() or form.get("reason", ""))
        case "move":
            await appointments.move(access, id_, moment(form, frame.home(rules)), minutes(form), frame.home(rules))
        case _:
            raise Malformed("Choose what to do.")


def moment(form: dict[str, str], where: ZoneInfo) -> datetime:
    """The day and time of a form. Raises Malformed."""
    try:
        return zones.at(date.fromisoformat(form.get("day", "")), time.fromisoformat(form.get("time", "")), where)
    except ValueError:
        raise Malformed("Choose a day and a time.") from None


def minutes(form: dict[str, str]) -> int:
    """How long, of a form. Raises Malformed."""
    text = form.get("minutes", "")
    if not digits(text) or not 5 <= int(text) <= 720:
        raise Malformed("Say how many minutes, between 5 and 720.")
    return int(text)


async def _page(request: Request, problem: str = "", status: int = 200, form: dict[str, str] | None = None) -> Response:
    access = request.state.access
    (booked, _), rules = await asyncio.gather(appointments.one(access, request.path_params["appointment"]), policies.of(access))
    names = await frame.names(access, [booked])
    return frame.render(request, "/schedule", "one.html", status=status, b=booked, names=names, problem=problem, reasons=REASONS, facts=facts(booked, names), sent=form or {},
                        tag=frame.STATUS.get(booked.status, (booked.status, "plain")), wall=wall(booked, frame.home(rules)), coming=booked.status in appointments.OPEN)  # fmt: skip


def wall(booked: Booked, where: ZoneInfo) -> tuple[str, str]:
    """Day and time as the fields of a form want them."""
    at = zones.local(booked.start, where) if booked.start else None
    return (at.date().isoformat(), f"{at:%H:%M}") if at else ("", "")


def facts(booked: Booked, names: frame.Names) -> list[tuple[str, str]]:
    """What is known of it, in words."""
    at, to = (datetime.fromisoformat(booked.written), booked.end) if booked.start and booked.end else (None, None)
    when = f"{at:%A} {at.day} {at:%B %Y}, {at:%H:%M}–{to.astimezone(at.tzinfo):%H:%M}" if at and to else "No time yet"
    people = ", ".join(names.people.get(p, "") for p in booked.people if names.people.get(p))
    rooms = ", ".join(names.rooms.get(r, "") for r in booked.rooms if names.rooms.get(r))
    rows = [("What", booked.text), ("When", when), ("With", people), ("Where", rooms), ("Why", booked.reason), ("Note", booked.comment)]
    return [(label, text) for label, text in rows if text]
