"""What messages said is destroyed after its time; the envelope, and what happened to it, stay."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sojourn.gate.security import told
from sojourn.record import exchangebench

if TYPE_CHECKING:
    from sojourn.gate.access import Access

KEPT_AS: Final = ("results", "visits", "appointments", "documents", "orders", "charges", "files", "others", "tests")
"""The rules under which messages are kept (22_exchange_retention.sql says which is which)."""
_SOME: Final = 200


async def destroy(access: Access, before: Mapping[str, datetime]) -> bool:
    """Destroy what some of the messages said that were done or set aside before the moment of their rule; whether there were any. The line about it is in the trail with it."""
    await access.check("watch", "Exchange")
    if not await exchangebench.old(access.house.db, access.tenant.number, list(before), list(before.values())):
        return False
    said = "&".join(f"{rule}={at:%Y-%m-%d}" for rule, at in before.items())
    return await told(access, "exchange-destroy", said, "gate.exchange_destroy($1, $2, $3, $4, $5, $6, $7)", *access.head, list(before), list(before.values()), _SOME, type_="Exchange")
