"""GET and POST /patients/{id}/results: what waits, orders, reports, screens, values over time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sojourn.care import policies
from sojourn.care.orders import ordering
from sojourn.care.orders import reading as ordered
from sojourn.care.results import model, reading, review, trends
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.orders.one import row as order_row
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.results.lines import TONES, drawn, gist, row, status
from sojourn.doors.staff.words import day_and_time, day_text
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.results.model import Rules
    from sojourn.care.results.review import Review
    from sojourn.care.results.trends import Panel

PAGE = 25


async def show(request: Request) -> Response:
    """The first page, or with a cursor in the form the next."""
    access, patient = request.state.access, request.path_params["id"]
    cursor = (await sent(request)).get("cursor") if request.method == "POST" else None
    charted = asyncio.gather(banner.fetch(access, patient), reading.of_patient(access, patient), reading.reports(access, patient, count=PAGE, cursor=cursor or None), reading.values(access, patient))
    beside = asyncio.gather(reading.looked_at(access, patient), policies.of(access), ordered.of_patient(access, patient) if access.may("ServiceRequest", "search") else _none())
    (about, waiting, (reports, following), values), (looked, rules, orders) = await asyncio.gather(charted, beside)
    by = model.rules(rules)
    open_ = {w.review.focus: w.review for w in waiting}
    rows = [_row(r, by, patient, open_.get(f"{r.type}/{r.id}") or looked.get(f"{r.type}/{r.id}")) for r in reports]
    return PAGES.render(
        request, "results/room.html", block="rows" if cursor else "", banner=about, parts=allowed(access), here="results", waiting=[row(w, {}, by, access.now) for w in waiting], rows=rows, next=following,
        continued=bool(cursor), trends=drawn(trends.numbers(values)), screen=_screen(trends.screens(values), by),
        orders=[order_row(o, access.now) for o in orders if o.waits or o.rhythm], may_order=all(access.may(t, a) for t, a in ordering.ORDER),
    )  # fmt: skip


async def _none() -> list[ordering.Order]:
    return []


def _row(result: model.Result, by: Rules, patient: str, one: Review | None) -> dict[str, Any]:
    severity = result.severity(by)
    seen = f"{review.OUTCOMES.get(one.outcome, '')} · {day_text(one.at)}" if one is not None and one.outcome else "waits" if one is not None else ""
    return {
        "what": result.title, "when": day_and_time(result.when or result.issued), "gist": gist(result, by), "seen": seen, "path": f"/patients/{patient}/results/{one.id}" if one is not None else "",
        "flags": [(s, t) for s, t in ((severity if severity != model.NORMAL else "", TONES[severity]), (status(result.status), "plain")) if s],
    }  # fmt: skip


def _screen(panel: Panel | None, by: Rules) -> dict[str, Any] | None:
    if panel is None:
        return None
    rows = [(name, [(v.said, TONES[v.severity(by)]) if v else ("", "plain") for v in found]) for name, found in panel.rows]
    return {"days": [day_text(d) for d in panel.days], "rows": rows}
