"""Orders as screens need them: those of a client, one, and those that wait for somebody."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.care.orders import ordering
from sojourn.care.orders.ordering import LABORATORY, SENT, TESTED, Order
from sojourn.care.resources import code_of, id_of

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.found import Stored

_MANY: Final = 60


async def of_patient(access: Access, patient: str, *, count: int = _MANY) -> list[Order]:
    """The laboratory orders of a client, the newest first. Two searches."""
    requests, works = await asyncio.gather(
        access.search("ServiceRequest", [("patient", patient), ("category", LABORATORY), ("status", "active"), ("_sort", "-authored")], count=count),
        access.search("Task", [("patient", patient), ordering.code(), ("status", ",".join(tasks.OPEN))], count=200),
    )
    known = {id_of(s.resource.get("focus"), "ServiceRequest"): s for s in works.matches}
    return [_joined(s.resource, s.version, known.get(s.id)) for s in requests.matches]


async def one(access: Access, patient: str, id_: str) -> Order:
    """One order. Raises NotFound, also for one of another client or one that is none of the laboratory."""
    stored, works = await asyncio.gather(access.read("ServiceRequest", id_), access.search("Task", [("focus", f"ServiceRequest/{id_}")], count=20))
    if id_of(stored.resource.get("subject"), "Patient") != patient or not ordering.laboratory(stored.resource):
        raise errors.NotFound
    ours = next((s for s in works.matches if code_of(s.resource.get("code")) == ordering.KIND), None)
    theirs = tuple((s.resource, s.version) for s in works.matches if ordering.fulfills(s.resource))
    return replace(_joined(stored.resource, stored.version, ours), asked=theirs)


def _joined(request: dict[str, Any], version: str, task: Any) -> Order:
    return ordering.read(request, version, task.resource if task else None, task.version if task else "")


async def mine(access: Access, *, beside: bool = False) -> list[Order]:
    """Orders that wait for the caller or their role: to be collected, to be sent, or overdue. At most two searches.

    beside: on a page that shows the other kinds of tasks.ABOUT, too.
    """
    asked = await tasks.about(access, ordering.KIND) if beside else None
    matches, included = asked if asked is not None else await _apart(access)
    known = {s.id: s for s in included if s.type == "ServiceRequest"}
    orders: dict[str, Order] = {}
    for stored in matches:
        request = known.get(id_of(stored.resource.get("focus"), "ServiceRequest"))
        if request is not None:
            orders[stored.id] = ordering.read(request.resource, request.version, stored.resource, stored.version)
    now = access.now
    waiting = [o for o in orders.values() if o.step not in (SENT, TESTED) or (o.due is not None and o.due < now)]
    return sorted(waiting, key=lambda o: (o.due is None, o.due.isoformat() if o.due else "", o.id))


async def _apart(access: Access) -> tuple[list[Stored], list[Stored]]:
    """The same, asked for alone."""
    wanted = [[("owner", access.caller.agent)]] if access.caller.agent else []
    wanted.append([("performer", f"{tasks.ROLE}|{access.caller.role}"), ("owner:missing", "true")])
    found = await asyncio.gather(*(access.search("Task", [*p, ordering.code(), ("status", ",".join(tasks.OPEN)), ("_include", "Task:focus")], count=100) for p in wanted))
    return [s for answer in found for s in answer.matches], [s for answer in found for s in answer.included]
