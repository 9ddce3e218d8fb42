"""Exports as those who administer apps see them: who, how far, and ending one; of nobody's record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sojourn.base import errors
from sojourn.gate.apps import registering
from sojourn.gate.bulk.asking import Wish
from sojourn.record import bulk

if TYPE_CHECKING:
    from sojourn.gate.access import Access

LISTED: Final = 200


@dataclass(frozen=True, slots=True)
class Listed:
    """One export. level: system, patient or group; types: how many kinds were asked for; done: how many of `kinds` are. size: bytes."""

    id: str
    account: str
    name: str
    purpose: str
    level: str
    types: int
    since: str
    state: str
    begun: datetime
    expires: datetime
    kinds: int
    done: int
    lines: int
    size: int


async def every(access: Access) -> list[Listed]:
    """All exports that are not over, newest first. Raises Forbidden."""
    await registering.check(access)
    rows = await bulk.every(access.house.db, access.head, LISTED)
    await access.note(access.entry("export-list", "Bulk", ""))
    found = []
    for row in rows:
        wish = Wish.unpack(row["asked"])
        found.append(
            Listed(
                row["export"], row["account"], row["name"], row["purpose"], wish.level, len(wish.types), wish.since, row["state"], row["begun"], row["expires"], row["kinds"], row["kind"], row["lines"], row["size"]
            )
        )
    return found


async def stop(access: Access, export: str) -> None:
    """End one at once, whoever asked for it: it can no longer be downloaded. Raises Forbidden, NotFound."""
    await registering.check(access)
    await access.note(access.entry("export-stop", "Bulk", f"export={export}"))
    if not await bulk.end(access.house.db, access.head, export, None):
        raise errors.NotFound("There is no such export. It may be over.")
