"""GET and POST /patients/{id}/allergies: what is known, that none is, or that nobody asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care import listing
from sojourn.care.allergies import lists
from sojourn.care.allergies.lists import TYPE, Allergy
from sojourn.care.medications import inforce
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.lists import entering
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text
from sojourn.gate import origin
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

_SOURCES = {k: v for k, v in listing.SOURCES.items() if k in ("home", "outside")}


async def show(request: Request) -> Response:
    """The list."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Write an allergy down, or that none is known."""
    access, patient = request.state.access, request.path_params["id"]
    said = await sent(request)
    await banner.fetch(access, patient)
    standing, programs = await asyncio.gather(lists.of(access, patient), entering.programs(access, patient))
    made = await origin.makers(access, [a.ref for a in standing.found if a.none_known and a.current])
    write = {"program": programs.chosen(said), "made": made, "key": entering.kept_key(said)}
    try:
        changes = lists.none_known(access, patient, standing, **write) if said.get("do") == "none" else lists.added(access, patient, standing, said, **write)  # type: ignore[arg-type]
        await access.write(changes, action="allergy")
    except VersionConflict:
        return await _page(request, entering.CHANGED, 412, said)
    except Malformed as error:
        return await _page(request, error.message, 422, said)
    except Conflict:
        await access.read(TYPE, entering.kept_key(said))  # the second click of the same form
    return redirect(request, f"/patients/{patient}/allergies", "saved")


async def _page(request: Request, problem: str = "", status: int = 200, said: Mapping[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, standing, programs, table = await asyncio.gather(banner.fetch(access, patient), lists.of(access, patient), entering.programs(access, patient), inforce.of(access))
    known = await entering.looked_up(access, [a.by for a in standing.found])
    rows = [(a, entering.teller(a.by, known), day_text(a.when), bool(table.allergen(a.name, a.codes)) or a.none_known) for a in standing.found]
    return PAGES.render(
        request, "lists/allergies.html", status=status, banner=about, parts=allowed(access), here="allergies", answer=standing, on_list=[r for r in rows if r[0].current], over=[r for r in rows if not r[0].current], said=said or {}, problem=problem,
        programs=programs, key=entering.key(), may=access.may(TYPE, "create"), kinds=lists.KINDS, criticality=lists.CRITICALITY, sources=_SOURCES,
    )  # fmt: skip


async def one(request: Request) -> Response:
    """One allergy with its history."""
    return await _one(request)


async def change(request: Request) -> Response:
    """Resolved, was none, or entered in error."""
    access, patient = request.state.access, request.path_params["id"]
    allergy = await _of(request)
    said = await sent(request)
    try:
        made = await origin.makers(access, [allergy.ref])
        await access.write([lists.ended(access, allergy._replace(version=said.get("version") or allergy.version), said.get("do", ""), said.get("why", ""), program=made[allergy.ref])], action="allergy")
    except VersionConflict:
        return await _one(request, entering.CHANGED, 412, said)
    except (Malformed, Conflict) as error:
        return await _one(request, error.message, 409 if isinstance(error, Conflict) else 422, said)
    return redirect(request, f"/patients/{patient}/allergies", "saved")


async def _of(request: Request) -> Allergy:
    found = await request.state.access.search(TYPE, [("_id", request.path_params["line"]), ("patient", request.path_params["id"])], count=1)
    if not found.matches:
        raise NotFound
    return lists.read(found.matches[0])


async def _one(request: Request, problem: str = "", status: int = 200, said: Mapping[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, allergy = await asyncio.gather(banner.fetch(access, patient), _of(request))
    past, people = await entering.history(access, TYPE, allergy.id)
    known = await entering.looked_up(access, [*people, allergy.by])
    facts = [("Reaction", allergy.reaction), ("Risk", lists.CRITICALITY.get(allergy.criticality, "")), ("Kind", lists.KINDS.get(allergy.kind, "")), ("Status", allergy.said or "active"), ("Source", allergy.from_where),
             ("Who and when", ", ".join(filter(None, (entering.teller(allergy.by, known), day_text(allergy.when)))))]  # fmt: skip
    return PAGES.render(
        request, "lists/line.html", status=status, banner=about, parts=allowed(access), here="allergies", title=allergy.name, back=("allergies", "Allergies"), facts=facts, part2=False,
        past=[p._replace(by=entering.teller(p.by, known)) for p in past], acts=list(lists.ACTS.items()) if allergy.current else [], changeable=False, dose="", day=False, said=said or {}, problem=problem,
        may=access.may(TYPE, "update"), version=allergy.version, key="", why="Why",
    )  # fmt: skip
