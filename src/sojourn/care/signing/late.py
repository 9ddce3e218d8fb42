"""What comes after the lock: what joins a visit later stands in the chart, and somebody looks at it."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.resources import id_of, laboratory
from sojourn.care.signing import documents
from sojourn.care.signing.documents import LATE, Document
from sojourn.care.signing.preparing import once
from sojourn.gate import bases, closing, labels, origin

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.clockwork import Clockwork
    from sojourn.gate.feed import Change as Committed
    from sojourn.gate.feed import Handler, Turn

TYPES = ("DiagnosticReport", "Observation", "DocumentReference", "Media", "ImagingStudy")
TEXT = "Something joined a visit whose note is locked. Look at it, and add to the note if it changes anything."


class Item(NamedTuple):
    """Something of a visit that came after its note was locked. came: when."""

    type: str
    id: str
    came: datetime
    resource: dict[str, object]


async def items(access: Access, document: Document) -> list[Item]:
    """What joined the visits of a locked document after it locked, the first to come first. One search for each type."""
    encounters = [str(e.get("reference", "")) for e in (document.resource.get("context") or {}).get("encounter") or ()]
    if document.state != "locked" or document.locks is None or not any(encounters):
        return []
    found = []
    since = document.locks.strftime("%Y-%m-%dT%H:%M:%SZ")
    for type_ in TYPES[:3]:
        if access.may(type_, "search"):
            answer = await access.search(type_, [("encounter", ",".join(filter(None, encounters))), ("_lastUpdated", f"ge{since}")], count=50)
            found += [Item(s.type, s.id, s.updated, s.resource) for s in answer.matches if s.id != document.id and s.updated > document.locks]
    return sorted(found, key=lambda item: (item.came, item.id))


async def seen(access: Access, document: Document, note: str) -> None:
    """The author looked at what came after the lock: the tasks about it end."""
    await access.write(await documents.finishing(access, document.id, LATE, note.strip() or "Looked at."), action="task")


def follower(clockwork: Clockwork) -> Handler:
    """For listeners.py: a task for the author of the note for each thing that comes later, once."""

    async def handle(turn: Turn, changes: list[Committed]) -> None:
        named = [(c.type, c.id) for c in changes if c.type in TYPES and c.kind in ("create", "update")]
        found = await closing.beside(turn.db, turn.tenant, list(dict.fromkeys(named))) if named else []
        if found:
            access = turn.inside(await clockwork.access(turn.tenant))
            for type_, id_, document in found:
                with suppress(errors.SojournError):  # a note that is kept apart from the clock, too: its author is told by nobody but the chart
                    await _ask(access, type_, id_, document)

    return handle


async def _ask(access: Access, type_: str, id_: str, document: str) -> None:
    """A task for the author of the document, unless it is not locked yet or what came is their own addendum to it."""
    stored = await access.read("DocumentReference", document)
    state = closing.read(stored.resource)
    came = await access.read(type_, id_)
    if laboratory(came.resource):  # somebody is asked to look at it already (results/following.py); the note shows it all the same
        return
    if state.state != "locked" and (state.locks is None or state.locks > came.updated):
        return
    if any((r.get("target") or {}).get("reference") == f"DocumentReference/{document}" for r in came.resource.get("relatesTo") or ()):
        return
    author = next((str(a.get("reference", "")) for a in stored.resource.get("author") or ()), "")
    if author and any(a.get("reference") == author for a in came.resource.get("author") or () if isinstance(a, dict)):
        return
    made = await origin.makers(access, [f"DocumentReference/{document}", f"{type_}/{id_}"])
    if any(bases.claimed(c) & bases.PART2 for c in (came.resource.get("meta") or {}).get("security") or ()) and len(set(made.values())) > 1:
        return  # the author may not know of it: a task would tell that there is a Part 2 record of this visit
    rules = await policies.of(access)
    program = await origin.made_by(access, "DocumentReference", document)
    task = tasks.new(
        access, LATE, TEXT, patient=id_of(stored.resource.get("subject"), "Patient") or None, owner=author or None, role=None if author else "supervisor",
        due=access.now + timedelta(days=rules.number("signing.review-days")), focus=f"DocumentReference/{document}", program=program, id_=once(LATE, type_, id_, document),
    )  # fmt: skip
    assert task.resource is not None  # noqa: S101 - it was just made
    apart = bases.codings((labels.label(dict(stored.resource), [], None).own | labels.label(dict(came.resource), [], None).own) & bases.APART)
    if apart:
        task.resource["meta"] = {"security": apart}
    with suppress(errors.Conflict):  # it is there already
        await access.write([task], action="task")
