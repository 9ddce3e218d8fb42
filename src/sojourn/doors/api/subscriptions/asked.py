"""Subscriptions as callers ask for them: created and changed by themselves, $status, $events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.doors.api import write
from sojourn.doors.api.answer import Answer, of_json
from sojourn.doors.api.ask import decode_form
from sojourn.doors.api.subscriptions import notifications, reading
from sojourn.fhir import codec
from sojourn.fhir.search import parse
from sojourn.gate.changes import Change
from sojourn.gate.subscriptions import asking, deciding
from sojourn.gate.subscriptions.model import EMPTY, ERROR, FULL, ID_ONLY, OFF, REQUESTED, Facts, Standing
from sojourn.gate.subscriptions.working import Line

if TYPE_CHECKING:
    from sojourn.doors.api.ask import Ask

TYPE = "Subscription"
_MOST = 100


async def create(ask: Ask, type_: str) -> Answer:
    """POST: of a Subscription also what it asks for, and it is begun: the endpoint is asked whether it is there."""
    if type_ != TYPE:
        return await write.create(ask, type_)
    resource = write.resource_of(await ask.json(), TYPE)
    facts = _wanted(ask, resource)
    answer = await write.create(ask.instead(_stored(resource, REQUESTED)), TYPE)
    if answer.status == 201:  # noqa: PLR2004 - made, and not found by If-None-Exist
        await _begin(ask, _id_of(answer), facts)
    return answer


async def update(ask: Ask, type_: str, id_: str) -> Answer:
    """PUT: a Subscription is begun anew with what it asks for now; with the status `off` it ends."""
    if type_ != TYPE:
        return await write.update(ask, type_, id_)
    resource = write.resource_of(await ask.json(), TYPE)
    off = resource.get("status") == OFF
    if not off:
        await _only_ours(ask, id_)
    before = next((s.facts for s in await asking.standing(ask.access, [id_])), None)
    facts = _wanted(ask, resource, before)
    answer = await write.update(ask.instead(_stored(resource, OFF if off else REQUESTED)), TYPE, id_)
    await (asking.end(ask.access, id_, "Ended by its owner.") if off else _begin(ask, id_, facts))
    return answer


async def _begin(ask: Ask, id_: str, facts: Facts) -> None:
    """Begin one that was stored. Where that is refused, the resource says so: its status is `error`, with the reason. Raises the refusal."""
    try:
        await asking.begin(ask.access, id_, facts)
    except errors.SojournError as refusal:
        with suppress(errors.SojournError):  # whoever may not change it any more is refused all the same
            stored = await ask.access.read(TYPE, id_)
            await ask.access.write([Change("update", TYPE, id_, {**stored.resource, "status": ERROR, "error": refusal.message}, if_match=stored.version)], action="update")
        raise


async def delete(ask: Ask, type_: str, id_: str) -> Answer:
    """DELETE: a Subscription ends with it; one that the caller does not see does not."""
    answer = await write.delete(ask, type_, id_)
    if type_ == TYPE and answer.headers:  # of a version: it was there, and the caller's to delete
        await asking.end(ask.access, id_, "Deleted.")
    return answer


def whole_only(handler: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    """PATCH, and changes by condition, of all but Subscriptions: what was told to whom must not differ from what the resource says."""

    async def refuse(ask: Ask, type_: str, *rest: str) -> Answer:
        if type_ == TYPE:
            raise errors.NotSupported("A Subscription is changed by PUT, and ended by PUT or DELETE, at its own address.")
        return await handler(ask, type_, *rest)

    return refuse


def _wanted(ask: Ask, resource: Mapping[str, Any], before: Facts | None = None) -> Facts:
    """What it asks for. before: what it asked for until now, with the headers as they were sent. Raises Invalid."""
    try:
        facts = reading.facts(resource, before)
    except (AttributeError, TypeError, ValueError):
        raise errors.Invalid("This cannot be read as a Subscription.", expression=TYPE) from None
    for type_, query in facts.filters:  # what cannot be searched is said now, and not found out when there is something to tell
        parse(type_, decode_form(query), handling="strict", base=ask.access.house.base, value_sets=ask.access.house.value_sets)
    return facts


def _stored(resource: Mapping[str, Any], status: str) -> dict[str, Any]:
    """As it is stored: its status is ours to say, and its headers are kept apart."""
    channel = resource["channel"]
    hidden = {"header": [f"{h.partition(':')[0]}: {reading.KEPT}" for h in channel["header"]]} if channel.get("header") else {}
    return {**resource, "status": status, "channel": {**channel, **hidden}}


async def _only_ours(ask: Ask, id_: str) -> None:
    """Raise Forbidden for one that another account began and the caller sees; one that they do not see is answered as one that is not there."""
    if not await asking.of_another(ask.access, id_):
        return
    try:
        await ask.access.read(TYPE, id_)
    except (errors.NotFound, errors.Gone):
        return
    raise errors.Forbidden("Another account began this Subscription. Begin one of your own.")


def _id_of(answer: Answer) -> str:
    location = next((v for k, v in answer.headers if k.lower() == b"location"), b"").decode()
    return location.partition(f"/{TYPE}/")[2].partition("/")[0] or str(codec.loads(answer.body)["id"])


async def status(ask: Ask, type_: str, id_: str = "") -> Answer:
    """$status of one, or of those named by `id`: how they stand, and the number of the last event."""
    if type_ != TYPE:
        raise errors.NotSupported("$status is offered for Subscription.")
    ask.check_format()
    await ask.access.check("create", TYPE, id_)
    wanted = [id_] if id_ else [i for k, v in ask.search_params() if k == "id" for i in v.split(",") if i][:_MOST]
    found = await ask.access.search(TYPE, [("_id", ",".join(wanted))], count=len(wanted)) if wanted else None
    mine = await asking.standing(ask.access, [s.id for s in found.matches]) if found is not None else []
    if id_ and not mine:
        raise errors.NotFound("There is no such Subscription.")
    entries = [{"resource": notifications.status(ask.base, s.id, s.facts.topic, s.state, "query-status", s.number, error=s.reason), "search": {"mode": "match"}} for s in mine]
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(entries), **({"entry": entries} if entries else {})}
    answer = of_json(bundle, receipt=found.receipt if found is not None else None)
    answer.about = found is None
    return answer


async def events(ask: Ask, type_: str, id_: str) -> Answer:
    """$events: what was told under some numbers, as far as it may be shown now. Raises NotFound for a subscription of somebody else."""
    if type_ != TYPE:
        raise errors.NotSupported("$events is offered for Subscription.")
    ask.check_format()
    await ask.access.check("create", TYPE, id_)
    found = await ask.access.search(TYPE, [("_id", id_)], count=1)
    mine = await asking.standing(ask.access, [s.id for s in found.matches])
    if not mine:
        raise errors.NotFound("There is no such Subscription.")
    one: Standing = mine[0]
    given = dict(ask.search_params())
    if given.keys() - {"eventsSinceNumber", "eventsUntilNumber", "content"}:
        raise errors.NotSupported("$events takes eventsSinceNumber, eventsUntilNumber and content.")
    content = given.get("content", one.facts.content)
    if content not in (EMPTY, ID_ONLY, FULL):
        raise errors.Malformed(f"content is one of {EMPTY}, {ID_ONLY}, {FULL}.", expression="content")
    content = content if (EMPTY, ID_ONLY, FULL).index(content) <= (EMPTY, ID_ONLY, FULL).index(one.facts.content) else one.facts.content
    first, last = (_number(given.get(name, ""), otherwise) for name, otherwise in (("eventsSinceNumber", 1), ("eventsUntilNumber", one.number)))
    told = await asking.events(ask.access, id_, first, last, _MOST)
    seen = await deciding.known(ask.access, one.facts, [(e.kind, e.type, e.id) for e in told])
    lines = [
        Line(e.number, e.kind, e.type, e.id, ask.access.now, stored.body if stored is not None else None)
        for e in told if (event := (e.kind, e.type, e.id)) in seen
        for stored in (seen[event],)
    ]  # fmt: skip
    said = notifications.status(ask.base, id_, one.facts.topic, one.state, "query-event", one.number, lines, content)
    answer = Answer(200, notifications.bundle(ask.base, said, id_, lines, content, ask.access.now), receipt=found.receipt)
    return answer


def _number(text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    if not (text.isascii() and text.isdecimal() and len(text) < 19):  # noqa: PLR2004 - as many digits as a bigint has
        raise errors.Malformed("Numbers of events are numbers.", expression="eventsSinceNumber")
    return int(text)
