"""Declare an emergency: by the exact identity of somebody, or from a chart that is open.

Until it is declared this page says the same whether or not such a person has a record here: it looks nobody up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.base import clock
from sojourn.base.errors import Malformed
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_of
from sojourn.gate import emergency, emergencypolicy
from sojourn.gate.emergency import Sought
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

NOBODY = "Your declaration is recorded. Nobody was found by exactly this identity: check the spelling and the birth date, or add the record number."


def _whole_date(text: str) -> str:
    return "" if len(text) == 10 and day_of(text) else "Write the whole birth date, for example 1988-03-04."


WHO = (
    Field("family", "Family name", "Enter the family name.", hint="Exactly as on their record."),
    Field("given", "Given name", "Enter the given name."),
    Field("born", "Birth date", "Enter the birth date.", type="date", check=_whole_date),
    Field("number", "Record number", hint="If you know it."),
)


def form(*, chart: bool) -> Form:
    """The questions. From a chart that is open the person is known."""
    reasons = tuple((r.code, r.text) for r in emergencypolicy.reasons(clock.now()))
    why = (
        Field("reason", "Reason", "Choose a reason.", options=(("", "Choose"), *reasons)),
        Field("because", "What is happening", "Say in a sentence what is happening.", hint="The privacy officer reads this today.", type="textarea", max_length=1000),
        Field("facility", "Where you work", hint="If not for this organization."),
        Field("discloser", "Who gave you the record", hint="If a colleague opens it for you."),
        Field("attest", "I need this record now for an emergency, and cannot get consent in time. I know that this is recorded and reviewed.", "Confirm this to go on.", type="checkbox"),
    )
    return Form(why if chart else WHO + why)


async def show(request: Request) -> Response:
    """GET /emergency."""
    return _page(request, form(chart=False))


async def send(request: Request) -> Response:
    """POST /emergency: declare, then open the chart, or say that nobody was found."""
    filled = form(chart=False)
    if not filled.fill(await sent(request)):
        return _page(request, filled, status=422)
    v = filled.values
    return await _declared(request, filled, Sought(v["family"], v["given"], v["born"], v["number"]))


async def show_for_chart(request: Request) -> Response:
    """GET /patients/{id}/emergency: as for any page of a chart, one that may not be seen is not there."""
    about = await banner.fetch(request.state.access, request.path_params["id"])
    return _page(request, form(chart=True), banner=about)


async def send_for_chart(request: Request) -> Response:
    """POST /patients/{id}/emergency."""
    about = await banner.fetch(request.state.access, request.path_params["id"])
    filled = form(chart=True)
    if not filled.fill(await sent(request)):
        return _page(request, filled, status=422, banner=about)
    return await _declared(request, filled, Sought(patient=about.id), banner=about)


async def end(request: Request) -> Response:
    """POST /emergency/{emergency}/end: at once."""
    await emergency.end(request.state.plain_access, request.path_params["emergency"])
    return redirect(request, "/patients", "emergency-ended")


async def _declared(request: Request, filled: Form, sought: Sought, **values: Any) -> Response:
    v = filled.values
    try:
        declared = await emergency.declare(
            request.state.plain_access, sought, reason=v["reason"], because=v["because"], attested=v["attest"] == "yes", facility=v["facility"], discloser=v["discloser"]
        )
    except Malformed as error:
        return _page(request, filled, error.message, status=422, **values)
    if declared.patient is None:
        filled.values["attest"] = ""
        return _page(request, filled, NOBODY, **values)
    return redirect(request, f"/patients/{declared.patient}", "emergency")


def _page(request: Request, filled: Form, problem: str = "", status: int = 200, **values: Any) -> Response:
    hours = emergencypolicy.hours(clock.now())
    return PAGES.render(request, "emergency/declare.html", status=status, form=filled, problem=problem, hours=f"{hours:g}", here="emergency", parts=allowed(request.state.access), **values)
