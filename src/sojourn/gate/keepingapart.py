"""Puts apart what is labelled as a note kept apart and still stands in the open, with its attachments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sojourn.base import log
from sojourn.record import keptapart

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_log = log.logger(__name__)

LIMIT = 50
HELD = timedelta(hours=1)
"""How long a file of which nothing is known to hold it stays: somebody may be writing what holds it, and a write takes no hour."""


async def step(access: Access, *, held: timedelta = HELD) -> int:
    """Seal the next of those that were relabelled since they were written, or written before there was a table for them; how many.

    access: the labeller's. What is written as such a note is sealed with its first write (gate/preparing.py).
    """
    db, tenant, blobs = access.house.db, access.tenant.number, access.house.blobs
    rows = await keptapart.in_the_open(db, access.head, LIMIT)
    ready = [(row, blobs.sealed(tenant, whole)) for row in rows if (whole := _whole(access, row)) is not None]
    done = await keptapart.put(db, tenant, access.now, [row["seq"] for row, _ in ready], [row["body"] for row, _ in ready], [s for _, s in ready]) if ready else 0
    await _tidy(access, held)
    return done


def _whole(access: Access, row: Mapping[str, Any]) -> bytes | None:
    """The body with its attachments; None while one of their files is not there."""
    try:
        return access.house.blobs.whole(access.tenant.number, row["whole"], row["blobs"] or [])
    except FileNotFoundError:
        _log.warning("an attachment of a note kept apart is lost; it stays as it is")
        return None


async def _tidy(access: Access, held: timedelta) -> None:
    """Remove the files of attachments that were taken into sealed bodies, if nothing else has the same file."""
    db, tenant = access.house.db, access.tenant.number
    until = access.now - held
    gone = [digest for digest in await keptapart.leftovers(db, tenant, until) if access.house.blobs.remove(tenant, digest, until)]
    if gone:
        await keptapart.gone(db, tenant, gone)
