"""The patient about whom a page asks: chosen first, then opened with what there is to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sojourn.doors.staff import words
from sojourn.doors.staff.desk.frame import DeskPage, render
from sojourn.doors.staff.desk.trail import choosing
from sojourn.doors.staff.desk.why import asking
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


class Opened(NamedTuple):
    """A patient about whom is asked: what the page calls them, what there is to choose from, and what was sent."""

    id: str
    about: dict[str, str]
    menu: asking.Menu
    form: dict[str, str]


async def choose(request: Request, page: DeskPage) -> Response:
    """GET: about whose record. POST: go there, or say which patients fit."""
    form = await sent(request) if request.method == "POST" else {}
    choice = await choosing.patient(request.state.access, form)
    if choice.id:
        return redirect(request, f"{page.path}/{choice.id}")
    return render(request, page, "desk/why/choose.html", choice=choice, typed=form.get("patient", ""), title=page.title, about=page.about, path=page.path)


async def opened(request: Request) -> Opened:
    """The patient of the address. Raises NotFound, as for any page of a chart."""
    access = request.state.access
    patient = (await access.read("Patient", request.path_params["id"])).resource
    about = {"id": patient["id"], "name": words.full_name(patient), "born": words.day_text(patient.get("birthDate")), "number": words.record_number(patient)}
    return Opened(patient["id"], about, await asking.menu(access, patient["id"]), await sent(request) if request.method == "POST" else {})
