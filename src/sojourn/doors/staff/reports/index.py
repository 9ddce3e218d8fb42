"""GET /reports: a tile for each report, filled in one by one; each says what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.care.reports import registry, source
from sojourn.care.reports.model import chosen, shares
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.reports import asking
from sojourn.web.charts import Bar, bars

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_BARS = 5


async def show(request: Request) -> Response:
    """The tiles, empty: each asks for its own figures. Without scripts each is a link to its report."""
    access = request.state.access
    found = await source.of(access, asking.day(request.query_params))
    tiles = [(r, asking.address(r, found.when, {}), f"{asking.PATH}/{r.key}/tile" + ("" if found.when.now else f"?day={found.when.day.isoformat()}")) for r in registry.offered(access)]
    return PAGES.render(request, "reports/index.html", tiles=tiles, when=asking.dates(found.when))


async def tile(request: Request) -> Response:
    """GET /reports/{report}/tile: the figures of one report."""
    access = request.state.access
    definition = registry.one(access, request.path_params["report"])
    found = await source.of(access, asking.day(request.query_params))
    try:
        rows = await definition.rows(found)
    except source.TooMuch as error:
        return PAGES.render(request, "reports/tile.html", problem=error.message, figures=[], picture="", report=definition, path=asking.address(definition, found.when, {}))
    await asking.note(found, "count", definition, {}, said=f" ({len(rows)} rows)")
    by = definition.by[0]
    column = definition.column(by)
    counted = shares(definition, rows, by)
    drawn = [Bar(s.label, s.many) for s in counted[:_BARS]]
    rest = sum(s.many for s in counted[_BARS:])
    if rest:
        drawn.append(Bar(f"{len(counted) - _BARS} others", rest))
    title = f"{definition.title}, by {column.title.lower() if column else by}"
    picture = bars(drawn, title, f"tile-{definition.key}") if chosen(rows, definition.main) else ""
    return PAGES.render(request, "reports/tile.html", problem="", figures=asking.figures(definition, found.when, rows), picture=picture, report=definition, path=asking.address(definition, found.when, {}))
