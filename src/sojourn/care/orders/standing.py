"""Orders that come again, made on their day; a random day is known to nobody before."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors, log
from sojourn.care import policies
from sojourn.care.orders import catalog, ordering
from sojourn.care.orders.catalog import Rhythm
from sojourn.care.orders.ordering import LABORATORY, NUMBER, Order
from sojourn.care.resources import moment, ref
from sojourn.care.signing.preparing import once
from sojourn.care.staffing import zones
from sojourn.gate import origin
from sojourn.gate.changes import Change

if TYPE_CHECKING:
    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access

EVERY: Final = 600.0
"""Seconds between looks."""
_LATE: Final = 2  # days for which an order is still made up for after the server was away
_log = log.logger(__name__)


async def run(access: Access) -> None:
    """Make the orders whose day is today; end standing orders whose time is over. One that fails does not keep the others waiting."""
    cursor: str | None = None
    rules: Policies | None = None
    while True:
        page = await access.search("ServiceRequest", [("category", LABORATORY), ("intent", "original-order"), ("status", "active"), ("_sort", "_id")], count=500, cursor=cursor)
        for stored in page.matches:
            rules = rules or await policies.of(access)
            try:
                await _one(access, ordering.read(stored.resource, stored.version), rules)
            except (errors.Conflict, errors.VersionConflict, errors.NotFound, errors.Gone):
                continue
            except errors.StaleCredential:
                raise
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others go on
                _log.error("a standing order could not be followed", error, request=access.request)
        cursor = page.next
        if cursor is None:
            return


async def _one(access: Access, one: Order, rules: Policies) -> None:
    rhythm = catalog.rhythms().get(one.rhythm)
    today = access.now.astimezone(zones.of(None)).date()
    if rhythm is None or not one.day:
        return
    begins, ends = date.fromisoformat(one.day[:10]), date.fromisoformat(one.until[:10]) if one.until else date.max
    key = access.house.key.derive(f"lab-order:{access.tenant.number}:{one.id}")
    for day in days(rhythm, begins, ends, today - timedelta(days=_LATE), today, key):
        await _instance(access, one, day, rules)
    if today > ends:
        await access.write([Change("update", "ServiceRequest", one.id, {**one.resource, "status": "completed"}, if_match=one.version)], action="lab-order")


def days(rhythm: Rhythm, begins: date, ends: date, since: date, until: date, key: bytes) -> list[date]:
    """The days of an order from `since` to `until`. Random ones are drawn for each round from a key that only the server has."""
    if until < begins:
        return []
    found: set[date] = set()
    for n in range(max((since - begins).days // rhythm.days, 0), (until - begins).days // rhythm.days + 1):
        first = begins + timedelta(days=n * rhythm.days)
        if rhythm.random:
            offsets = sorted(range(rhythm.days), key=partial(_drawn, key, n))[: rhythm.times]
        else:
            offsets = [k * rhythm.days // rhythm.times for k in range(rhythm.times)]
        found |= {first + timedelta(days=k) for k in offsets}
    return sorted(d for d in found if max(begins, since) <= d <= min(ends, until))


def _drawn(key: bytes, n: int, day: int) -> str:
    return once(key.hex(), str(n), str(day))


async def _instance(access: Access, one: Order, day: date, rules: Policies) -> None:
    """One order of a standing one, once."""
    id_ = once("lab-instance", one.id, day.isoformat())
    kept = ("category", "code", "orderDetail", "subject", "requester", "priority", "reasonCode", "reasonReference", "performer")
    request: dict[str, Any] = {
        "resourceType": "ServiceRequest", "id": id_, "identifier": [{"system": NUMBER, "value": id_[:10].upper()}], "status": "active", "intent": "instance-order",
        "basedOn": [ref("ServiceRequest", one.id)], "occurrenceDateTime": day.isoformat(), "authoredOn": moment(access), **{k: one.resource[k] for k in kept if k in one.resource},
        **({"meta": {"security": security}} if (security := (one.resource.get("meta") or {}).get("security")) else {}),
    }  # fmt: skip
    program = await origin.made_by(access, "ServiceRequest", one.id)
    with suppress(errors.Conflict):  # it was made already
        await access.write([Change("create", "ServiceRequest", id_, request, program=program), ordering.following(access, request, day, rules, program=program)], action="lab-order")


