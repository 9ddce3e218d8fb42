"""GET and POST /patients/{id}/problems: what is treated, since when, by whom, what has resolved."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care import listing
from sojourn.care.problems import lists
from sojourn.care.problems.lists import TYPE, Problem
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

_SOURCES = {"": "Found here", **{k: v for k, v in listing.SOURCES.items() if k in ("home", "outside")}}


async def show(request: Request) -> Response:
    """The list."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Write a problem down, under the program that treats it."""
    access, patient = request.state.access, request.path_params["id"]
    said = await sent(request)
    await banner.fetch(access, patient)
    programs = await entering.programs(access, patient)
    try:
        await access.write([lists.added(access, patient, said, program=programs.chosen(said), key=entering.kept_key(said))], action="problem")
    except Malformed as error:
        return await _page(request, error.message, 422, said)
    except Conflict:
        await access.read(TYPE, entering.kept_key(said))  # the second click of the same form
    return redirect(request, f"/patients/{patient}/problems", "saved")


async def _page(request: Request, problem: str = "", status: int = 200, said: Mapping[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, found, programs = await asyncio.gather(banner.fetch(access, patient), lists.of(access, patient), entering.programs(access, patient))
    known = await entering.looked_up(access, [p.by for p in found])
    rows = [(p, entering.teller(p.by, known), day_text(p.when), day_text(p.onset), day_text(p.ended)) for p in found]
    return PAGES.render(
        request, "lists/problems.html", status=status, banner=about, parts=allowed(access), here="problems", on_list=[r for r in rows if r[0].current], over=[r for r in rows if not r[0].current], said=said or {}, problem=problem,
        programs=programs, key=entering.key(), may=access.may(TYPE, "create"), sources=_SOURCES,
    )  # fmt: skip


async def one(request: Request) -> Response:
    """One problem with its history."""
    return await _one(request)


async def change(request: Request) -> Response:
    """Resolved, in remission, active again, or entered in error."""
    access, patient = request.state.access, request.path_params["id"]
    found = await _of(request)
    said = await sent(request)
    try:
        if (await origin.makers(access, [found.ref]))[found.ref] is None:
            raise Conflict(listing.OTHERS)
        await access.write([lists.acting(access, found._replace(version=said.get("version") or found.version), said.get("do", ""), said.get("why", ""), said.get("day", ""))], action="problem")
    except VersionConflict:
        return await _one(request, entering.CHANGED, 412, said)
    except (Malformed, Conflict) as error:
        return await _one(request, error.message, 409 if isinstance(error, Conflict) else 422, said)
    return redirect(request, f"/patients/{patient}/problems", "saved")


async def _of(request: Request) -> Problem:
    found = await request.state.access.search(TYPE, [("_id", request.path_params["line"]), ("patient", request.path_params["id"])], count=1)
    if not found.matches:
        raise NotFound
    return lists.read(found.matches[0])


async def _one(request: Request, problem: str = "", status: int = 200, said: Mapping[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, found = await asyncio.gather(banner.fetch(access, patient), _of(request))
    past, people = await entering.history(access, TYPE, found.id)
    known = await entering.looked_up(access, [*people, found.by])
    facts = [("Code", found.code), ("Status", found.said or "active"), ("Since", day_text(found.onset)), ("Ended", day_text(found.ended)), ("Treated by", ", ".join(found.programs)), ("Severity", found.severity), ("Source", found.from_where),
             ("Who and when", ", ".join(filter(None, (entering.teller(found.by, known), day_text(found.when)))))]  # fmt: skip
    acts = [(k, v) for k, v in lists.ACTS.items() if (k == "again") != found.current or k == "error"]
    return PAGES.render(
        request, "lists/line.html", status=status, banner=about, parts=allowed(access), here="problems", title=found.name, back=("problems", "Problems"), facts=facts, part2=any(c.get("code") == "42CFRPart2" for c in (found.stored.resource.get("meta") or {}).get("security") or ()),
        past=[p._replace(by=entering.teller(p.by, known)) for p in past], acts=acts if found.status not in ("entered-in-error", "refuted") else [], changeable=False, dose="", day=True, said=said or {}, problem=problem,
        may=access.may(TYPE, "update"), version=found.version, key="", why="What you found",
    )  # fmt: skip
