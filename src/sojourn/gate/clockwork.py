"""The Access under which the clock acts: one account for each organization, for an hour at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sojourn.base import clock, crypto, errors, ids
from sojourn.gate.access import Access
from sojourn.record import rooms

if TYPE_CHECKING:
    from sojourn.gate.gate import Gate

_LIFE = timedelta(hours=1)


@dataclass(slots=True)
class Clockwork:
    """Gives it out. What the clock writes needs its program named, as it works in all of them."""

    gate: Gate
    _known: dict[int, tuple[Access, datetime]] = field(default_factory=dict)

    async def access(self, tenant: int) -> Access:
        """For one duty. Raises Unavailable."""
        house, now = self.gate.house, clock.now()
        known = self._known.get(tenant)
        if known is None or known[1] <= now:
            secret = ids.new_token()
            await rooms.clockwork(house.db, tenant, crypto.sha256(secret.encode()), now, now + _LIFE)
            access = await self.gate.access(secret)
            if access is None:
                raise errors.Unavailable()
            known = self._known[tenant] = (access, now + _LIFE / 2)
        return self.gate.access_of(known[0].caller)

    def forget(self, tenant: int) -> None:
        """Its rules changed: the next Access is given out anew."""
        self._known.pop(tenant, None)
