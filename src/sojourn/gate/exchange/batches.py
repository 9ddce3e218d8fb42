"""Messages that leave in files: which go into the next, which are in one, what became of it.

A file is of one time of the rhythm, and holds of each person the first message that waited then; the next follows from what they were told by that one. No
file is stored: it is made of its messages whenever it is looked at (doors/hl7v2/out/batching.py).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.base import clock, ids
from sojourn.record import exchangebatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sojourn.base.db import Transaction
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.telling import Leaving, Outbox
    from sojourn.gate.gate import House
    from sojourn.record.sftp import Who

MOST: Final = 500
"""Messages of one file: each is decided whenever somebody looks at it."""
_HOUR: Final = 3600


class Batch(NamedTuple):
    """A file that is out. begins: the time of the rhythm to which it belongs."""

    id: str
    begins: datetime


class Batches:
    """Those of one partner of one organization. box: reads their messages."""

    def __init__(self, house: House, tenant: int, partner: Partner, box: Outbox) -> None:
        self._house, self._tenant, self._partner, self._box = house, tenant, partner, box

    async def waiting(self) -> list[Leaving]:
        """What would go into the next file, as it was made."""
        return [self._box.read(r) for r in await exchangebatch.waiting(self._house.db, self._tenant, self._partner.id, clock.now(), MOST)]

    async def there(self, begins: datetime) -> bool:
        """Whether there is or was a file of that time."""
        return await exchangebatch.there(self._house.db, self._tenant, self._partner.id, begins)

    async def begin(self, begins: datetime, messages: list[Leaving]) -> bool:
        """A file of these; False where another process made the one of that time."""
        return await exchangebatch.begin(self._house.db, self._tenant, self._partner.id, ids.new_id("batch"), begins, clock.now(), [m.id for m in messages])

    async def out(self) -> list[Batch]:
        """What they have not taken, the first first."""
        return [Batch(*row) for row in await exchangebatch.out(self._house.db, self._tenant, self._partner.id, clock.now())]

    async def messages(self, batch: str) -> list[Leaving]:
        """The messages of a file that still wait."""
        return [self._box.read(r) for r in await exchangebatch.messages(self._house.db, self._tenant, batch)]

    async def over(self, who: Who, batch: str, taken: Sequence[str] = (), transaction: Transaction | None = None) -> bool:
        """They took it with these messages to its end, or removed it: what else was in it goes with the next. False where that was said before. Raises StaleCredential."""
        return await exchangebatch.over(transaction or self._house.db, who, batch, taken)

    async def sweep(self) -> None:
        """Files of which nothing is left are over."""
        await exchangebatch.sweep(self._house.db, self._tenant, self._partner.id, clock.now())


def slot(now: datetime, hours: int) -> datetime:
    """When the time of a rhythm began in which we are."""
    return datetime.fromtimestamp(now.timestamp() // (hours * _HOUR) * (hours * _HOUR), UTC)
