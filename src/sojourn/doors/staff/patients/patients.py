"""The list of patients, searched while one types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import Invalid, Malformed, NotSupported
from sojourn.care.admissions import merging
from sojourn.doors.staff import words
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.patients.terms import search_params
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PAGE = 40
"""Rows fetched at once."""


class Row(NamedTuple):
    """One patient in the list."""

    id: str
    name: str
    called: str
    born: str
    age: str
    record: str
    pronouns: str
    also: str = ""
    """Numbers of other records of the same person, where it was by one of them that they were found."""


async def show(request: Request) -> Response:
    """GET /patients: the list. POST: the rows that fit the words. The words are sent in the body: an address is kept in histories and logs."""
    form = await sent(request) if request.method == "POST" else {}
    typed, cursor = form.get("q", "").strip()[:80], form.get("cursor") or None
    rows, following, problem = await _found(request, typed, cursor)
    values: dict[str, Any] = {"q": typed, "rows": rows, "next": following, "problem": problem, "continued": cursor is not None}
    return PAGES.render(request, "patients/patients.html", block="more" if cursor else "results", **values)


async def _found(request: Request, typed: str, cursor: str | None) -> tuple[list[Row], str | None, str]:
    params = search_params(typed)
    if typed and not params:
        return [], None, ""
    try:
        found = await request.state.access.search("Patient", [*params, ("_sort", "family,given")], count=PAGE, cursor=cursor)
    except (Invalid, Malformed):
        return [], None, "That is not a date or number that can be searched for. Dates are written 1988-03-04 or 3/4/1988."
    except NotSupported as error:
        return [], None, error.message
    hits = await merging.once(request.state.access, found.resources, params)
    return [row(hit.person)._replace(also=", ".join(filter(None, map(words.record_number, hit.also)))) for hit in hits], found.next, ""


def row(patient: words.Resource) -> Row:
    """A Patient as a line of the list."""
    born = str(patient.get("birthDate") or "")
    return Row(
        str(patient["id"]),
        words.full_name(patient),
        words.called(patient),
        words.day_text(born),
        words.age(born),
        words.record_number(patient),
        words.pronouns(patient),
    )
