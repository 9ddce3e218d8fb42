"""Who was shown a resource, from the trail, for rooms that must tell a privacy officer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sojourn.gate.documenting import clerk
from sojourn.record import lines

if TYPE_CHECKING:
    from sojourn.gate.access import Access

_MOST = 5_000
_LOOKING = ["read", "vread", "history", "search", "everything"]


class Look(NamedTuple):
    """An account that was shown it, first and last."""

    account: str
    name: str
    role: str
    first: datetime
    last: datetime


async def of(access: Access, type_: str, id_: str, *, besides: str = "") -> list[Look]:
    """Everybody who was shown a resource in any version, the first to see it first; without the clock and one account."""
    gate = clerk(access)
    patient = (await gate.read(type_, id_)).resource.get("subject", {}).get("reference", "").partition("/")[2] or None
    wish = lines.Wish(patient=patient, actions=_LOOKING, entity=f"{type_}/{id_}")
    rows = await lines.trail(access.house.db, access.head, gate.decided, "whole", wish, limit=_MOST)
    found: dict[str, Look] = {}
    for row in reversed(rows):
        if row["account"] in (besides, "system-clock"):
            continue
        before = found.get(row["account"])
        found[row["account"]] = Look(row["account"], row["name"] or row["account"], row["role"], before.first if before else row["recorded"], row["recorded"])
    return list(found.values())
