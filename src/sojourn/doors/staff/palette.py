"""The command palette: every verb, by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.patients.terms import search_params
from sojourn.doors.staff.words import born_with_age, full_name, record_number
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.doors.staff.screens import Handler, Screen
    from sojourn.gate.access import Access

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
FOUND = 6
"""How many patients the palette offers; the list of patients has the rest."""


class Choice(NamedTuple):
    """One line of the palette."""

    text: str
    path: str
    key: str = ""
    note: str = ""


def over(screens: Callable[[], tuple[Screen, ...]]) -> Handler:
    """The handler of POST /palette: what fits the words typed, as options of the list.

    The words travel in the body, as they may be a name. The screens are asked for late: the palette is one of them.
    """

    async def answer(request: Request) -> Response:
        form = await sent(request)
        words, patient = form.get("q", "").strip(), form.get("patient", "")
        access = request.state.access
        verbs = matching(words, offered(screens(), access, patient if _ID.fullmatch(patient) else ""))
        people = await found(access, words) if len(words) > 1 else []
        return PAGES.render(request, "palette.html", verbs=verbs, people=people, words=words)

    return answer


def offered(screens: tuple[Screen, ...], access: Access, patient: str) -> list[Choice]:
    """Every screen with a name that this role may open; those of a chart only while one is open."""
    return [_choice(s, patient) for s in screens if s.verb and _allowed(s, access) and (patient or "{id}" not in s.path)]


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
