"""Keeps the trail while the server runs: seals and counts it, brings in what the local journal kept."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from sojourn.base import clock, log
from sojourn.base.background import Background
from sojourn.base.errors import SojournError
from sojourn.base.signing import Signer
from sojourn.record.sealing import BATCH, Sealer

if TYPE_CHECKING:
    from sojourn.gate.gate import House

_log = log.logger(__name__)
_PAUSE = 1.0  # seconds between seals: what somebody with the database's password could still change unseen
_COUNTED = 4  # batches in a round at most: the past of a large trail is counted beside sealing, and does not hold it up


def trail_signer(house: House) -> Signer:
    """The key that signs checkpoints of this installation."""
    return Signer(house.key, "trail")


class Keeping(Background):
    """One task a process. Many processes may run it: for each tenant one at a time seals."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._sealer = Sealer(house.db, trail_signer(house))

    async def stop(self) -> None:
        """End, and seal once more."""
        await super().stop()
        with suppress(SojournError):
            await self.round()

    async def round(self) -> int:
        """Bring in what was kept, seal all that is committed now, and count openings of charts. How many lines were sealed."""
        sealed = 0
        if self._house.trail.journal is not None:
            await self._house.trail.journal.bring_in(self._house.db, clock.now())
        for tenant in list(self._house.known.values()):
            made = BATCH
            while made == BATCH:
                made = await self._sealer.seal(tenant.number, tenant.key, clock.now())
                sealed += made
        for tenant in list(self._house.tenants.values()):
            await self._sealer.count(tenant.number, _COUNTED)
        return sealed

    async def _run(self) -> None:
        while True:
            try:
                await self.round()
            except SojournError as error:
                _log.warning("sealing waits", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - sealing must never end while the server serves; the lines stay unsealed and are counted as such
                _log.error("sealing failed", error)
            await asyncio.sleep(_PAUSE)
