"""GET and POST /patients/{id}/problems: what is treated, since when, by whom, what has resolved."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base.errors import Conflict, Malformed
from sojourn.care import listing
from sojourn.care.problems import lists
from sojourn.care.problems.lists import TYPE, Problem
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
        await access.write([lists.added(access, programs.record(said, patient), said, program=programs.chosen(said), key=entering.kept_key(said))], action="problem")
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
    return await _KIND.page(request)


async def change(request: Request) -> Response:
    """Resolved, in remission, active again, or entered in error."""
    return await _KIND.change(request)


def _told(found: Problem) -> listed.Told:
    facts = [("Code", found.code), ("Status", found.said or "active"), ("Since", day_text(found.onset)), ("Ended", day_text(found.ended)), ("Treated by", ", ".join(found.programs)), ("Severity", found.severity), ("Source", found.from_where)]
    acts = [(k, v) for k, v in lists.ACTS.items() if (k == "again") != found.current or k == "error"]
    labels = (found.stored.resource.get("meta") or {}).get("security") or ()
    return listed.Told(facts, acts if found.status not in ("entered-in-error", "refuted") else [], any(c.get("code") == "42CFRPart2" for c in labels))


async def _changing(access: Access, found: Problem, said: Mapping[str, str]) -> Change:
    if (await origin.makers(access, [found.ref]))[found.ref] is None:
        raise Conflict(listing.OTHERS)
    return lists.acting(access, found._replace(version=said.get("version") or found.version), said.get("do", ""), said.get("why", ""), said.get("day", ""))


_KIND = listed.Kind(TYPE, "problems", "Problems", "problem", "What you found", True, lists.read, _told, _changing)
