"""GET /admissions: the board of cases, a column for each stage; and the cases on Today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import SojournError
from sojourn.care.admissions import calls
from sojourn.care.admissions import case as cases
from sojourn.care.census import occupancy
from sojourn.doors.staff import lines
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text, full_name, own_name
from sojourn.gate import drafts

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

PATH = "/admissions"
HIDDEN = "Somebody whom you may not see"


class Card(NamedTuple):
    """One case on the board."""

    id: str
    who: str
    level: str
    program: str
    owner: str
    due: str
    tone: str
    urgent: bool
    since: str


async def show(request: Request) -> Response:
    """The open cases. Who has to see to a case is named from one more search."""
    access = request.state.access
    found = await cases.board(access)
    owners = await _owners(access, {c.owner for c, _ in found})
    columns: dict[str, list[Card]] = {code: [] for code, stage in cases.stages().items() if not stage.ended}
    for case, person in found:
        columns.setdefault(case.stage.code, []).append(card(access, case, person, owners))
    begun = await drafts.listed(access, "call/") if access.may("EpisodeOfCare", "create") else []
    may_call = all(access.may(type_, action) for type_, action in calls.NEEDS)
    return PAGES.render(request, "admissions/board.html", columns=[(cases.stages()[code], cards) for code, cards in columns.items()], total=len(found), begun=bool(begun), may_call=may_call)


def card(access: Access, case: cases.Case, person: dict[str, Any], owners: dict[str, str]) -> Card:
    """A case as it is shown."""
    due, tone = lines.remaining(occupancy.moment_of(case.due), access.now)
    program = access.rules.programs.get(case.program)
    return Card(
        case.id, full_name(person) if person else HIDDEN, case.level, program.name if program else "", owners.get(case.owner, ""), due, tone, case.priority in ("urgent", "stat"),
        day_text(case.begun),
    )  # fmt: skip


async def _owners(access: Access, references: set[str]) -> dict[str, str]:
    ids = sorted(r.partition("/")[2] for r in references if r.startswith("Practitioner/"))
    if not ids:
        return {}
    found = await access.search("Practitioner", [("_id", ",".join(ids))], count=len(ids))
    return {f"Practitioner/{p['id']}": own_name(p) for p in found.resources}


async def today(access: Access) -> list[lines.Line]:
    """Cases that wait for the caller, or for somebody of their role, the next due first."""
    try:
        found = await cases.waiting(access)
    except SojournError:
        return []
    mine = [c for c in found if (c.owner == access.caller.agent or (not c.owner and access.caller.role == "admissions")) and c.stage.code != "waitlist"][:20]
    names = await patient_names(access, [c.patient for c in mine if c.patient]) if access.may("Patient", "search") else {}
    made = []
    for case in mine:
        due, tone = lines.remaining(occupancy.moment_of(case.due), access.now)
        made.append(lines.Line(case.stage.title, f"{PATH}/{case.id}", names.get(case.patient, ""), due, "red" if case.priority in ("urgent", "stat") else tone))
    return made
