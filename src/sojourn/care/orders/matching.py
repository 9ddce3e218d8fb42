"""A result finds its order: by reference, by requisition number, or as the only one that fits."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.care.orders import ordering
from sojourn.care.orders.findings import ENTRY
from sojourn.care.orders.ordering import ANSWERED, Order
from sojourn.care.resources import concept, id_of
from sojourn.gate import origin
from sojourn.gate.changes import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sojourn.care.policies import Policies
    from sojourn.care.results.model import Result
    from sojourn.gate.access import Access

WHOLE: Final = ("final", "amended", "corrected", "appended")
"""Statuses of a report that is all there: only then is its order answered."""
WITHDRAWN: Final = ("entered-in-error", "cancelled")


async def orders_of(access: Access, result: Result, rules: Policies) -> list[Order]:
    """The orders that a result answers. What names none answers the one open order of the same client that fits it; where two fit, none."""
    answer = await access.search("Task", [("patient", result.patient), ordering.code(), ("status", ",".join(tasks.OPEN)), ("_include", "Task:focus")], count=100)
    known = {s.id: s for s in answer.included if s.type == "ServiceRequest"}
    waiting = [
        ordering.read(request.resource, request.version, s.resource, s.version)
        for s in answer.matches if (request := known.get(id_of(s.resource.get("focus"), "ServiceRequest"))) is not None
    ]  # fmt: skip
    waiting = await _alike(access, result, waiting)
    if result.orders:
        return [o for o in waiting if o.id in result.orders]
    numbers = {str(i.get("value", "")).upper() for i in result.resource.get("identifier") or ()}
    if named := [o for o in waiting if o.number and o.number in numbers]:
        return named
    since = access.now - timedelta(days=rules.number("orders.match-days"))
    fitting = [o for o in waiting if _same(result.resource, o.resource) and o.authored >= since.date().isoformat() and o.day[:10] <= (result.when or "9")[:10]]
    return fitting if len(fitting) == 1 else []


async def _alike(access: Access, result: Result, waiting: list[Order]) -> list[Order]:
    """Orders of the program that made the result; of programs not under 42 CFR Part 2 those of one another, too.

    An order that is answered tells whoever sees it that there is a result, and one that is not because two fit that there is another order.
    """
    about = f"{result.type}/{result.id}"
    made = await origin.makers(access, [about, *(f"ServiceRequest/{o.id}" for o in waiting)])
    under = {n for n, p in access.rules.programs.items() if p.part2}

    def kept(order: Order) -> bool:
        program = made[f"ServiceRequest/{order.id}"]
        return program == made[about] or not {program, made[about]} & under

    return [o for o in waiting if kept(o)]


def _same(report: Any, request: Any) -> bool:
    """Whether a report is of the panel that was ordered: a code in common, else the same words."""
    of_report, of_request = ({(c.get("system"), c.get("code")) for c in (r.get("code") or {}).get("coding") or () if c.get("code")} for r in (report, request))
    texts = [str((r.get("code") or {}).get("text", "")).strip().casefold() for r in (report, request)]
    return bool(of_report & of_request) or (bool(texts[0]) and texts[0] == texts[1])


async def answered(inside: Access, result: Result, orders: Sequence[Order]) -> None:
    """Write down that a whole result came; what is not all there leaves its order open. inside: the turn of the follower."""
    if result.status not in WHOLE:
        return
    for one in orders:
        note = "The result came."
        change = ordering.moved(inside, one.work, one.task_version, ANSWERED, None, note, status="completed")
        assert change.resource is not None  # noqa: S101 - it was just made
        change.resource["output"] = [{"type": concept("report", "Result"), "valueReference": {"reference": f"{result.type}/{result.id}"}}]
        with suppress(errors.Conflict, errors.VersionConflict):  # somebody moved it at this moment: the next version of the result finds it
            await inside.write([change], action="task")


async def closed(access: Access, inside: Access, result: Result) -> None:
    """End the order itself of a whole result that was entered here, and open it again where that was taken back: who tests may not change orders.

    An order that a partner placed stays theirs; they are told by their own Task.
    """
    after = "completed" if result.status in WHOLE else "active" if result.status in WITHDRAWN else ""
    if not after or not result.orders or not any(i.get("system") == ENTRY for i in result.resource.get("identifier") or ()):
        return
    for stored in (await access.search("ServiceRequest", [("_id", ",".join(result.orders[:20]))], count=20)).matches:
        if stored.resource.get("status") in ("active", "completed") and stored.resource["status"] != after and ordering.read(stored.resource).number:
            with suppress(errors.Conflict, errors.VersionConflict):
                await inside.write([Change("update", "ServiceRequest", stored.id, {**stored.resource, "status": after}, if_match=stored.version)], action="lab-order")
