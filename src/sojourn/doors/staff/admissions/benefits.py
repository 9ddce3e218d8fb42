"""GET and POST /admissions/{task}/benefits: who said what about the coverage, and what we rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base.errors import VersionConflict
from sojourn.care.admissions import benefits
from sojourn.care.admissions import case as cases
from sojourn.doors.staff.pages import PAGES
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

CHANGED = "Somebody else changed this worksheet since you opened it. What you typed is still here: look at theirs beside it, then save again."


async def show(request: Request) -> Response:
    """The worksheet."""
    return await _page(request)


async def save(request: Request) -> Response:
    """Keep it. Where somebody else changed it meanwhile, both stand there."""
    access = request.state.access
    case = await cases.one(access, request.path_params["task"])
    said = await sent(request)
    names = {f"{row.name}.{column}" for row in benefits.rows(case.level) for column, _ in benefits.COLUMNS} | {name for name, _ in benefits.CALL}
    values = {name: said[name][:2000] for name in names if name in said}
    try:
        await benefits.save(access, case, values, said.get("version", ""))
    except VersionConflict:
        return await _page(request, values, 412)
    return redirect(request, f"/admissions/{case.id}", "saved")


async def _page(request: Request, typed: dict[str, str] | None = None, status: int = 200) -> Response:
    access = request.state.access
    case = await cases.one(access, request.path_params["task"])
    sheet = await benefits.of_case(access, case)
    theirs = {name: value for name, value in sheet.values.items() if typed is not None and typed.get(name, "") != value}
    return PAGES.render(
        request, "admissions/benefits.html", status=status, case=case, rows=benefits.rows(case.level), columns=benefits.COLUMNS, call=benefits.CALL, values=sheet.values | (typed or {}),
        version=sheet.version, theirs=theirs, problem=CHANGED if typed is not None else "",
    )  # fmt: skip
