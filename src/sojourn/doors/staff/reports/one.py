"""GET /reports/{report}: its definition, its figures, what they are made of, and the rows behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.base.digits import digits
from sojourn.care.reports import registry, source
from sojourn.care.reports.model import NOTHING, Column, Definition, Row, Rows, chosen, shares
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.reports import asking
from sojourn.doors.staff.words import day_text
from sojourn.web.charts import Bar, bars

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.reports.model import When

PAGE = 100
NO_NAME = "A client whose name you may not see"
_BARS = 12


async def show(request: Request) -> Response:
    """For today or any past day, with all rows or some."""
    access = request.state.access
    definition = registry.one(access, request.path_params["report"])
    found = await source.of(access, asking.day(request.query_params))
    so = asking.so(definition, request.query_params)
    values: dict[str, Any] = {"report": definition, "when": asking.dates(found.when), "so": so, "asked": asking.asked(definition, so), "problem": "", "every": asking.address(definition, found.when, {}),
                              "keep": [(f"by.{key}", value) for key, of in so.items() for value in of]}  # fmt: skip
    try:
        rows = await definition.rows(found)
    except source.TooMuch as error:
        return PAGES.render(request, "reports/one.html", **values | {"problem": error.message, "figures": [], "parts": [], "rows": [], "total": 0, "following": ""})
    some = chosen(rows, so)
    first = max(0, int(begin) if digits(begin := request.query_params.get("from", "0")) else 0)
    page = some[first : first + PAGE]
    await asking.note(found, "report-rows", definition, so, patients=sorted({r.patient for r in page if r.patient}))
    names = await patient_names(access, [r.patient for r in page if r.patient])
    following = asking.address(definition, found.when, so, **{"from": str(first + PAGE)}) if len(some) > first + PAGE else ""
    return PAGES.render(
        request, "reports/one.html", **values, figures=asking.figures(definition, found.when, rows), parts=_parts(definition, found.when, rows), total=len(some), first=first, following=following,
        rows=[(names.get(r.patient, ""), r.place if r.patient in names else "", [(c, said(r, c)) for c in definition.columns]) for r in page], no_name=NO_NAME,
    )  # fmt: skip


def _parts(definition: Definition, when: When, rows: Rows) -> list[tuple[Column, Any, list[tuple[str, int, str]]]]:
    """For each column that the report is drawn by: its picture, and its counts with the way to their rows."""
    made = []
    for key in definition.by:
        column = definition.column(key)
        counted = shares(definition, rows, key)
        if column is None or not counted or [s.label for s in counted] == [NOTHING]:
            continue
        drawn = [s for s in counted if column.blank or s.label != NOTHING]
        picture = bars([Bar(s.label, s.many) for s in drawn[:_BARS]], f"{definition.title}, by {column.title.lower()}", f"by-{key}")
        made.append((column, picture, [(s.label, s.many, asking.address(definition, when, s.so)) for s in counted]))
    return made


def said(row: Row, column: Column) -> str:
    """A cell as it is read."""
    value = row.cells.get(column.key)
    if value is None or value == "":
        return ""
    if column.kind == "day":
        return day_text(str(value))
    return f"{value:g}" if isinstance(value, float) else str(value)
