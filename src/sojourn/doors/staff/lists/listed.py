"""GET and POST of one line of a patient's list: as it stands, what can be done about it, its history."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care.allergies.lists import Allergy
from sojourn.care.problems.lists import Problem
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.lists import entering
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change
    from sojourn.gate.found import Stored


class Told(NamedTuple):
    """What the page says of one. facts: name and words, without who and when; acts: code and words of what can be done."""

    facts: list[tuple[str, str]]
    acts: list[tuple[str, str]]
    part2: bool = False


T = TypeVar("T", bound=Allergy | Problem)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of list. here: the last part of its address; why: what the field for words is called; day: whether a day is asked for.

    changing: the change that a form wants. Raises Malformed or Conflict.
    """

    type: str
    here: str
    title: str
    action: str
    why: str
    day: bool
    read: Callable[[Stored], T]
    told: Callable[[T], Told]
    changing: Callable[[Access, T, Mapping[str, str]], Awaitable[Change]]

    async def page(self, request: Request, problem: str = "", status: int = 200, said: Mapping[str, str] | None = None) -> Response:
        """The line with its history. Raises NotFound alike for none, another's, and one that may not be seen."""
        access, patient = request.state.access, request.path_params["id"]
        about, item = await asyncio.gather(banner.fetch(access, patient), self._of(request))
        past, people = await entering.history(access, self.type, item.id)
        known = await entering.looked_up(access, [*people, item.by])
        told = self.told(item)
        facts = [*told.facts, ("Who and when", ", ".join(filter(None, (entering.teller(item.by, known), day_text(item.when)))))]
        return PAGES.render(
            request, "lists/line.html", status=status, banner=about, parts=allowed(access), here=self.here, title=item.name, back=(self.here, self.title), facts=facts, part2=told.part2,
            past=[p._replace(by=entering.teller(p.by, known)) for p in past], acts=told.acts, changeable=False, dose="", day=self.day, said=said or {}, problem=problem,
            may=access.may(self.type, "update"), version=item.version, key="", why=self.why,
        )  # fmt: skip

    async def change(self, request: Request) -> Response:
        """Do what the form says, and go back to the list."""
        access, item, said = request.state.access, await self._of(request), await sent(request)
        try:
            await access.write([await self.changing(access, item, said)], action=self.action)
        except VersionConflict:
            return await self.page(request, entering.CHANGED, 412, said)
        except (Malformed, Conflict) as error:
            return await self.page(request, error.message, 409 if isinstance(error, Conflict) else 422, said)
        return redirect(request, f"/patients/{request.path_params['id']}/{self.here}", "saved")

    async def _of(self, request: Request) -> T:
        found = await request.state.access.search(self.type, [("_id", request.path_params["line"]), ("patient", request.path_params["id"])], count=1)
        if not found.matches:
            raise NotFound
        return self.read(found.matches[0])
