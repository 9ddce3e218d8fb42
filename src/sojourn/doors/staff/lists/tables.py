"""GET and POST /medication-tables: what medications are compared with, and loading another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base.errors import Malformed
from sojourn.care.medications import inforce
from sojourn.care.medications.inforce import NAME, FaultyTable
from sojourn.doors.staff.pages import PAGES
from sojourn.gate import caretables
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.medications.tables import Fault

NEEDS = ((caretables.TYPE, "administer"),)
PATH = "/medication-tables"


async def show(request: Request) -> Response:
    """The table in force, its rows, and every version."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Look at one, load it, or go back to what is shipped."""
    form = await request.form()
    text, reason, do = (str(form.get(k) or "") for k in ("text", "reason", "do"))
    file = form.get("file")
    if file is not None and not isinstance(file, str) and file.filename:
        text = (await file.read()).decode("utf-8", "replace")
    try:
        if do == "unload":
            await inforce.unload(request.state.access, reason)
        elif do == "look":
            table = inforce.examined(text)
            return await _page(request, text=text, reason=reason, fine=f"{table.title}, version {table.version}, can be loaded. With it there are {len(table.ingredients)} ingredients and {len(table.pairs)} pairs.")
        else:
            await inforce.load(request.state.access, text, reason)
    except FaultyTable as error:
        return await _page(request, error.message, error.faults, text, reason, 422)
    except Malformed as error:
        return await _page(request, error.message, text=text, reason=reason, status=422)
    return redirect(request, PATH, "saved")


async def _page(request: Request, problem: str = "", faults: list[Fault] | None = None, text: str = "", reason: str = "", status: int = 200, *, fine: str = "") -> Response:
    access = request.state.access
    table, versions = await asyncio.gather(inforce.of(access), caretables.versions(access, NAME))
    rows = [(_said(table.classes, p.a), _said(table.classes, p.b), p) for p in sorted(table.pairs, key=lambda p: (p.a, p.b))]
    return PAGES.render(
        request, "lists/tables.html", status=status, table=table, versions=versions, rows=rows, problem=problem, faults=(faults or [])[:100], more=max(0, len(faults or []) - 100), text=text, reason=reason, fine=fine,
        loaded=table.number != 0, unsure=sum(not p.sure for p in table.pairs),
    )  # fmt: skip


def _said(classes: object, what: str) -> str:
    key = what.removeprefix("class:")
    return f"any {classes[key].name}" if what.startswith("class:") else key  # type: ignore[index]
