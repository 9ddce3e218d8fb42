"""The summary: the whole chart on one screen, every part fetched at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from sojourn.doors.staff.cards import asking
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.measures import Measured, measured
from sojourn.doors.staff.chart.parts import PARTS, Part
from sojourn.doors.staff.chart.rows import Line
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import own_name

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.found import Found


class Filled(NamedTuple):
    """A part with what was found for it. `more`: whether the full list has more than is shown."""

    part: Part
    lines: list[Line]
    measured: list[Measured]
    more: bool


async def show(request: Request) -> Response:
    """GET /patients/{id}: one search for the banner and one for each part that the role may search."""
    access, patient = request.state.access, request.path_params["id"]
    wanted = [p for p in allowed(access) if p.shown]
    searches = asyncio.gather(*(search(access, patient, p, p.shown, brief=True) for p in wanted))
    about, found, advised = await asyncio.gather(banner.fetch(access, patient), searches, asking.anybody(request, "patient-view"))
    filled = [brief(fill(part, answer)) for part, answer in zip(wanted, found, strict=True)]
    return PAGES.render(request, "chart/summary.html", banner=about, parts=allowed(access), here="", filled=filled, advised=advised)


def allowed(access: Access) -> list[Part]:
    """The parts that the role may search: the same for every chart."""
    return [p for p in PARTS if access.may(p.type, "search")]


def fill(part: Part, found: Found) -> Filled:
    """The lines of a part, and the trends if it is the measures."""
    names = {f"{s.type}/{s.id}": own_name(s.resource) for s in found.included}
    lines = [line for resource in found.resources for line in part.lines(resource, names)]
    trends = measured(found.resources) if part.name == "measures" else []
    return Filled(part, lines, trends, found.next is not None)


def brief(filled: Filled) -> Filled:
    """What the summary shows of a part: its first rows, each once where that is wanted."""
    seen: dict[tuple[object, ...], Line] = {}
    keys = [key for key, _, kind in filled.part.columns if "full-only" not in kind]
    for number, line in enumerate(filled.lines):
        seen.setdefault(tuple(line[key] for key in keys) if filled.part.once else (number,), line)
    return filled._replace(lines=list(seen.values())[: filled.part.shown])


async def search(access: Access, patient: str, part: Part, count: int, *, brief: bool, cursor: str | None = None) -> Found:
    """The resources of a part, with those that its references name; the brief ones if asked."""
    params = [("patient", patient), *part.params, *(part.brief if brief else ()), *(("_include", named) for named in part.named)]
    return await access.search(part.type, params, count=count, cursor=cursor)
