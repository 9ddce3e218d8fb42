"""Sign a note: one write closes it, signs its exact bytes, and ends the task that waited."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from sojourn.base.errors import VersionConflict
from sojourn.care.notes import drafting, reading, saving, writing
from sojourn.care.signing import documents

if TYPE_CHECKING:
    from sojourn.care.notes.model import NewNote, Template
    from sojourn.care.notes.text import Names
    from sojourn.gate.access import Access


def digest(shown: bytes) -> str:
    """What stands for the bytes of a page in the form below them."""
    return sha256(shown).hexdigest()


async def sign(access: Access, note: NewNote, template: Template, names: Names) -> None:
    """Write and sign; once, however often the button is pressed. Raises ProofNeeded, Forbidden, AlreadySigned, VersionConflict."""
    await access.require_fresh()
    asking = writing.asking(access, template)
    before = await saving.there(access, note, template)
    ready = await writing.ready(access, note, template, names)
    if before is not None:
        if before.line.state not in reading.OPEN:
            if before.shown is not None and before.shown.encode() == ready.shown:
                await drafting.drop(access, note.document)
                return
            raise saving.AlreadySigned
        if before.stored.version != note.version:
            raise VersionConflict("This note was saved elsewhere since you opened it. Nothing was lost: your text is still a draft.", current=before.stored.version, expected=note.version)
    outcome = await documents.signing(asking, ready.changes, ready.document, ready.shown, service=note.service)
    await asking.write(outcome.changes, action="sign")
    await drafting.drop(access, note.document)
