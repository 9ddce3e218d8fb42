"""Papers in a chart: looked at, and moved where they were put into the wrong one.

Moved means: the document goes to the other chart with all its versions, a neutral trace stays, and the privacy officer is told who saw it.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.papers.indexing import CATEGORY, RECONCILE, REVIEW, TRACE, review
from sojourn.care.papers.reading import CCDA
from sojourn.care.resources import CARE, code_of, concept, id_of, moment, ref
from sojourn.gate import lookers, origin
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

NEEDS: Final = (("Patient", "read"), ("DocumentReference", "search"))
MOVES: Final = (("Paper", "index"), ("Patient", "search"), ("DocumentReference", "update"), ("Task", "create"))
MOVED: Final = "paper-moved"
LETTER: Final = "letter"
"""A letter of ours that left, kept beside what came (care/release/letters.py)."""
ON_A_PAGE: Final = 20
TEXT: Final = "A document was put into this chart by mistake. It was taken out and put where it belongs; nothing of it is left here."


class Filed(NamedTuple):
    """A document that came from outside. trace: whether only that it was here is left. day: on the paper; filed: FHIR instant; pages: '' if unknown."""

    id: str
    patient: str
    kind: str
    title: str
    day: str
    filed: str
    about: str
    trace: bool
    encounter: str
    version: str
    resource: dict[str, Any]

    @property
    def content(self) -> bytes:
        """The clean PDF."""
        return base64.b64decode(next((str((c.get("attachment") or {}).get("data", "")) for c in self.resource.get("content", ())), ""))

    @property
    def document(self) -> bool:
        """Whether it is a clinical document (C-CDA), which has sections and no pages."""
        return _is_document(self.resource)

    @property
    def came(self) -> bool:
        """Whether it came from outside, and is no letter or trace of ours."""
        return any(code_of(c) == CATEGORY for c in self.resource.get("category", ()))


def read(stored: Any) -> Filed:
    """The paper that a stored DocumentReference is. Raises NotFound for any other."""
    r = stored.resource
    codes = {code_of(c) for c in r.get("category", ())}
    if not codes & {CATEGORY, TRACE, LETTER} and not _is_document(r):
        raise errors.NotFound("There is no such document.")
    attachment = next((c.get("attachment") or {} for c in r.get("content", ())), {})
    context = r.get("context") or {}
    return Filed(
        str(r["id"]), id_of(r.get("subject"), "Patient"), str((r.get("type") or {}).get("text", "")), str(attachment.get("title", "")), str(attachment.get("creation", ""))[:10], str(r.get("date", "")),
        str(r.get("description", "")), TRACE in codes, next((id_of(e, "Encounter") for e in context.get("encounter", ())), ""), stored.version, r,
    )  # fmt: skip


def _is_document(r: dict[str, Any]) -> bool:
    return any((c.get("attachment") or {}).get("contentType") == CCDA for c in r.get("content", ()))


async def of_patient(access: Access, patient: str, *, cursor: str | None = None) -> tuple[list[Filed], str | None]:
    """Papers of a chart, the last filed first, and where the next page begins."""
    found = await access.search("DocumentReference", [("patient", patient), ("category", ",".join(f"{CARE}|{c}" for c in (CATEGORY, TRACE, LETTER))), ("_sort", "-date")], count=ON_A_PAGE, cursor=cursor)
    return [read(s) for s in found.matches], found.next


async def one(access: Access, patient: str, id_: str) -> Filed:
    """One paper of this chart. Raises NotFound."""
    found = read(await access.read("DocumentReference", id_))
    if found.patient != patient:
        raise errors.NotFound("There is no such document.")
    return found


async def asked(access: Access, filed: Filed) -> list[tasks.Work]:
    """Who is to look at it."""
    return [w for w in await tasks.of_patient(access, filed.patient, kinds=[REVIEW, RECONCILE]) if w.focus == f"DocumentReference/{filed.id}"]


async def looked(access: Access, filed: Filed, note: str) -> None:
    """Somebody looked at it: what asked for it ends. Raises Malformed where nothing asks for it. What is to be reconciled is not over by looking."""
    works = [w for w in await asked(access, filed) if w.kind == REVIEW]
    if not works:
        raise errors.Malformed("Nobody is asked to look at it any more.")
    for work in works:
        await tasks.finish(access, work.id, note.strip() or "Looked at.")


async def move(access: Access, filed: Filed, to: str, why: str) -> None:
    """Take it out of this chart and put it into another.

    Raises Malformed without a reason or for the same person, NotFound for one who may not be seen, VersionConflict.
    """
    for type_, action in MOVES:
        access.require(action, type_)
    if not why.strip():
        raise errors.Malformed("Write how it was noticed: the privacy officer reads it.")
    if to == filed.patient or not filed.came:
        raise errors.Malformed("Choose another person's chart.")
    await access.read("Patient", to)
    program = await origin.made_by(access, "DocumentReference", filed.id)
    rules = await policies.of(access)
    seen = await lookers.of(access, "DocumentReference", filed.id, besides=access.caller.account)
    moved = {k: v for k, v in filed.resource.items() if k != "context"}
    moved |= {"subject": ref("Patient", to), "context": {k: v for k, v in filed.resource.get("context", {}).items() if k == "period"}}
    security = {"meta": {"security": filed.resource["meta"]["security"]}} if filed.resource.get("meta", {}).get("security") else {}
    due = access.now + timedelta(days=rules.number("papers.review-days"))
    changes = [
        Change("update", "DocumentReference", filed.id, moved, if_match=filed.version),
        Change("create", "DocumentReference", new_id(), {**_trace(access, filed), **security}, program=program),
        _told(access, filed, to, why.strip(), seen, program, security),
    ]
    for work in await asked(access, filed):
        old = await access.read("Task", work.id)
        changes.append(tasks.finishing(access, old.resource, "It was in the wrong chart.", status="cancelled", if_match=old.version))
        if work.owner or work.kind == RECONCILE:
            made = review(access, filed.id, to, work.owner, (), due=due, urgent=work.priority == "urgent", program=program, kind=work.kind)
            assert made.resource is not None  # noqa: S101 - a create has one
            made.resource |= security
            changes.append(made)
    await access.write(changes, action="paper-move")


def _trace(access: Access, filed: Filed) -> dict[str, Any]:
    """What stays: that something was here, and nothing of it."""
    said = f"{TEXT} It was here from {filed.filed[:10]} to {moment(access)[:10]}."
    return {
        "resourceType": "DocumentReference", "status": "entered-in-error", "type": {"text": "Put here by mistake"}, "category": [concept(TRACE, "Trace of a document put here by mistake")],
        "subject": ref("Patient", filed.patient), "date": moment(access), "description": "Taken out",
        "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(said.encode()).decode(), "title": "Put here by mistake", "creation": moment(access)[:10]}}],
    }  # fmt: skip


def _told(access: Access, filed: Filed, to: str, why: str, seen: list[lookers.Look], program: int | None, security: dict[str, Any]) -> Change:
    """The task of the privacy officer, about the person whose paper it is: who saw it in the wrong chart is a possible disclosure (45 CFR 164.402)."""
    whom = "; ".join(f"{look.name} ({look.role}), {_spoken(look.first)}" + (f" to {_spoken(look.last)}" if look.last > look.first else "") for look in seen)
    if filed.document:
        why += " It is a clinical document: if it was reconciled there, lines were taken over from it and have to be ended by hand."
    said = f"In the wrong chart from {filed.filed[:10]} to {moment(access)[:10]}. {why} Seen there by: {whom or 'nobody but those who put it there and took it out'}."
    task = tasks.new(access, MOVED, "A document was in the wrong chart: a possible disclosure to decide about", patient=to, role="privacy-officer", focus=f"DocumentReference/{filed.id}",
                     priority="urgent" if seen else "routine", due=access.now + timedelta(days=3), why=said, program=program)  # fmt: skip
    assert task.resource is not None  # noqa: S101 - a create has one
    task.resource |= security
    return task


def _spoken(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
