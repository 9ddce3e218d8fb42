"""A released packet by the doors of its receiver: queued as looked at, told what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.care.reaching import noting
from sojourn.care.reaching.sender import PDF
from sojourn.care.release import answering, requests
from sojourn.care.release.requests import Request
from sojourn.care.resources import code_of, concept, moment
from sojourn.gate import origin, releasing
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.exchange import documented, posting
from sojourn.gate.exchange.posting import Content

ORIGIN: Final = "release-request"
TITLE: Final = "Released record"
UNDER_WAY: Final = "Released, on its way"


async def queue(access: Access, request: Request, seen: str, *, elsewhere: bool = False) -> str:
    """Release what was looked at by the receiver's doors; the id of the delivery. Raises as `answering.release`, and Malformed where they have no doors."""
    partner = await posting.partner_of(access, request.recipient)
    if partner is None or requests.wish(request).served is not None:
        raise errors.Malformed("It does not go to them by itself. Release it, and hand it over.")
    await documented.check(access, partner, "document-queue")
    now = await answering.allowed(access, request, seen, elsewhere=elsewhere)
    found, _ = await releasing.decided(access, requests.wish(request), now.digest)
    content = Content(PDF, await answering.packet(access, request, found))
    mine = await requests.claim(access, request)
    id_ = await posting.put(access, partner, requests.wish(request), found, [content], {"kind": ORIGIN, "id": request.id}, TITLE)
    await _saved(access, mine, "It goes to them by their doors.", status="completed", businessStatus={"text": UNDER_WAY}, output=_output(mine, "delivery", id_, "Delivery"))
    return id_


def deliveries(request: Request) -> tuple[str, ...]:
    """Documents that were queued for it, the newest last."""
    return tuple(str(o.get("valueString", "")) for o in request.task.get("output", ()) if code_of(o.get("type")) == "delivery")


def _output(request: Request, kind: str, value: str, text: str) -> list[dict[str, Any]]:
    return [*request.task.get("output", ()), {"type": concept(kind, text), "valueString": value}]


def _change(access: Access, request: Request, note: str, **more: Any) -> Change:
    said = {"time": moment(access), "authorString": access.caller.name if access.caller.kind == "staff" else "By itself", "text": note}
    task = {**request.task, "note": [*request.task.get("note", ()), said], "lastModified": max(moment(access), str(request.task.get("authoredOn", ""))), **more}
    return Change("update", "Task", request.id, task, if_match=request.version)


async def _saved(access: Access, request: Request, note: str, **more: Any) -> None:
    await access.write([_change(access, request, note, **more)], action="release-request")


class Told:
    """What becomes of it is noted in the request (care/reaching/delivering.py, Origin)."""

    async def left(self, access: Access, id_: str, words: str, disclosure: str) -> None:
        """It arrived."""

        def changed(r: Request) -> list[Change]:
            if disclosure in r.sent:
                return []
            return [_change(access, r, f"Arrived. {words}", businessStatus={"text": "Released"}, output=_output(r, "disclosure", disclosure, "Disclosure"))]

        await _written(access, id_, changed)

    async def by_hand(self, access: Access, id_: str, owner: str, delivery: str) -> None:
        """It has to be printed."""
        program = await origin.made_by(access, "Task", id_)

        def changed(r: Request) -> list[Change]:
            asked = tasks.new(access, "release-print", "Print a released record and give it away", patient=r.patient, owner=owner or None, role=None if owner else "privacy-officer", focus=f"Task/{id_}",
                              due=access.now + timedelta(days=1), program=program, id_=delivery)  # fmt: skip
            return [asked, _change(access, r, "No door of the receiver took it: it is to be printed.")]

        await _written(access, id_, changed)

    async def stopped(self, access: Access, id_: str, owner: str, why: str) -> None:
        """It may not leave as it was looked at: the request is open again."""

        def changed(r: Request) -> list[Change]:
            return [] if r.open else [_change(access, r, why, status="in-progress", businessStatus={"text": "Did not leave: look at it again"})]

        await _written(access, id_, changed)


    async def lost(self, access: Access, id_: str, owner: str, delivery: str, why: str) -> None:
        """It did not arrive after all: the request is open again."""

        def changed(r: Request) -> list[Change]:
            return [] if r.open or deliveries(r)[-1:] != (delivery,) else [_change(access, r, f"Not arrived. {why}", status="in-progress", businessStatus={"text": "Did not arrive: look at it again"})]

        await _written(access, id_, changed)


async def _written(access: Access, id_: str, changed: Callable[[Request], list[Change]]) -> None:
    async def there() -> Request:
        return requests.read(await access.read("Task", id_))

    await noting.write(access, "release-request", there, changed)


async def posted(access: Access, request: Request, delivery: str, note: str) -> None:
    """It was printed and given away. Raises Malformed, NotFound, Conflict, VersionConflict."""
    disclosure = await posting.posted(access, delivery, request.id, note)
    await Told().left(access, request.id, f"Printed and given away. {note.strip()}".strip(), disclosure)
    for stored in (await access.search("Task", [("_id", delivery)], count=1)).matches:
        if stored.resource.get("status") in tasks.OPEN:
            await access.write([Change("update", "Task", stored.id, {**stored.resource, "status": "completed", "lastModified": moment(access)}, if_match=stored.version)], action="release-request")
