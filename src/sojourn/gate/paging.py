"""Pages: a few words to one person alone about what they may not see.

Kept where drafts are, under the account of who is paged and sealed for them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.gate import drafts
from sojourn.gate.access import Access

if TYPE_CHECKING:
    from datetime import datetime

PREFIX = "page/"


_AGAIN = timedelta(minutes=1)
"""Within which a page that is sent twice is one page: two processes sent it, or one fell in between."""


async def page(access: Access, account: str, name: str, body: dict[str, Any]) -> None:
    """Page somebody: one page under each name, of when they were last asked."""
    theirs = Access(access.house, replace(access.caller, account=account), access.request)
    there = await drafts.kept(theirs, PREFIX + name)
    if there is None or access.now - there.updated >= _AGAIN:
        with suppress(errors.VersionConflict):
            await drafts.keep(theirs, PREFIX + name, codec.dumps(body), seen=there.stamp if there else "")


async def mine(access: Access) -> list[tuple[str, datetime]]:
    """Names of the caller's pages and when they came, the newest first."""
    return [(d.key.removeprefix(PREFIX), d.updated) for d in await drafts.listed(access, PREFIX)]


async def read(access: Access, name: str) -> dict[str, Any]:
    """What one of the caller's pages holds. Raises NotFound."""
    kept = await drafts.kept(access, PREFIX + name)
    if kept is None:
        raise errors.NotFound("There is no such notice.")
    return dict(codec.loads(kept.body))


async def done(access: Access, name: str) -> None:
    """Take a page away: it was answered."""
    await drafts.drop(access, PREFIX + name)
