"""What every page of a plan shows: client, plan, stay, and what one may do."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import NotFound
from sojourn.care import levels, policies
from sojourn.care.plan import due, reading, team, writing
from sojourn.care.plan.model import STAGES, Plan
from sojourn.care.policies import Policies
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

_TONES = {"draft": "", "signing": "amber", "active": "teal", "changed": "amber", "in-review": "amber", "ended": ""}


class Seen(NamedTuple):
    """One plan and what is around it. others: the client's other plans. writes: whether the caller may change it.

    works: whether the caller works in its program at all.
    """

    about: banner.Banner
    plan: Plan
    others: list[Plan]
    stay: levels.Stay | None
    stays: list[levels.Stay]
    team: dict[str, team.Member]
    rules: Policies
    writes: bool
    works: bool

    @property
    def level(self) -> str:
        """The level of care of the stay, or ''."""
        return self.stay.level if self.stay else ""

    @property
    def stage(self) -> tuple[str, str]:
        """Where the plan stands, in words and by tone."""
        return STAGES[self.plan.stage], _TONES[self.plan.stage]


async def look(request: Request) -> Seen:
    """Five questions at once. Raises NotFound, alike for a client, a plan or a plan of another client that may not be seen."""
    access, patient, wanted = request.state.access, request.path_params["id"], request.path_params["plan"]
    about, plans, stays, members, rules = await asyncio.gather(
        banner.fetch(access, patient), reading.of_patient(access, patient), stays_of(access, patient), team.of(access, patient), policies.of(access)
    )
    plan = next((p for p in plans if p.id == wanted), None)
    if plan is None:
        raise NotFound
    stay = next((s for s in stays if s.id == plan.stay), None)
    organization = stay.organization if stay else ""
    writes = plan.open and writing.writes_in(access, organization)
    number = writing.program_of(access, organization)
    return Seen(about, plan, [p for p in plans if p.id != plan.id], stay, stays, members, rules, writes, number is None or number in access.caller.programs)


async def stays_of(access: Access, patient: str) -> list[levels.Stay]:
    """Every stay of a client, also those that are over. One search, or none for a role without it."""
    if not access.may("EpisodeOfCare", "search"):
        return []
    found = await access.search("EpisodeOfCare", [("patient", patient), ("_sort", "-date")], count=50)
    return [levels.stay(r) for r in found.resources]


def short(value: date | None) -> str:
    """`4 Mar 2026`; '' for none."""
    return f"{value.day} {value:%b %Y}" if value else ""


def due_text(seen: Seen, access: Access) -> tuple[str, str]:
    """What is due next and how soon, and its tone."""
    if seen.stay is None or seen.stay.status not in levels.IN_CARE:
        return ("", "")
    wanted = due.of_stay(seen.stay, seen.plan, seen.rules)
    if wanted is None:
        return ("", "")
    words = {due.INITIAL: "To be signed", due.SIGNATURES: "Signatures", due.REVIEW: "Review"}[wanted.kind]
    return (f"{words} {due.days_left(wanted.at, access)}", "red" if wanted.late(access.now) else "amber" if wanted.at - access.now <= due.SOON else "")


def render(request: Request, template: str, seen: Seen, *, block: str = "", status: int = 200, **values: Any) -> Response:
    """A page of a plan."""
    access = request.state.access
    root = f"/patients/{seen.about.id}/plan/{seen.plan.id}"
    return PAGES.render(
        request, f"plan/{template}", block=block, status=status, banner=seen.about, parts=allowed(access), here="plan", seen=seen, plan=seen.plan, stage=seen.stage,
        due=due_text(seen, access), root=root, today=access.today, short=short, **values,
    )  # fmt: skip
