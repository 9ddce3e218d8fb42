"""What does not work on the way to partners: their ways, our mailbox, the fax, subscribers.

For whoever operates. It follows from what is known of each already: a way stands here while the last thing that happened by it is that it failed. Nothing of it names anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.base import clock
from sojourn.gate.exchange import ways
from sojourn.record import reaching

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.gate import House

MAILBOX: Final = "mailbox"
"""The way of what is about our own mailbox."""
REFUSED: Final = "refused"
"""The way of mail that our mailbox did not take and at which nobody looked."""
TOLD: Final = "told"
"""The way of those who asked to be told of changes and do not take it."""
SAID_EVERY: Final = timedelta(minutes=5)
"""How often somebody who asks the fax gateway says how it is."""
_STALE: Final = 3 * SAID_EVERY
"""After which nothing is known of it any more: nobody asks it."""


class Trouble(NamedTuple):
    """One. way: of ways.DOORS, MAILBOX, REFUSED or TOLD. partner: '' for what is ours, for all partners. said: why, and what to do. good: when it last worked, None for never."""

    way: str
    partner: str
    said: str
    good: datetime | None


async def open_(access: Access, some: Sequence[Partner]) -> list[Trouble]:
    """What does not work now, ours first. some: the partners, which the caller has read. Raises Forbidden."""
    await access.check("operate", "Exchange")
    used = {(p.id, w.door) for p in some if p.active for w in ways.of(p.reached)}
    found = []
    for partner, way, said, at, good in await reaching.troubles(access.house.db, access.head):
        if (partner, way) in used or (not partner and (way in (MAILBOX, REFUSED, TOLD) or access.now - at < _STALE)):
            found.append(Trouble(way, partner, said, good))
    return found


async def carrier(house: House, way: str, why: str) -> None:
    """Keep how what carries a way for every organization is, now. why: what does not work, in words that name nobody; '': it works."""
    for tenant in list(house.tenants):
        await reaching.find(house.db, tenant, clock.now(), "", way, "failed" if why else "found", why)
