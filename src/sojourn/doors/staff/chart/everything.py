"""GET and POST /patients/{id}/all: every entry of a chart as a plain card, whatever it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base import errors
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.plain import called, card
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

PAGE = 30
_NOT_OF_A_PERSON = frozenset({"AuditEvent", "Binary"})


async def show(request: Request) -> Response:
    """The first page, of all kinds or of one. POST: a kind that was chosen, or the page after the cursor in the form."""
    access, patient = request.state.access, request.path_params["id"]
    form = await sent(request) if request.method == "POST" else {}
    cursor, kind = form.get("cursor") or None, str(form.get("kind") or "")
    kinds = searched(access)
    if kind and kind not in kinds:
        raise errors.Malformed("Choose one of the kinds in the list.")
    params = [("_type", kind or ",".join(kinds)), ("_sort", "-_lastUpdated"), *([] if cursor else [("_total", "accurate")])]
    about, found = await asyncio.gather(banner.fetch(access, patient), access.search(None, params, count=PAGE, cursor=cursor, compartment=("Patient", patient)))
    cards = [card(stored.resource) for stored in found.matches]
    values = {"banner": about, "parts": allowed(access), "here": "all", "cards": cards, "next": found.next, "total": found.total, "kinds": sorted(((k, called(k)) for k in kinds), key=lambda kind: kind[1]), "kind": kind}
    return PAGES.render(request, "chart/everything.html", block="cards" if cursor else "", **values)


def searched(access: Access) -> list[str]:
    """The kinds of entries that the role may search: the same for every chart."""
    return sorted(t for t in access.rules.types(access.caller.role, "search", access.house.types) if t not in _NOT_OF_A_PERSON)
