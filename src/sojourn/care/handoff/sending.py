"""A hand-off by the doors of its receiver: queued as looked at, told what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.care.exchange import clinical
from sojourn.care.handoff import referral
from sojourn.care.handoff.referral import Handoff
from sojourn.care.reaching import noting
from sojourn.care.reaching.sender import CCDA, FHIR, PDF
from sojourn.care.release import packet
from sojourn.care.release.packet import Cover
from sojourn.care.resources import code_of, concept, moment
from sojourn.gate import origin, releasing
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.exchange import posting
from sojourn.gate.exchange.posting import Content
from sojourn.gate.releasing import Preview

ORIGIN: Final = "handoff"
TITLE: Final = "Referral"
_KIND: Final = "referral"


async def queue(access: Access, handoff: Handoff, digest: str, form: str = "") -> str:
    """Queue what was looked at for the receiver's doors; the id of the delivery. form: as in `referral.send`, of the clinical document.

    Raises Conflict where it changed since, ProofNeeded, Malformed where the receiver has no doors: then nothing is queued.
    """
    if handoff.step not in ("prepared", "sent"):
        raise errors.Malformed("This hand-off was sent already.")
    wish = await referral.wish(access, handoff)
    partner = await posting.partner_of(access, wish.recipient)
    if partner is None:
        raise errors.Malformed("Nobody entered how documents go to this receiver. Ask whoever looks after partners, or send it as a document of its own.")
    found, _ = await releasing.decided(access, wish, digest)
    made = await clinical.maker(access, wish, form or _KIND, series=f"Task/{handoff.id}", version=len(handoff.sent) + 1, reason=handoff.reason)
    contents = [Content(FHIR, releasing.stamped(access, found)), Content(CCDA, await made(found)), Content(PDF, await _packet(access, handoff, found, partner.name))]
    id_ = await posting.put(access, partner, wish, found, contents, {"kind": ORIGIN, "id": handoff.id}, TITLE)
    await referral.sent(access, handoff, "delivery", id_)
    return id_


async def _packet(access: Access, handoff: Handoff, found: Preview, name: str) -> bytes:
    """The same on paper: for a fax, or to be printed."""
    return await packet.made(access, found, Cover(TITLE, (("To", name), ("Asked for", handoff.reason), ("Prepared", access.today.isoformat()))), {})


class Told:
    """What becomes of a queued hand-off is noted in it (care/reaching/delivering.py, Origin)."""

    async def left(self, access: Access, id_: str, words: str, disclosure: str) -> None:
        """It arrived."""

        def changed(handoff: Handoff) -> list[Change]:
            if disclosure in handoff.sent:
                return []
            output = [*handoff.task.get("output", ()), {"type": concept("disclosure", "Disclosure"), "valueString": disclosure}]
            again = {"businessStatus": concept("handoff.sent", referral.STEPS["sent"])} if handoff.step == "prepared" and _was_lost(handoff) else {}
            return [_noted(access, handoff, f"Arrived. {words}", output=output, **again)]

        await _written(access, id_, changed)

    async def by_hand(self, access: Access, id_: str, owner: str, delivery: str) -> None:
        """It has to be printed: its sender has it on their list."""
        program = await origin.made_by(access, "Task", id_)

        def changed(handoff: Handoff) -> list[Change]:
            asked = tasks.new(access, "handoff-print", "Print a hand-off and give it away", patient=handoff.patient, owner=owner or None, role=None if owner else "clinician", focus=f"Task/{id_}",
                              due=access.now + timedelta(days=1), program=program, id_=delivery)  # fmt: skip
            return [asked, _noted(access, handoff, "No door of the receiver took it: it is to be printed.")]

        await _written(access, id_, changed)

    async def stopped(self, access: Access, id_: str, owner: str, why: str) -> None:
        """It may not leave as it was looked at: it is prepared again, and its sender looks."""
        program = await origin.made_by(access, "Task", id_)

        def changed(handoff: Handoff) -> list[Change]:
            if handoff.step != "sent":
                return []
            asked = tasks.new(access, "handoff-stopped", "A hand-off did not leave: look at it again", patient=handoff.patient, owner=owner or None, role=None if owner else "clinician", focus=f"Task/{id_}",
                              priority="urgent", due=access.now + timedelta(days=1), program=program)  # fmt: skip
            return [asked, _noted(access, handoff, why, businessStatus=concept("handoff.prepared", referral.STEPS["prepared"]))]

        await _written(access, id_, changed)


    async def lost(self, access: Access, id_: str, owner: str, delivery: str, why: str) -> None:
        """It did not arrive after all: its loop is open at the beginning, and its sender is told. Where the receiver said meanwhile that they have it, that is noted alone."""
        program = await origin.made_by(access, "Task", id_)

        def changed(handoff: Handoff) -> list[Change]:
            if delivery in _lost(handoff):
                return []
            output = [*handoff.task.get("output", ()), {"type": concept("lost", "Did not arrive"), "valueString": delivery}]
            if handoff.step != "sent" or handoff.deliveries[-1:] != (delivery,):
                return [_noted(access, handoff, f"Not arrived. {why}", output=output)]
            asked = tasks.new(access, "handoff-stopped", "A hand-off did not arrive: send it by another way", patient=handoff.patient, owner=owner or None, role=None if owner else "clinician", focus=f"Task/{id_}",
                              priority="urgent", due=access.now + timedelta(days=1), program=program)  # fmt: skip
            return [asked, _noted(access, handoff, f"Not arrived. {why}", output=output, businessStatus=concept("handoff.prepared", referral.STEPS["prepared"]))]

        await _written(access, id_, changed)


def _lost(handoff: Handoff) -> tuple[str, ...]:
    """Documents that counted as arrived and did not."""
    return tuple(str(o.get("valueString", "")) for o in handoff.task.get("output", ()) if code_of(o.get("type")) == "lost")


def _was_lost(handoff: Handoff) -> bool:
    return bool(set(_lost(handoff)) & set(handoff.deliveries[-1:]))


def _noted(access: Access, handoff: Handoff, text: str, **more: Any) -> Change:
    said = {"time": moment(access), "authorString": "By itself", "text": text}
    return Change("update", "Task", handoff.id, {**handoff.task, "note": [*handoff.task.get("note", ()), said], "lastModified": max(moment(access), handoff.begun), **more}, if_match=handoff.version)


async def _written(access: Access, id_: str, changed: Callable[[Handoff], list[Change]]) -> None:
    await noting.write(access, "handoff", lambda: referral.one(access, id_), changed)


async def printed(access: Access, handoff: Handoff, delivery: str) -> Content:
    """What is to be printed, decided anew. Raises NotFound, Conflict."""
    return await posting.printed(access, delivery, handoff.id, PDF)


async def posted(access: Access, handoff: Handoff, delivery: str, note: str) -> None:
    """It was printed and given away. Raises Malformed, NotFound, Conflict, VersionConflict."""
    disclosure = await posting.posted(access, delivery, handoff.id, note)
    await Told().left(access, handoff.id, f"Printed and given away. {note.strip()}".strip(), disclosure)
    found = await access.search("Task", [("_id", delivery)], count=1)
    for stored in found.matches:
        if stored.resource.get("status") in tasks.OPEN:
            await access.write([Change("update", "Task", stored.id, {**stored.resource, "status": "completed", "lastModified": moment(access)}, if_match=stored.version)], action="handoff")
