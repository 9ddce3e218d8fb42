"""Words typed for a patient or a person become the one that is meant, or a question which."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import wall
from sojourn.base.errors import Invalid, Malformed
from sojourn.care.staffing import zones
from sojourn.doors.staff import words
from sojourn.doors.staff.patients.terms import search_params

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sojourn.gate.access import Access
    from sojourn.gate.found import Stored

_MOST = 12


class Choice(NamedTuple):
    """The patient that is meant (id and name), or several to choose from, or what is wrong."""

    id: str = ""
    name: str = ""
    several: tuple[tuple[str, str], ...] = ()
    problem: str = ""


async def patient(access: Access, form: Mapping[str, str]) -> Choice:
    """From the fields patient, patient_id and patient_said: an id counts while the words are those that it was chosen for."""
    typed = form.get("patient", "").strip()[:80]
    picked, said = form.get("pick") or form.get("patient_id", ""), form.get("patient_said", "")
    if picked and (form.get("pick") or typed == said):
        found = await access.search("Patient", [("_id", picked)], count=1)
        return Choice(picked, words.full_name(found.matches[0].resource)) if found.matches else Choice(problem="There is no such patient that you can see.")
    if not typed:
        return Choice()
    params = search_params(typed)
    matches: list[Stored] = []
    with suppress(Invalid, Malformed):
        matches = (await access.search("Patient", [*params, ("_sort", "family,given")], count=_MOST + 1)).matches if params else []
    if not matches:
        return Choice(problem="No patient that you can see fits these words.")
    people = tuple((s.id, f"{words.full_name(s.resource)}, born {words.day_text(s.resource.get('birthDate')) or 'on an unknown day'}") for s in matches)
    if len(people) == 1:
        return Choice(people[0][0], words.full_name(matches[0].resource))
    return Choice(several=people[:_MOST], problem="" if len(people) <= _MOST else "There are more; write more of the name, or the birth date.")


def day(text: str) -> datetime | None:
    """The moment at which a day begins on the wall, as a date field sends it; None for nothing. Raises ValueError for what is no date."""
    return _begins(datetime.fromisoformat(text).date()) if text else None


def days(form: Mapping[str, str], now: datetime, back: int = 30) -> tuple[datetime, datetime, str]:
    """From and before, of the fields since and until (both days count), and what is wrong with them."""
    today = wall.day(now)
    try:
        since = day(form.get("since", "").strip()) or _begins(today - timedelta(days=back))
        last = form.get("until", "").strip()
        until = _begins((datetime.fromisoformat(last).date() if last else today) + timedelta(days=1))
    except (ValueError, OverflowError):
        return now - timedelta(days=back), now, "A day must be written as 2026-03-01."
    return since, until, "" if since < until else "The first day must not come after the last."


def _begins(day: date) -> datetime:
    return zones.moment(day, time(0), zones.here())
