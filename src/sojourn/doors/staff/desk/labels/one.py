"""GET and POST /desk/labels/{type}/{id}: the labels of one entry, and deciding about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base.errors import Invalid
from sojourn.doors.staff.desk.frame import render
from sojourn.doors.staff.desk.labels.labels import PAGE, decision
from sojourn.doors.staff.desk.labels.words import LABELS, labels
from sojourn.doors.staff.desk.names import patient_names
from sojourn.gate import bases, elementlabels, overriding
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_CODES = tuple((code, LABELS.get(code, code)) for code in overriding.codes())
FIELDS = (
    Field("effect", "What you decide", "Choose what you decide.", options=(("", "Choose"), ("raise", "Put a label on"), ("lower", "Take a label off"))),
    Field("code", "Label", "Choose the label.", options=(("", "Choose"), *_CODES)),
    Field("reason", "Why", "Write why; it stays with the record.", type="textarea", max_length=1000),
)


async def show(request: Request) -> Response:
    """The labels of one entry."""
    return await _page(request, Form(FIELDS))


async def decide(request: Request) -> Response:
    """Put a label on, or take one off."""
    form = Form(FIELDS)
    type_, id_ = request.path_params["type"], request.path_params["id"]
    if not form.fill(await sent(request)):
        return await _page(request, form, status=422)
    try:
        await request.state.access.relabel(type_, id_, form.values["effect"], [form.values["code"]], form.values["reason"])
    except Invalid as error:
        return await _page(request, form, problem=error.message, status=422)
    return redirect(request, f"{PAGE.path}/{type_}/{id_}", "saved")


async def take_off(request: Request) -> Response:
    """Take the label off one element."""
    type_, id_ = request.path_params["type"], request.path_params["id"]
    said = await sent(request)
    try:
        await elementlabels.take_off(request.state.access, type_, id_, said.get("place", ""), said.get("version", ""), said.get("reason", ""))
    except Invalid as error:
        return await _page(request, Form(FIELDS), problem=error.message, status=422)
    return redirect(request, f"{PAGE.path}/{type_}/{id_}", "saved")


async def _page(request: Request, form: Form, *, problem: str = "", status: int = 200) -> Response:
    access = request.state.access
    type_, id_ = request.path_params["type"], request.path_params["id"]
    stored = await access.read(type_, id_)
    rows = await overriding.overrides(access, (type_, id_))
    names = await patient_names(access, [row["patient"] for row in rows if row["patient"]])
    carried = [c["code"] for c in stored.resource.get("meta", {}).get("security", ()) if c.get("system") != bases.CONFIDENTIALITY]
    return render(
        request, PAGE, "desk/labels/one.html", status=status, problem=problem, form=form, type=type_, id=id_, carried=labels(carried), decisions=[decision(row, names) for row in rows],
        elements=[(e, labels(list(e.codes))) for e in elementlabels.listed(stored.resource)], version=stored.version,
    )  # fmt: skip
