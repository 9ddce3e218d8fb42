"""Drafts: what somebody typed and has not saved yet, kept on the server for them alone.

A draft is no part of the record: it has no version, is in no search, export or feed, and nobody but its author ever gets it. The body is
sealed under the account and the key, so that one that is moved to another account in the database does not open.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import errors, ids
from sojourn.gate import beside, together
from sojourn.record import rooms

if TYPE_CHECKING:
    from sojourn.gate.access import Access

MOST = 1_000_000
"""Bytes of one draft."""
_LONGEST_KEY = 300
_PURPOSE = "draft"
_TRIES = 3


class Draft(NamedTuple):
    """One draft. stamp: changes with every save; body: empty in a list."""

    key: str
    patient: str
    body: bytes
    stamp: str
    updated: datetime


def _context(access: Access, key: str) -> bytes:
    return f"{access.tenant.number}\0{access.caller.account}\0{key}".encode()


async def keep(access: Access, key: str, body: bytes, *, patient: str = "", seen: str = "", tab: str = "") -> str:
    """Keep what was typed; its stamp. seen: the stamp of the draft that it was made from, '' for a first one.

    tab: a random name of the open page. A page that types faster than its answers arrive sends a `seen` that is behind; where the one that
    is there came from the same page, that is no other window, and the newer words stay.

    Raises VersionConflict (with the stamp that is there) where another tab kept a newer one, and TooLarge. Nothing is lost then: the
    one that is there stays, and the caller still has the other.
    """
    if len(body) > MOST or len(key) > _LONGEST_KEY:
        raise errors.TooLarge()
    access.kept = None
    own = f"{tab[:40]}~" if tab else ""
    stamp = own + ids.new_id("draft")
    sealed = access.house.key.seal(_PURPOSE, body, _context(access, key))
    kept = await rooms.keep_draft(access.house.db, access.head, access.caller.account, key, patient, sealed, seen, stamp)
    for _ in range(_TRIES):
        if kept == stamp or not (own and kept.startswith(own)):
            break
        kept = await rooms.keep_draft(access.house.db, access.head, access.caller.account, key, patient, sealed, kept, stamp)
    if kept != stamp:
        raise errors.VersionConflict("This was changed in another window; nothing was lost.", current=kept, expected=seen)
    return stamp


async def kept(access: Access, key: str) -> Draft | None:
    """The draft of this account under a key, or None."""
    row = await rooms.draft(access.house.db, access.head, access.caller.account, key)
    if row is None:
        return None
    return Draft(row["key"], row["patient"], access.house.key.open(_PURPOSE, row["body"], _context(access, key)), row["stamp"], row["updated"])


async def listed(access: Access, prefix: str = "") -> list[Draft]:
    """The drafts of this account whose key begins so, the newest first, without bodies.

    It does not say whether their author still sees the patients: whoever shows a list asks the record for them.
    """
    if access.kept is None:
        rows = await beside.ask(access, rooms.drafts(access.caller.account, prefix))
    else:  # several parts of a page have drafts of their own kind
        every = await together.once(access, "drafts", lambda: beside.ask(access, rooms.drafts(access.caller.account, "")))
        rows = [row for row in every if row["key"].startswith(prefix)]
    return [Draft(row["key"], row["patient"], b"", row["stamp"], row["updated"]) for row in rows]


async def drop(access: Access, key: str) -> None:
    """Forget a draft: it was saved, or its author does not want it."""
    access.kept = None
    await rooms.drop_draft(access.house.db, access.head, access.caller.account, key)


def browser_key(access: Access) -> bytes:
    """32 bytes under which this person's browser keeps what it could not send. The same after every sign-in; nobody else gets it."""
    return access.house.key.derive(f"browser:{access.tenant.number}:{access.caller.account}", 32)
