"""The organization's own values of dated rules: what is in force, what was, and changing it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import errors
from sojourn.gate import together
from sojourn.record import rooms

if TYPE_CHECKING:
    from sojourn.gate.access import Access


class Own(NamedTuple):
    """A value that the organization set, for a level of care or ('') for all others. until: None while it is in force."""

    key: str
    level: str
    value: Any
    account: str
    reason: str
    since: datetime
    until: datetime | None


def _own(row: Any) -> Own:
    return Own(row["key"], row["level"], json.loads(row["value"]), row["account"], row["reason"], row["valid_from"], None if row["valid_to"].year > 9000 else row["valid_to"])


async def in_force(access: Access, at: datetime | None = None) -> list[Own]:
    """What the organization set and had not ended now, or at a past moment. One question; it is about no patient, and open to everybody
    who works here."""
    moment = at or access.now
    rows = await together.once(access, ("policies", moment), lambda: rooms.policies(access.house.db, access.tenant.number, moment))
    return [_own(row) for row in rows]


async def history(access: Access) -> list[Own]:
    """Every value that ever was in force, the newest first within its key."""
    rows = await rooms.policies(access.house.db, access.tenant.number, access.now, everything=True)
    return [_own(row) for row in rows if row["known_to"].year > 9000]


async def change(access: Access, key: str, level: str, value: Any, reason: str) -> None:
    """Set a value from now on; None: go back to what is shipped. Raises Forbidden, Malformed without a reason."""
    await access.check("administer", "Policy", f"{key} {level}".strip())
    if not reason.strip():
        raise errors.Malformed("Say why it is changed: whoever reads it later will ask.")
    await rooms.set_policy(access.house.db, access.head, access.caller.account, key, level, None if value is None else json.dumps(value), reason.strip())
    await access.note(access.entry("policy", "Policy", f"{key} {level}".strip()))
