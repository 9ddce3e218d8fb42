"""What screening asks the people about what they wrote, and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base.errors import Invalid
from sojourn.doors.staff.desk.labels.labels import question
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.pages import PAGES
from sojourn.gate.screening import asking
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PATH = "/questions"


async def show(request: Request) -> Response:
    """The questions that wait."""
    return await _page(request)


async def answer(request: Request) -> Response:
    """Label it, or say that it is not sensitive."""
    said = await sent(request)
    try:
        await asking.answer(request.state.access, request.path_params["n"], said.get("answer", ""), [], said.get("note", ""))
    except Invalid as error:
        return await _page(request, problem=error.message, status=422)
    return redirect(request, PATH, "saved")


async def _page(request: Request, *, problem: str = "", status: int = 200) -> Response:
    asked = await asking.waiting(request.state.access)
    names = await patient_names(request.state.access, [row["patient"] for row in asked if row["patient"]])
    return PAGES.render(request, "questions/questions.html", status=status, questions=[question(request.state.access, row, names) for row in asked], problem=problem, path=PATH)
