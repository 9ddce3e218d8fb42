"""Amendment and restriction requests: what waits, until when, and what was answered."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import clock, wall
from sojourn.base.errors import Malformed
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.desk.frame import DeskPage, Waiting, render
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_of, day_text
from sojourn.gate import patientrequests as asked
from sojourn.gate.patientrequests import Request as Asked
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

SOON = 14
"""Days before it is due that a request is marked."""


async def waiting(access: Access) -> Waiting:
    """How many are open, and whether one of them is due soon."""
    found = await asked.queue(access)
    late = any(asked.days_left(r, access.now) <= SOON for r in found)
    return Waiting(len(found), "open" + (", one is due soon" if late else ""), late)


PAGE = DeskPage("/desk/requests", "Patients' requests", "Requests to amend the record or to restrict its use, each with the day by which it is answered.", waiting)


class Line(NamedTuple):
    """One request."""

    id: str
    who: str
    patient: str
    kind: str
    what: str
    due: str
    tag: str
    tone: str
    answer: str


async def show(request: Request) -> Response:
    """GET /desk/requests."""
    access = request.state.access
    waits, closed = await asked.queue(access), await asked.queue(access, closed=True)
    names = await patient_names(access, [r.patient for r in (*waits, *closed)])
    return render(request, PAGE, "desk/requests/list.html", waits=[line(r, names) for r in waits], closed=[line(r, names) for r in closed])


def line(r: Asked, names: dict[str, str]) -> Line:
    """A request in the list; its deadline said as what remains."""
    left = asked.days_left(r, clock.now())
    when = f"{-left} days late" if left < 0 else "due today" if left == 0 else f"{left} days left"
    open_ = r.status == asked.OPEN
    tone = "red" if left < 0 else "amber" if left <= SOON else "plain"
    return Line(r.id, names.get(r.patient, "somebody whom you may not see"), r.patient, r.kind.text, r.what, day_text(r.due.isoformat()),
                when if open_ else r.answer.partition(":")[0], tone if open_ else "plain", r.answer)  # fmt: skip


def _new() -> Form:
    kinds = tuple((k.code, k.text) for k in asked.kinds(wall.day(clock.now())).values())
    return Form((
        Field("kind", "What they ask for", "Choose what they ask for.", options=(("", "Choose"), *kinds)),
        Field("what", "In their words", "Write what they ask for.", type="textarea", max_length=4000),
        Field("why", "Why", hint="If they say so.", type="textarea", max_length=4000),
        Field("focus", "Entry that it is about", hint="If it is about one entry: its reference, such as Observation/… from the chart.", max_length=100),
        Field("received", "Day on which it came", "Enter the day on which it came.", type="date", check=_past_day),
    ))  # fmt: skip


def _past_day(text: str) -> str:
    day = day_of(text)
    return "" if len(text) == 10 and day is not None and day <= wall.day(clock.now()) else "Write the day on which it came; it cannot be in the future."


async def new(request: Request) -> Response:
    """GET /patients/{id}/requests: write down what this patient asks for."""
    about = await banner.fetch(request.state.access, request.path_params["id"])
    form = _new()
    form.values["received"] = wall.day(clock.now()).isoformat()
    return _new_page(request, about, form)


async def take(request: Request) -> Response:
    """POST /patients/{id}/requests."""
    access = request.state.access
    about = await banner.fetch(access, request.path_params["id"])
    form = _new()
    if not form.fill(await sent(request)):
        return _new_page(request, about, form, status=422)
    v = form.values
    id_ = await asked.take(access, v["kind"], about.id, v["what"], v["why"], focus=v["focus"], received=date.fromisoformat(v["received"]))
    return redirect(request, f"{PAGE.path}/{id_}", "saved")


def _new_page(request: Request, about: Any, form: Form, status: int = 200) -> Response:
    return PAGES.render(request, "desk/requests/new.html", status=status, banner=about, here="requests", parts=allowed(request.state.access), form=form)


async def one(request: Request) -> Response:
    """GET /desk/requests/{task}."""
    return await _one(request)


async def act(request: Request) -> Response:
    """POST /desk/requests/{task}: extend, grant, refuse, or put the disagreement with the record."""
    access, id_ = request.state.access, request.path_params["task"]
    form = await sent(request)
    words = form.get("text", "")
    try:
        match form.get("act"):
            case "extend":
                await asked.extend(access, id_, words)
            case "grant":
                await asked.answer(access, id_, grant=True, text=words)
            case "refuse":
                await asked.answer(access, id_, grant=False, text=words, reason=form.get("reason", ""))
            case "disagree":
                await asked.disagree(access, id_, words)
            case _:
                raise Malformed("Choose what to do.")
    except Malformed as error:
        return await _one(request, error.message, 422, words)
    return redirect(request, f"{PAGE.path}/{id_}", "saved")


async def _one(request: Request, problem: str = "", status: int = 200, words: str = "") -> Response:
    access = request.state.access
    r = await asked.one(access, request.path_params["task"])
    names = await patient_names(access, [r.patient])
    return render(request, PAGE, "desk/requests/one.html", status=status, r=r, line=line(r, names), problem=problem, words=words, is_open=r.status == asked.OPEN,
                  may_extend=r.status == asked.OPEN and not r.extended and bool(r.kind.longer), may_disagree=r.status == asked.REFUSED and r.kind.disagreement and not r.disagreement,
                  received=day_text(r.received.isoformat()), notes=[(day_text(day), text) for day, text in r.notes])  # fmt: skip
