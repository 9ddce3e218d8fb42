"""What the palette finds beside screens and patients: forms, measures, formats of notes, colleagues."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.care.forms import actions as answering
from sojourn.care.forms import library
from sojourn.care.measures import actions as measuring
from sojourn.care.measures.model import instruments
from sojourn.care.staffing.roster import name_of
from sojourn.doors.staff.patients.terms import search_params

if TYPE_CHECKING:
    from sojourn.gate.access import Access

MOST = 5
"""Of each kind."""
Found = tuple[str, str, str, str]
"""Text, path, key, group: as a line of the palette."""


async def more(access: Access, words: str, chart: str) -> list[Found]:
    """What fits the words, for whoever may use it. chart: id of the patient whose chart is open, or ''. Two questions at most."""
    forms, colleagues = await asyncio.gather(_forms(access, words, chart), _colleagues(access, words))
    return [*_measures(access, words, chart), *forms, *colleagues]


def _fits(words: str, text: str) -> bool:
    parts = text.casefold().replace("-", " ").split() + text.casefold().split()
    return all(any(part.startswith(word) for part in parts) for word in words.casefold().split())


def _all(access: Access, needs: tuple[tuple[str, str], ...]) -> bool:
    return all(access.may(type_, action) for type_, action in needs)


def _measures(access: Access, words: str, chart: str) -> list[Found]:
    if not chart or not _all(access, (("Patient", "read"), *measuring.NEEDS)):
        return []
    return [(f"Ask {one.title}", f"/patients/{chart}/measures/ask/{key}", "", "Forms and measures") for key, one in instruments().items() if _fits(words, f"{key} {one.title}")][:MOST]


async def _forms(access: Access, words: str, chart: str) -> list[Found]:
    answers = chart and _all(access, (*answering.READ, *answering.NEEDS))
    if not _all(access, library.READ) or not (answers or access.may("Questionnaire", "update")):
        return []
    found = library.askable(access, [s.resource for s in await library.stored(access)]) if answers else await library.forms(access)
    return [(form.title, f"/patients/{chart}/forms/{form.id}" if answers else f"/forms/{form.id}", "", "Forms and measures") for form in found if _fits(words, form.title)][:MOST]


async def _colleagues(access: Access, words: str) -> list[Found]:
    """Everybody who works here, to write to: who it may be about is asked when it is written."""
    params = search_params(words)
    if not params or not access.may("Message", "send") or not access.may("Practitioner", "search") or any(name != "name" for name, _ in params):
        return []
    answer = await access.search("Practitioner", [("active", "true"), *params], count=MOST)
    return [(f"Write to {name_of(p)}", f"/messages/new?person={p['id']}", "", "Colleagues") for p in answer.resources]
