"""Suggestions for plans: those that are shipped, and the organization's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.care.plan import library
from sojourn.doors.staff.pages import PAGES
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

WRITES = (("PlanDefinition", "create"), ("PlanDefinition", "update"))


def _form() -> Form:
    return Form((
        Field("title", "Name", "Give it a name.", hint="What it is about, in a few words.", max_length=80),
        Field("problem", "Problem", "Say what the problem is.", max_length=300),
        Field("codes", "Diagnosis codes", hint="Beginnings of ICD-10-CM codes, with commas between, such as F63, F50.", max_length=200),
        Field("goals", "Goals", hint="One a line: how one will know.", type="textarea", max_length=2000),
        Field("helps", "What helps", hint="One a line: what staff do.", type="textarea", max_length=2000),
    ))  # fmt: skip


async def show(request: Request) -> Response:
    """GET /plans/suggestions."""
    return await _page(request, _form())


async def send(request: Request) -> Response:
    """POST: one more of our own, or one less."""
    access, form, given = request.state.access, _form(), await sent(request)
    if retired := given.get("retire"):
        await library.retire(access, retired)
        return redirect(request, "/plans/suggestions", "saved")
    if not form.fill(given):
        return await _page(request, form, 422)
    v = form.values
    codes = [c.strip().upper() for c in v["codes"].split(",") if c.strip()]
    await library.add(access, v["title"], v["problem"], _lines(v["goals"]), _lines(v["helps"]), codes)
    return redirect(request, "/plans/suggestions", "saved")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


async def _page(request: Request, form: Form, status: int = 200) -> Response:
    access = request.state.access
    writes = all(access.may(type_, action) for type_, action in WRITES)
    return PAGES.render(request, "plan/suggestions.html", status=status, entries=await library.of(access), form=form, writes=writes)
