"""Snippets: one's own, and the organization's for those who may change them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base.errors import Malformed
from sojourn.care.notes import snippets
from sojourn.care.notes.snippets import Snippet
from sojourn.doors.staff.pages import PAGES
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

FIELDS = (
    Field("abbr", "Abbreviation", "Give it an abbreviation.", hint="What you type after a dot, then the tabulator.", max_length=20),
    Field("title", "Name", max_length=80),
    Field("text", "Text", "Write the text.", type="textarea", max_length=5000),
)


def may_share(access: Access) -> bool:
    """Whether the role changes what everybody has."""
    return all(access.may(type_, action) for type_, action in snippets.NEEDS)


async def show(request: Request) -> Response:
    """GET /notes/snippets."""
    return await _page(request, Form(FIELDS))


async def change(request: Request) -> Response:
    """POST: put one in, or take one away. `shared`: of the organization's."""
    access, form = request.state.access, await sent(request)
    shared = form.get("shared") == "yes"
    if shared:
        for type_, action in snippets.NEEDS:
            access.require(action, type_)
    among = await (snippets.shared(access) if shared else snippets.own(access))
    if form.get("away"):
        kept = [s for s in among if s.abbr != form["away"]]
    else:
        filled = Form(FIELDS)
        if not filled.fill(form):
            return await _page(request, filled, status=422)
        try:
            kept = snippets.put(among, snippets.checked(Snippet(filled.value("abbr"), filled.value("title"), filled.value("text"))))
        except Malformed as error:
            filled.errors["abbr"] = str(error)
            return await _page(request, filled, status=422)
    await (snippets.keep_shared(access, kept) if shared else snippets.keep_own(access, kept))
    return redirect(request, "/notes/snippets", "saved")


async def _page(request: Request, form: Form, status: int = 200) -> Response:
    access = request.state.access
    mine, ours = await asyncio.gather(snippets.own(access), snippets.shared(access))
    return PAGES.render(request, "notes/phrases.html", status=status, form=form, mine=mine, ours=ours, may_share=may_share(access))
