"""GET and POST /patients/{id}/orders/{order}/result: enter what a test showed, or correct it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Conflict, Forbidden, Malformed, VersionConflict
from sojourn.care import policies
from sojourn.care.orders import catalog, findings, reading
from sojourn.care.orders.ordering import COLLECTED, Order
from sojourn.care.results import entering, review
from sojourn.care.results import reading as results
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.orders import testform
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time, own_name
from sojourn.gate.changes import new_id
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.orders.catalog import Panel
    from sojourn.care.results.entering import Entered
    from sojourn.gate.access import Access

CHANGED = "Somebody else moved this order on since you opened it. It is shown as it is now; nothing of yours was saved."
_TITLES = {"enter": "Enter the result", "settle": "Make the result final", "correct": "Correct the result"}


async def show(request: Request) -> Response:
    """The form, empty or with what was entered."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Save it, write down a test that failed, or take a result back."""
    access, patient = request.state.access, request.path_params["id"]
    said = await sent(request)
    one = await reading.one(access, patient, request.path_params["order"])
    panels, rules, before = await asyncio.gather(catalog.panels(access), policies.of(access), entering.entered(access, one))
    panel = _panel(panels, one, said.get("panel", ""))
    if said.get("do") == "negative":
        return await _page(request, said=testform.negative(panel, before, said))
    try:
        if before is not None and before.key == said.get("key"):
            return _done(request, one, "result-entered")  # the same form came twice
        if said.get("version") != (before.report.version if before else one.task_version):
            raise VersionConflict
        if said.get("do") == "withdraw" and before is not None:
            await entering.withdraw(access, one, before, said.get("reason", "")[:1000])
            return _done(request, one, "result-withdrawn")
        read = testform.typed(one, panel, before, said, findings.sites(rules.value("orders.clia")), access.now)
        if before is not None:
            await entering.change(access, one, before, read, said.get("reason", "")[:1000])
            return _done(request, one, "result-corrected")
        if said.get("control") not in ("yes", "no", "none"):
            raise Malformed("Say whether the control line is valid.")
        if said["control"] == "no":
            await entering.failed(access, one, read)
            return _done(request, one, "result-failed")
        await entering.enter(access, one, read)
    except VersionConflict:
        return await _page(request, CHANGED, 412, said)
    except Conflict as error:
        return await _page(request, error.message, 409, said)
    except (Malformed, Forbidden) as error:
        return await _page(request, error.message, 422, said)
    return _done(request, one, "result-entered")


def _done(request: Request, one: Order, flash: str) -> Response:
    return redirect(request, f"/patients/{one.patient}/orders/{one.id}", flash)


def _panel(panels: list[Panel], one: Order, chosen: str) -> Panel | None:
    """The test that is asked for: what was ordered, else what was chosen of those whose components are known."""
    return catalog.of(panels, one.resource) or next((p for p in panels if chosen and p.key == chosen and p.components), None)


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, one, panels, rules = await asyncio.gather(
        banner.fetch(access, patient),
        reading.one(access, patient, request.path_params["order"]),
        catalog.panels(access),
        policies.of(access),
    )
    before = await entering.entered(access, one)
    chosen = (said or {}).get("panel", "") or request.query_params.get("panel", "")
    panel = _panel(panels, one, chosen)
    mode = testform.mode(one, panel, before)
    if not mode and not problem:
        return redirect(request, f"/patients/{patient}/orders/{one.id}")
    seen = await _seen(access, patient, before) if mode == "correct" else ""
    sites = findings.sites(rules.value("orders.clia"))
    rows = testform.rows(panel, before, said or {})
    values: dict[str, Any] = {
        "o": one, "mode": mode, "title": _TITLES.get(mode, "The result"), "rows": rows, "free": range(testform.FREE) if mode == "enter" and not rows else (), "findings": any(r.component.choices for r in rows),
        "panels": [p for p in panels if p.components] if mode == "enter" and catalog.of(panels, one.resource) is None else [], "chosen": panel.key if panel and catalog.of(panels, one.resource) is None else "",
        "collected": one.step == COLLECTED, "sites": sites, "said": {"key": new_id(), **testform.values(panel, before, said or {}, access.now)}, "version": before.report.version if before else one.task_version, "seen": seen,
    }  # fmt: skip
    return PAGES.render(
        request, "orders/testing.html", status=status, banner=about, parts=allowed(access), here="results", problem=problem, **values
    )


async def _seen(access: Access, patient: str, before: Entered | None) -> str:
    """Who looked at the result that is to be corrected, in words. At most two searches."""
    if before is None or not access.may("Task", "search"):
        return ""
    found = (await results.looked_at(access, patient)).get(f"{entering.REPORT}/{before.report.id}")
    if found is None:
        return "Nobody has looked at this result yet."
    name = ""
    if found.by.startswith("Practitioner/") and access.may("Practitioner", "search"):
        answer = await access.search("Practitioner", [("_id", found.by.partition("/")[2])], count=1)
        name = next((own_name(s.resource) for s in answer.matches), "")
    return f"{name or 'Somebody'} looked at it on {day_and_time(found.at)}: {review.OUTCOMES.get(found.outcome, '').lower()}. Tell them yourself if it cannot wait; they are asked to look at it again."
