"""The command palette: every verb, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.patients.terms import search_params
from sojourn.doors.staff.words import born_with_age, full_name, record_number
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.doors.staff.screens import Screen
    from sojourn.gate.access import Access

FOUND = 6
"""How many patients the palette offers; the list of patients has the rest."""


class Choice(NamedTuple):
    """One line of the palette."""

    text: str
    path: str
    key: str = ""
    note: str = ""


async def answer(request: Request) -> Response:
    """POST /palette: what fits the words typed, as options of the list. The words travel in the body: they may be a name."""
    form = await sent(request)
    words, patient = form.get("q", "").strip(), form.get("patient", "")
    access = request.state.access
    verbs = matching(words, offered(access, patient if patient.replace("-", "").replace(".", "").isalnum() else ""))
    people = await found(access, words) if len(words) > 1 else []
    return PAGES.render(request, "palette.html", verbs=verbs, people=people, words=words)


def offered(access: Access, patient: str) -> list[Choice]:
    """Every screen with a name that this role may open; those of a chart only while one is open."""
    from sojourn.doors.staff.routes import SCREENS  # the palette is made from the routes, which hold the palette

    return [_choice(s, patient) for s in SCREENS if s.verb and _allowed(s, access) and (patient or "{id}" not in s.path)]


def _allowed(screen: Screen, access: Access) -> bool:
    return all(access.may(type_, action) for type_, action in screen.needs)


def _choice(screen: Screen, patient: str) -> Choice:
    return Choice(screen.verb, screen.path.replace("{id}", patient), screen.key, screen.group)


def matching(words: str, choices: list[Choice]) -> list[Choice]:
    """The choices in whose text every word begins some word; those of an open chart first."""
    wanted = words.casefold().split()
    fits = [c for c in choices if all(any(part.startswith(word) for part in c.text.casefold().split()) for word in wanted)]
    return sorted(fits, key=lambda c: c.note != "This chart")


async def found(access: Access, words: str) -> list[Choice]:
    """The first patients who fit the words."""
    params = search_params(words)
    if not params or not access.may("Patient", "search"):
        return []
    answer = await access.search("Patient", params, count=FOUND)
    return [Choice(full_name(p), f"/patients/{p['id']}", "", " · ".join(filter(None, (born_with_age(p), record_number(p))))) for p in answer.resources]
