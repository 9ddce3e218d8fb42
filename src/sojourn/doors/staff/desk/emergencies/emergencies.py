"""The review queue: every emergency that was declared, what was opened, and what the review found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import Malformed
from sojourn.doors.staff.desk.frame import DeskPage, Waiting, render
from sojourn.doors.staff.desk.names import moment, patient_names, program_names
from sojourn.gate import emergency, emergencypolicy
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

FOUND = {"appropriate": "Appropriate", "not-appropriate": "Not appropriate", "follow-up": "Needs follow-up"}
FIELDS = (
    Field("decision", "What you found", "Choose what you found.", options=(("", "Choose"), *FOUND.items())),
    Field("note", "Note", "Write a note for the file.", hint="Whom you asked and what follows from it.", type="textarea", max_length=2000),
)


async def waiting(access: Access) -> Waiting:
    """How many nobody has reviewed yet."""
    number = (await emergency.standing(access)).waiting
    return Waiting(number, "not reviewed yet", number > 0)


PAGE = DeskPage("/desk/emergencies", "Emergency access", "Who declared an emergency, for whom and why. Each one is reviewed.", waiting)


class Line(NamedTuple):
    """One emergency as the queue shows it."""

    id: str
    who: str
    about: str
    patient: str
    reason: str
    because: str
    declared: str
    over: str
    programs: str
    review: str
    tone: str
    reviewer: str
    note: str
    request: str
    documented: bool


async def show(request: Request) -> Response:
    """GET /desk/emergencies."""
    rows = await emergency.queue(request.state.access)
    lines = await _lines(request.state.access, rows)
    return render(request, PAGE, "desk/emergencies/list.html", lines=lines)


async def one(request: Request) -> Response:
    """GET /desk/emergencies/{emergency}."""
    return await _one(request, Form(FIELDS))


async def review(request: Request) -> Response:
    """POST /desk/emergencies/{emergency}: what the review found."""
    filled = Form(FIELDS)
    if not filled.fill(await sent(request)):
        return await _one(request, filled, status=422)
    try:
        await emergency.review(request.state.access, request.path_params["emergency"], filled.values["decision"], filled.values["note"])
    except Malformed as error:
        return await _one(request, filled, error.message, status=422)
    return redirect(request, PAGE.path, "saved")


async def end(request: Request) -> Response:
    """POST /desk/emergencies/{emergency}/end: whoever oversees may end anybody's."""
    id_ = request.path_params["emergency"]
    await emergency.end(request.state.access, id_)
    return redirect(request, f"{PAGE.path}/{id_}", "emergency-ended")


async def _one(request: Request, filled: Form, problem: str = "", status: int = 200) -> Response:
    row = await emergency.one(request.state.access, request.path_params["emergency"])
    (line,) = await _lines(request.state.access, [row])
    running = row["patient"] is not None and row["ended"] is None and request.state.access.now < row["until"]
    return render(request, PAGE, "desk/emergencies/one.html", status=status, line=line, form=filled, problem=problem, running=running)


async def _lines(access: Access, rows: list[Any]) -> list[Line]:
    names = await patient_names(access, [r["patient"] for r in rows if r["patient"]])
    return [_line(access, row, names) for row in rows]


def _line(access: Access, row: Any, names: dict[str, str]) -> Line:
    reason = emergencypolicy.reason(row["reason"], row["declared"])
    typed = row["sought"] if not row["sought"].startswith("Patient/") else ""
    over = row["ended"] or row["until"]
    said = ("ended by hand " if row["ended"] else "ran out " if over <= access.now else "until ") + moment(over)
    return Line(
        row["emergency"], row["name"], names.get(row["patient"] or "", "") or typed or "a chart that you may not see", (row["patient"] or "") if row["patient"] in names else "",
        reason.text if reason else row["reason"], row["because"], moment(row["declared"]), said if row["patient"] else "nobody was found",
        program_names(access, row["programs"]), FOUND.get(row["decision"], "Not reviewed"), {"": "amber", "not-appropriate": "red", "follow-up": "amber"}.get(row["decision"], "plain"),
        row["reviewer"] or "", row["note"], row["request"], row["documented"],
    )  # fmt: skip
