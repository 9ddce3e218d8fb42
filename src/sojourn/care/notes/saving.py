"""Save a note: once, however often it is pressed, and never over what was saved meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from sojourn.base.errors import Conflict, NotFound, VersionConflict
from sojourn.care import levels, tasks
from sojourn.care.notes import drafting, reading, text, writing
from sojourn.care.notes.model import NewNote, Template
from sojourn.care.signing.documents import RETURNED, UNSIGNED
from sojourn.gate.access import Access
from sojourn.gate.changes import Change

__all__ = ["RETURNED", "UNSIGNED", "AlreadySigned", "Saved", "placed", "program_of", "save", "there"]


class AlreadySigned(Conflict):
    """This note is signed. Your text is kept as a draft; write an addendum with it, or discard it."""


class Saved(NamedTuple):
    """What became of it. note: its id; again: whether it was there already, word for word."""

    note: str
    again: bool


def program_of(access: Access, organization: str) -> int | None:
    """The caller's program that an organization stands for: what is written in a stay is its program's."""
    return next((p.number for p in access.programs if (p.organization or "").rpartition("/")[2] == organization), None) if organization else None


def placed(access: Access, note: NewNote, stays: list[levels.Stay]) -> NewNote:
    """The note with the program that makes it, the one of its stay, where its author works there; and in the record of its stay, which may be another one of the person."""
    stay = next((s for s in stays if s.id == note.stay), None)
    return replace(note, patient=stay.patient, program=program_of(access, stay.organization)) if stay else note


async def there(access: Access, note: NewNote, template: Template) -> reading.Note | None:
    """The note as it is stored, if it is."""
    try:
        return await reading.one(access, note.patient, note.document, own=bool(template.apart))
    except NotFound:
        return None


async def save(access: Access, note: NewNote, template: Template, names: text.Names | None = None) -> Saved:
    """Write a note that waits for its signature, with the task that says so, and forget its draft.

    Raises AlreadySigned, and VersionConflict where it was saved elsewhere since it was opened.
    """
    before = await there(access, note, template)
    if before is not None and (done := await _same(access, note, template, before, names)):
        await drafting.drop(access, note.document)
        return done
    ready = await writing.ready(access, note, template, names)
    asking = writing.asking(access, template)
    await asking.write([*ready.changes, *(_task(access, note) if before is None and not template.apart else ())], action="note")
    await drafting.drop(access, note.document)
    return Saved(ready.document, again=False)


async def _same(access: Access, note: NewNote, template: Template, before: reading.Note, names: text.Names | None) -> Saved | None:
    """Whether exactly this is stored already. Raises what keeps it from being written over."""
    ready = await writing.ready(access, note, template, names)
    if before.shown is not None and before.shown.encode() == ready.shown:
        return Saved(note.document, again=True)
    if before.line.state not in reading.OPEN:
        raise AlreadySigned
    if before.stored.version != note.version:
        raise VersionConflict("This note was saved elsewhere since you opened it. Nothing was lost: your text is still a draft.", current=before.stored.version, expected=note.version)
    return None


def _task(access: Access, note: NewNote) -> list[Change]:
    """It waits for its author. The task has the id of the note."""
    if not access.caller.agent or not access.may("Task", "create"):
        return []
    text_ = "A note waits for your signature."
    return [
        tasks.new(access, UNSIGNED, text_, patient=note.patient, owner=access.caller.agent, focus=f"DocumentReference/{note.document}", program=note.program, id_=note.document)
    ]

