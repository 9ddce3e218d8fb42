"""The command palette: every verb, by name."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from sojourn.care.admissions import merging
from sojourn.doors.staff import finding
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
ALSO: dict[str, str] = {
    "/patients/{id}/notes/new": "new begin progress", "/groups": "start begin new", "/incidents/new": "new accident error fall", "/messages/new": "new send ask tell", "/messages": "inbox mail chat",
    "/shift": "handover hand-over hand", "/today": "tasks work inbox home", "/patients/{id}/message": "new send ask tell write", "/on-call": "roster duty", "/policies": "deadlines limits", "/census": "units rooms",
    "/admissions/new": "new inquiry lead", "/patients/{id}/measures/ask": "new form instrument", "/patients/{id}/appointments": "book visit schedule", "/patients/{id}/moves": "transfer discharge transition",
}  # fmt: skip
"""Other words by which people look for a screen, by its path."""

IN_THE_BAR = frozenset({"/", "/today", "/patients", "/schedule", "/messages", "/accounts", "/desk"})
UNKEYED = frozenset({"/shift", "/incidents/new", "/policies", "/places", "/credentials/mine"})
"""Places without a key that the menu has all the same."""


class Choice(NamedTuple):
    """One line of the palette. also: other words by which it is found."""

    text: str
    path: str
    key: str = ""
    note: str = ""
    also: str = ""


def over(screens: Callable[[], tuple[Screen, ...]]) -> Handler:
    """The handler of POST /palette: what fits the words typed, as options of the list.

    The words travel in the body, as they may be a name. The screens are asked for late: the palette is one of them.
    """

    async def answer(request: Request) -> Response:
        form = await sent(request)
        words, patient = form.get("q", "").strip(), form.get("patient", "")
        access = request.state.access
        chart = patient if _ID.fullmatch(patient) else ""
        verbs = matching(words, offered(screens(), access, chart))
        people, more = await asyncio.gather(found(access, words), finding.more(access, words, chart)) if len(words) > 1 else ([], [])
        return PAGES.render(request, "palette.html", verbs=[*verbs, *(Choice(*m) for m in more)], people=people, words=words)

    return answer


def offered(screens: tuple[Screen, ...], access: Access, patient: str) -> list[Choice]:
    """Every screen with a name that this role may open; those of a chart only while one is open."""
    return [_choice(s, patient) for s in screens if s.verb and _allowed(s, access) and (patient or "{id}" not in s.path)]


def _allowed(screen: Screen, access: Access) -> bool:
    return all(access.may(type_, action) for type_, action in screen.needs)


def _choice(screen: Screen, patient: str) -> Choice:
    return Choice(screen.verb, screen.path.replace("{id}", patient), screen.key, screen.group, ALSO.get(screen.path, ""))


def places(screens: tuple[Screen, ...], access: Access) -> list[Choice]:
    """The places of a role that have keys, for the list of keys that every page carries."""
    return [c for c in offered(screens, access, "") if c.key and c.note == "Places"]


def elsewhere(screens: tuple[Screen, ...], access: Access) -> list[Choice]:
    """The places of a role that have no word of their own in the bar, by name: its menu."""
    there = [c for c in offered(screens, access, "") if c.note == "Places" and (c.key or c.path in UNKEYED) and c.path not in IN_THE_BAR]
    named = [c._replace(text=(said := c.text.removeprefix("Go to "))[:1].upper() + said[1:]) for c in there]
    return sorted(named, key=lambda c: c.text)


def matching(words: str, choices: list[Choice]) -> list[Choice]:
    """The choices in whose text, or other words for it, every word begins some word; those of an open chart first."""
    wanted = words.casefold().split()
    fits = [c for c in choices if all(any(part.startswith(word) for part in f"{c.text} {c.also}".casefold().split()) for word in wanted)]
    return sorted(fits, key=lambda c: c.note != "This chart")


async def found(access: Access, words: str) -> list[Choice]:
    """The first patients who fit the words."""
    params = search_params(words)
    if not params or not access.may("Patient", "search"):
        return []
    answer = await access.search("Patient", params, count=FOUND)
    hits = await merging.once(access, answer.resources, params)
    return [Choice(full_name(h.person), f"/patients/{h.person['id']}", "", " · ".join(filter(None, (born_with_age(h.person), record_number(h.person), *map(record_number, h.also))))) for h in hits]
