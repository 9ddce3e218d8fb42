"""Begin a subscription, see how it stands, ask for what was told before, end it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sojourn.base import crypto, errors, ids
from sojourn.gate.subscriptions.model import Event, Facts, Standing
from sojourn.record import subscriptions

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.gate import House

LIFE: Final = timedelta(days=366)
"""A subscription ends by then; it is begun anew by sending it again."""
MOST: Final = 20
"""Of one account."""
_PURPOSE: Final = "subscription"


def sealed(house: House, tenant: int, id_: str, facts: Facts) -> str:
    """Facts as they are kept: the endpoint's headers may hold a secret."""
    return house.key.seal(_PURPOSE, facts.packed().encode(), f"{tenant}\0{id_}".encode())


def opened(house: House, tenant: int, id_: str, text: str) -> Facts:
    """Facts as they were kept."""
    return Facts.unpack(house.key.open(_PURPOSE, text, f"{tenant}\0{id_}".encode()).decode())


async def begin(access: Access, id_: str, facts: Facts) -> None:
    """Begin one that was stored as a Subscription, or begin it anew. Raises Forbidden, TooManyRequests."""
    await access.check("create", "Subscription", id_)
    done = await subscriptions.begin(
        access.house.db, access.head, id_, crypto.sha256(ids.new_token().encode()), sealed(access.house, access.tenant.number, id_, facts), facts.types, access.now + LIFE, MOST
    )
    if not done:
        raise errors.TooManyRequests(f"One account has at most {MOST} subscriptions. End one first.", after=3600)


async def of_another(access: Access, id_: str) -> bool:
    """Whether another account began it: nobody else may send it elsewhere. Whether the caller may know of it is asked apart."""
    return any(r["account"] != access.caller.account for r in await subscriptions.some(access.house.db, access.tenant.number, [id_]))


async def standing(access: Access, wanted: Sequence[str]) -> list[Standing]:
    """How those stand that the caller began. Which these are, they know by having read them."""
    rows = await subscriptions.some(access.house.db, access.tenant.number, wanted)
    return [
        Standing(r["subscription"], r["state"], r["reason"], r["number"], opened(access.house, access.tenant.number, r["subscription"], r["facts"]))
        for r in rows
        if r["account"] == access.caller.account
    ]


async def events(access: Access, id_: str, first: int, last: int, most: int) -> list[Event]:
    """What was told under these numbers. What of it may be shown now is decided anew by whoever shows it."""
    rows = await subscriptions.events(access.house.db, access.tenant.number, id_, first, last, sent=True, most=most)
    return [Event(r["number"], r["kind"], r["type"], r["id"]) for r in rows]


async def end(access: Access, id_: str, reason: str) -> None:
    """Nothing more is told."""
    await subscriptions.end(access.house.db, access.tenant.number, id_, reason)
