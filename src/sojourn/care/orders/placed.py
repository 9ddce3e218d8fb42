"""For listeners.py: an order that a partner places with us is work of ours until they take it back.

A partner's system writes a ServiceRequest of the laboratory whose performer is one of our organizations, and a Task that asks to fulfill it
(https://hl7.org/fhir/R4/request.html#tasks). The order stays theirs. A task of our own follows it, of the same program and with the labels of
both, so that whoever may not see one of them does not see that there is anything to do.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.orders import findings, ordering
from sojourn.care.resources import id_of
from sojourn.care.signing.preparing import once
from sojourn.care.staffing import zones
from sojourn.gate import origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access
    from sojourn.gate.clockwork import Clockwork
    from sojourn.gate.feed import Change as Committed
    from sojourn.gate.feed import Handler, Turn
    from sojourn.gate.found import Stored

_SOME: Final = 40
_WAITING: Final = ("requested", "received", "accepted", "ready", "in-progress", "on-hold")
_ORDERS: Final = ("order", "original-order", "instance-order", "filler-order")


def follower(clockwork: Clockwork) -> Handler:
    """It reads what is committed and writes in the turn; what is there already is not made again."""

    async def handle(turn: Turn, changes: list[Committed]) -> None:
        named = {t: sorted({c.id for c in changes if c.type == t and c.kind in ("create", "update")}) for t in ("Task", "ServiceRequest")}
        if not any(named.values()):
            return
        looking = await clockwork.access(turn.tenant)
        found = await _asked(looking, "_id", named["Task"]) | await _asked(
            looking, "focus", [f"ServiceRequest/{i}" for i in named["ServiceRequest"]]
        )
        if not found:
            return
        rules, inside = await policies.of(looking), turn.inside(looking)
        for asked, request in found.values():
            await _one(looking, inside, asked, request, rules)

    return handle


async def _asked(access: Access, by: str, values: list[str]) -> dict[str, tuple[Stored, Stored]]:
    """Tasks that ask to fulfill an order of the laboratory, by id, each with its order."""
    found: dict[str, tuple[Stored, Stored]] = {}
    for start in range(0, len(values), _SOME):
        answer = await access.search(
            "Task",
            [(by, ",".join(values[start : start + _SOME])), ("code", "|".join(ordering.FULFILL)), ("_include", "Task:focus")],
            count=200,
        )
        requests = {s.id: s for s in answer.included if s.type == "ServiceRequest" and ordering.laboratory(s.resource)}
        found |= {s.id: (s, requests[id_]) for s in answer.matches if (id_ := id_of(s.resource.get("focus"), "ServiceRequest")) in requests}
    return found


async def _one(access: Access, inside: Access, asked: Stored, request: Stored, rules: Policies) -> None:
    """Make our task for an order that waits with us, or end it where the order was taken back."""
    made = await origin.makers(access, [f"Task/{asked.id}", f"ServiceRequest/{request.id}"])
    program = made[f"ServiceRequest/{request.id}"]
    if program != made[f"Task/{asked.id}"] or ordering.read(request.resource).number:
        return  # what one program asks for is not told by what comes of it to those of another; what we ordered ourselves has its task
    wanted = asked.resource.get("status") in _WAITING and request.resource.get("status") == "active"
    if wanted and request.resource.get("intent") in _ORDERS and await _ours(access, request.resource, asked.resource, rules):
        labels = _labels(request.resource, asked.resource)
        day = access.now.astimezone(zones.of(None)).date()
        change = ordering.following(access, {**request.resource, **labels}, day, rules, program=program)
        with suppress(errors.Conflict):  # it is there already
            await inside.write([change], action="task")
    elif not wanted and asked.resource.get("status") != "completed":
        with suppress(errors.NotFound, errors.Gone, errors.Conflict, errors.VersionConflict):
            stored = await access.read("Task", once(ordering.KIND, "task", request.id))
            if stored.resource.get("status") in tasks.OPEN:
                ended = ordering.moved(
                    inside,
                    stored.resource,
                    stored.version,
                    ordering.CANCELLED,
                    None,
                    "Taken back by whoever placed it.",
                    status="cancelled",
                )
                await inside.write([ended], action="task")


def _labels(*resources: Mapping[str, Any]) -> dict[str, Any]:
    """The labels of both, each once."""
    every = [dict(s) for r in resources for s in (r.get("meta") or {}).get("security") or ()]
    once_ = [s for n, s in enumerate(every) if s not in every[:n]]
    return {"meta": {"security": once_}} if once_ else {}


async def _ours(access: Access, request: Mapping[str, Any], task: Mapping[str, Any], rules: Policies) -> bool:
    """Whether one of those who are to do it is an organization of ours: that of a program, one that is part of such, or one with a CLIA number of the rules."""
    wanted = list(dict.fromkeys(i for r in (*(request.get("performer") or ()), task.get("owner")) if (i := id_of(r, "Organization"))))
    programs = {p.organization for p in access.rules.programs.values() if p.organization}
    if any(f"Organization/{i}" in programs for i in wanted):
        return True
    if not wanted:
        return False
    numbers = {site.clia for site in findings.sites(rules.value("orders.clia"))}
    found = (await access.search("Organization", [("_id", ",".join(wanted[:_SOME]))], count=_SOME)).resources
    return any(_holds(o, numbers) or str((o.get("partOf") or {}).get("reference", "")) in programs for o in found)


def _holds(organization: Mapping[str, Any], numbers: Iterable[str]) -> bool:
    return any(i.get("system") == findings.CLIA and i.get("value") in numbers for i in organization.get("identifier") or ())
