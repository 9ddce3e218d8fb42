"""Plans and reviews due, and loose ends: for one's own clients, and of one chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.care.plan import caseload, due, orphans
from sojourn.care.plan.caseload import Case
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.lines import Line
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.plan.seen import short
from sojourn.doors.staff.words import full_name

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access


def supervises(access: Access) -> bool:
    """Whether the caller looks after others' plans rather than their own clients'."""
    return access.may("CarePlan", "co-sign")


def place(case: Case) -> str:
    """Where what is due is done."""
    assert case.due is not None  # noqa: S101 - only for what is due
    at = f"/patients/{case.stay.patient}/plan"
    if case.plan is None:
        return at
    return f"{at}/{case.plan.id}" + {due.REVIEW: "/review", due.SIGNATURES: "/sign"}.get(case.due.kind, "")


async def lines(access: Access) -> list[Line]:
    """For Today: what is due within a week, or late. Three questions."""
    waiting = caseload.waiting(await caseload.cases(access, supervised=supervises(access)), access.now)[:20]
    made = []
    for case in waiting:
        assert case.due is not None  # noqa: S101 - that is what waiting means
        late = case.due.late(access.now)
        soon = case.due.at - access.now <= due.SOON / 3
        made.append(Line(case.due.text, place(case), name(case), due.days_left(case.due.at, access), "red" if late else "amber" if soon else "plain", case.stay.program))
    return made


def name(case: Case) -> str:
    """The client's name, for those who may see them."""
    return full_name(case.person) if case.person else ""


async def show(request: Request) -> Response:
    """GET /plans: what is due for one's clients. Where their threads are broken is asked for client by client, as the page is scrolled."""
    access = request.state.access
    cases = await caseload.cases(access, supervised=supervises(access))
    rows = [(c, place(c), name(c), due.days_left(c.due.at, access), "red" if c.due.late(access.now) else "amber" if c.due.at - access.now <= due.SOON else "") for c in cases if c.due]
    clients = sorted({(name(c), c.stay.patient) for c in cases if c.plan})
    return PAGES.render(request, "plan/caseload.html", rows=rows, clients=clients, supervised=supervises(access))


async def chart(request: Request) -> Response:
    """GET /patients/{id}/loose-ends: the loose ends of one chart; only the list of them for the page of all."""
    access = request.state.access
    about = await banner.fetch(access, request.path_params["id"])
    loose = await orphans.of_patient(access, about.id)
    values: dict[str, Any] = {"parts": allowed(access), "here": "plan", "loose": _grouped(loose), "titles": orphans.TITLES, "short": short}
    return PAGES.render(request, "plan/loose.html", block="ends", banner=about, **values)


def _grouped(loose: list[orphans.Orphan]) -> dict[str, list[orphans.Orphan]]:
    """By kind, in the order of the thread."""
    return {kind: found for kind in orphans.TITLES if (found := [o for o in loose if o.kind == kind])}
