"""GET and POST /patients/{id}/medications/{kind}/{line}: one medication, its history, and changing it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care import listing, policies
from sojourn.care.medications import inforce, lines, writing
from sojourn.care.medications.lines import Line
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.lists import entering
from sojourn.doors.staff.lists.medications import TYPES, row
from sojourn.doors.staff.pages import PAGES
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access


async def show(request: Request) -> Response:
    """The line."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Other directions, stop, hold, go on, entered in error."""
    access, patient = request.state.access, request.path_params["id"]
    line = await _line(request)
    said = await sent(request)
    try:
        rules, mine, table, made = await asyncio.gather(policies.of(access), writing.own_titles(access), inforce.of(access), writing.program_of(access, [line.ref]))
        if not writing.may_change(access, line, prescriber=writing.prescribes(access, rules, mine)):
            raise Malformed("Only who prescribes changes an order.")
        program = made[line.ref]
        if program is None:
            raise Conflict(listing.OTHERS)
        line = line._replace(version=said.get("version") or line.version)
        if said.get("do") == "change":
            changes = writing.changing(access, patient, table, line, said.get("dose", ""), said.get("why", ""), program=program, key=entering.kept_key(said))
        else:
            changes = [writing.acting(access, line, said.get("do", ""), said.get("why", ""))]
        await access.write(changes, action="medication")
    except VersionConflict:
        return await _page(request, entering.CHANGED, 412, said)
    except (Malformed, Conflict) as error:
        return await _page(request, error.message, 409 if isinstance(error, Conflict) else 422, said)
    return redirect(request, f"/patients/{patient}/medications", "saved")


async def _line(request: Request) -> Line:
    access: Access = request.state.access
    type_ = TYPES.get(request.path_params["kind"])
    if type_ is None or not access.may(type_, "read"):
        raise NotFound
    found = await access.search(type_, [("_id", request.path_params["line"]), ("patient", request.path_params["id"]), ("_include", f"{type_}:medication")], count=1)
    if not found.matches:
        raise NotFound
    return lines.read(found.matches[0], {f"{s.type}/{s.id}": s.resource for s in found.included})


async def _page(request: Request, problem: str = "", status: int = 200, said: Mapping[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, line = await asyncio.gather(banner.fetch(access, patient), _line(request))
    (past, people), rules, mine, table = await asyncio.gather(entering.history(access, line.type, line.id), policies.of(access), writing.own_titles(access), inforce.of(access))
    known = await entering.looked_up(access, [*people, line.by])
    acts = [(k, v) for k, v in writing.ACTS.items() if k != "resume" or line.status in ("on-hold", "stopped", "not-taken", "intended")]
    acts = [a for a in acts if a[0] == "error" or a[0] == "resume" or (line.current and not (a[0] == "hold" and line.status == "on-hold"))]
    return PAGES.render(
        request, "lists/line.html", status=status, banner=about, parts=allowed(access), here="medications", title=line.name, back=("medications", "Medications"), facts=_facts(line, row(line, known, table)), part2=line.part2,
        past=[p._replace(by=entering.teller(p.by, known)) for p in past], acts=acts if line.status != "entered-in-error" else [], changeable=line.current, dose=line.dose, day=False, said=said or {}, problem=problem,
        may=writing.may_change(access, line, prescriber=writing.prescribes(access, rules, mine)), version=line.version, key=entering.key(), why="Why",
    )  # fmt: skip


def _facts(line: Line, shown: dict[str, object]) -> list[tuple[str, str]]:
    return [("Directions", line.dose), ("Status", ". ".join(filter(None, (line.said, line.reason)))), ("Source", line.from_where), ("Who and when", ", ".join(filter(None, (str(shown["by"]), str(shown["when"]))))), ("Given for", str(shown["about"]))]
