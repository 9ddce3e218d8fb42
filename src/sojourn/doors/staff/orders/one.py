"""GET and POST /patients/{id}/orders/{order}: one order until its result; its requisition."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Conflict, Malformed, VersionConflict
from sojourn.care.orders import catalog, ordering, reading
from sojourn.care.orders.ordering import COLLECTED, ORDERED, TESTED, USUAL, Order, Wish
from sojourn.care.resources import id_of
from sojourn.care.results import entering
from sojourn.care.staffing import zones
from sojourn.doors.staff import waiting
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.lines import Line, remaining
from sojourn.doors.staff.orders import testform
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import code_text, day_and_time, day_text, own_name
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

waiting.ELSEWHERE.add(ordering.KIND)
waiting.PLACES[ordering.KIND] = "/patients/{patient}/orders/{focus}"
CHANGED = "Somebody else moved this order on since you opened it. It is shown as it is now; nothing of yours was saved."
_WAITS = {ORDERED: "A specimen to collect", COLLECTED: "A specimen to send"}
_OVERDUE = "A laboratory result is overdue"
_TEST = "A test to do here"


async def show(request: Request) -> Response:
    """What is ordered, how far it is, and the next step."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Collected, sent, or cancelled with a reason."""
    access, patient = request.state.access, request.path_params["id"]
    said = await sent(request)
    one = await reading.one(access, patient, request.path_params["order"])
    try:
        if one.task and said.get("version") != one.task_version:
            raise VersionConflict
        match said.get("do"):
            case "collect":
                await ordering.collect(access, one, _moment(said), said.get("note", "")[:1000])
            case "send":
                await ordering.send(access, one, said.get("note", "")[:1000])
            case "confirm":
                return redirect(request, f"/patients/{patient}/orders/{await _confirm(access, one)}", "ordered")
            case "cancel":
                await ordering.cancel(access, one, said.get("note", "")[:1000])
            case _:
                raise Malformed("Choose what to do.")
    except VersionConflict:
        return await _page(request, CHANGED, 412, said)
    except Conflict as error:
        return await _page(request, error.message, 409, said)
    except Malformed as error:
        return await _page(request, error.message, 422, said)
    return redirect(request, f"/patients/{patient}/orders/{one.id}", "saved")


async def _confirm(access: Access, one: Order) -> str:
    """Order what confirms a presumptive result: the id of that order, the same for a second click."""
    panels = await catalog.panels(access)
    panel = catalog.of(panels, one.resource)
    if one.step != TESTED or panel is None or not panel.confirm:
        raise Conflict("Nothing of this order is to be confirmed. It is shown as it is now.")
    why = f"To confirm a presumptive result: {one.title}{f', requisition {one.number}' if one.number else ''}"
    today, soon = access.now.astimezone(zones.of(None)).date(), one.priority if one.priority in ordering.PRIORITIES else "routine"
    return await ordering.order(access, one.patient, Wish(panel.confirm, today, soon, why=why, key=f"confirm-{one.id}-{one.report}", laboratory=USUAL))


def _moment(said: dict[str, str]) -> datetime:
    try:
        return datetime.fromisoformat(said.get("at", "")).replace(tzinfo=zones.of(None))
    except ValueError:
        raise Malformed("Write when it was collected.") from None


async def requisition(request: Request) -> Response:
    """The sheet that goes with the specimen."""
    return await _page(request, template="orders/requisition.html")


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None, template: str = "orders/one.html") -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, one, panels = await asyncio.gather(banner.fetch(access, patient), reading.one(access, patient, request.path_params["order"]), catalog.panels(access))
    names, why, coverage = await asyncio.gather(_people(access, one), _why(access, one), _coverage(access, patient) if template != "orders/one.html" else _none())
    due, tone = remaining(one.due, access.now)
    rhythm = catalog.rhythms().get(one.rhythm)
    values: dict[str, Any] = {
        "o": one, "why": why, "step": one.words, "due": due if one.waits else "", "tone": tone, "requester": names.get(one.requester, ""), "rhythm": rhythm, "day": day_text(one.day), "until": day_text(one.until),
        "ordered": day_and_time(one.authored), "priority": ordering.PRIORITIES.get(one.priority, one.priority), "notes": [(day_and_time(when), text) for when, text in reversed(one.notes)],
        "may_collect": all(access.may(t, a) for t, a in ordering.COLLECT), "placed": one.placed, "may_order": all(access.may(t, a) for t, a in ordering.ORDER), "coverage": coverage,
        "now": access.now.astimezone(zones.of(None)).strftime("%Y-%m-%dT%H:%M"), "printed": day_text(access.now.astimezone(zones.of(None)).date().isoformat()),
        "report": one.report if access.may("DiagnosticReport", "search") else "", "numbers": [c["code"] for c in (one.resource.get("code") or {}).get("coding") or () if c.get("system") == catalog.LOINC],
    }  # fmt: skip
    values |= await _here(access, one, catalog.of(panels, one.resource), panels)
    return PAGES.render(request, template, status=status, banner=about, parts=allowed(access), here="results", problem=problem, said=said or {}, **values)


async def _here(access: Access, one: Order, panel: catalog.Panel | None, panels: list[catalog.Panel]) -> dict[str, Any]:
    """What can be done with a test that is done here: enter its result, make it final, correct it, have it confirmed."""
    may = all(access.may(t, a) for t, a in entering.RESULT)
    before = await entering.entered(access, one) if one.report and may else None
    confirm = next((p.title for p in panels if panel and p.key == panel.confirm), "") if one.step == TESTED else ""
    return {"mode": testform.mode(one, panel, before) if may else "", "confirm": confirm}


async def _why(access: Access, one: Order) -> str:
    """The diagnosis by the name that it has now, as far as the caller may see it; else the reason that was written."""
    id_ = next((i for r in one.resource.get("reasonReference") or () if (i := id_of(r, "Condition"))), "")
    if not id_ or not access.may("Condition", "search"):
        return one.why
    found = await access.search("Condition", [("_id", id_)], count=1)
    return next((code_text(s.resource.get("code") or {}) for s in found.matches), one.why)


async def _none() -> list[str]:
    return []


async def _people(access: Access, one: Order) -> dict[str, str]:
    id_ = one.requester.partition("/")[2]
    if not one.requester.startswith("Practitioner/") or not access.may("Practitioner", "search"):
        return {}
    found = await access.search("Practitioner", [("_id", id_)], count=1)
    return {f"Practitioner/{s.id}": own_name(s.resource) for s in found.matches}


async def _coverage(access: Access, patient: str) -> list[str]:
    """Who pays, for the requisition."""
    if not access.may("Coverage", "search"):
        return []
    found = await access.search("Coverage", [("patient", patient), ("status", "active"), ("_include", "Coverage:payor")], count=5)
    names = {f"{s.type}/{s.id}": own_name(s.resource) for s in found.included}
    return [
        " · ".join(filter(None, (", ".join(names.get(str(p.get("reference", "")), str(p.get("display", ""))) for p in c.get("payor") or ()), str(c.get("subscriberId", "")))))
        for c in found.resources
    ]  # fmt: skip


async def today(access: Access) -> list[Line]:
    """Specimens to collect and to send, and results that are overdue, the next due first."""
    orders = (await reading.mine(access, beside=True))[:15]
    names = await patient_names(access, {o.patient for o in orders})
    lines = []
    for one in orders:
        if one.patient in names:
            due, tone = remaining(one.due, access.now)
            lines.append(Line(_TEST if one.here and one.step in _WAITS else _WAITS.get(one.step, _OVERDUE), f"/patients/{one.patient}/orders/{one.id}", names[one.patient], due, tone, "" if one.owner else "for anybody of your role"))
    return lines


def row(one: Order, now: datetime) -> dict[str, Any]:
    """An order in the room of a chart."""
    due, tone = remaining(one.due, now)
    rhythm = catalog.rhythms().get(one.rhythm)
    stands = f"{rhythm.title}, until {day_text(one.until)}" if rhythm else one.words or one.status
    return {"path": f"/patients/{one.patient}/orders/{one.id}", "what": one.title, "stands": stands, "when": day_text(one.day), "due": due if one.waits else "", "tone": tone, "urgent": "" if one.priority == "routine" else ordering.PRIORITIES.get(one.priority, one.priority)}
