"""GET and POST /patients/{id}/allergies: what is known, that none is, or that nobody asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base.errors import Conflict, Malformed, VersionConflict
from sojourn.care import listing
from sojourn.care.allergies import lists
from sojourn.care.allergies.lists import TYPE, Allergy
from sojourn.care.medications import inforce
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.lists import entering, listed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text
from sojourn.gate import origin
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change

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
    record = programs.record(said, patient)
    try:
        changes = lists.none_known(access, record, standing, **write) if said.get("do") == "none" else lists.added(access, record, standing, said, **write)  # type: ignore[arg-type]
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
    return await _KIND.page(request)


async def change(request: Request) -> Response:
    """Confirmed, resolved, was none, or entered in error."""
    return await _KIND.change(request)


def _told(allergy: Allergy) -> listed.Told:
    facts = [("Reaction", allergy.reaction), ("Risk", lists.CRITICALITY.get(allergy.criticality, "")), ("Kind", lists.KINDS.get(allergy.kind, "")), ("Status", allergy.said or ("active" if allergy.confirmed else "active, not confirmed")), ("Source", allergy.from_where)]
    return listed.Told(facts, allergy.acts)


async def _changing(access: Access, allergy: Allergy, said: Mapping[str, str]) -> Change:
    made = await origin.makers(access, [allergy.ref])
    return lists.ended(access, allergy._replace(version=said.get("version") or allergy.version), said.get("do", ""), said.get("why", ""), program=made[allergy.ref])


_KIND = listed.Kind(TYPE, "allergies", "Allergies", "allergy", "Why", False, lists.read, _told, _changing)
