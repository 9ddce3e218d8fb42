"""Looks at the files that were picked up: one of each partner at a time, each wholly or again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sojourn.base import errors, log
from sojourn.base.background import Background
from sojourn.care.exchange.filing import Arrived, Outcome, routed
from sojourn.gate import papers
from sojourn.gate.exchange import boxes, doing, pgp
from sojourn.gate.exchange.doing import Done, Taken
from sojourn.gate.exchange.keeping import FAILED, RECEIVED, Keeper
from sojourn.gate.exchange.sftp import every

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Envoys, Partner
    from sojourn.gate.gate import Gate

DOOR: Final = "sftp"
_log = log.logger(__name__)
_PAUSE: Final = 0.5  # seconds between looks
_AT_ONCE: Final = 4
"""Files that are looked at at a time, each of another partner."""
LEASE: Final = 120.0
"""Seconds for which nobody else looks at a file that one process looks at; doing it twice does nothing twice."""
_TRIES: Final = 12
_WAIT: Final = 15.0


class Working(Background):
    """The task that does it. More than one process may have one."""

    def __init__(self, gate: Gate, envoys: Envoys) -> None:
        self._gate, self._envoys = gate, envoys
        self._keeper = Keeper(gate.house)
        self._wanted = asyncio.Event()
        self._busy: dict[tuple[int, str], asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Something came."""
        self._wanted.set()

    async def stop(self) -> None:
        """End, wherever it is."""
        await super().stop()
        for task in list(self._busy.values()):
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._wanted.clear()
            begun = 0
            for tenant in list(self._gate.house.tenants.values()):
                try:
                    begun += await self.begin(tenant)
                except Exception as error:  # noqa: BLE001 - of any kind: those of others must be looked at
                    _log.warning("files wait", error=type(error).__name__)
            if not begun:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PAUSE):
                        await self._wanted.wait()

    async def round(self, tenant: Tenant) -> int:
        """Look at the next files and wait until that is done; how many there were."""
        begun = await self.begin(tenant)
        await asyncio.gather(*(t for (number, _), t in self._busy.items() if number == tenant.number))
        return begun

    async def begin(self, tenant: Tenant) -> int:
        """Begin to look at the next files, one of each partner. Raises Unavailable."""
        partners = {p.id: p for p in await self._envoys.partners(tenant) if (tenant.number, p.id) not in self._busy}
        begun = 0
        for partner in partners.values():
            if len(self._busy) >= _AT_ONCE:
                break
            if (taken := await self._claim(tenant, partner)) is not None:
                self._begin(tenant, partner, taken)
                begun += 1
        return begun

    def _begin(self, tenant: Tenant, partner: Partner, taken: Taken) -> None:
        place = (tenant.number, partner.id)
        task = self._busy[place] = asyncio.create_task(self._one(tenant, partner, taken))

        def over(_: asyncio.Task[None]) -> None:
            self._busy.pop(place, None)
            self.wake()

        task.add_done_callback(over)

    async def _claim(self, tenant: Tenant, partner: Partner) -> Taken | None:
        async with doing.begun(self._gate.house, tenant.number) as here:
            taken = await here.take(DOOR, [partner.id], 1, 1 << 20)
            if not taken:
                return None
            await here.settle(await self._envoys.access(tenant, partner), [Done(taken[0].id, RECEIVED, "It is being looked at.", again=LEASE)])
            return taken[0]

    async def _one(self, tenant: Tenant, partner: Partner, taken: Taken) -> None:
        try:
            await self._settled(tenant, partner, taken, await self._outcome(tenant, partner, taken))
        except errors.StaleCredential:
            self._envoys.forget(tenant)
        except Exception as error:  # noqa: BLE001 - of any kind: it is looked at again after the lease
            _log.error("a file waits", error)

    async def _outcome(self, tenant: Tenant, partner: Partner, taken: Taken) -> Outcome:
        try:
            account = (await every(self._gate.house, tenant)).get(partner.id)
            if account is None:
                return Outcome(FAILED, "This partner has no boxes any more.", "waits")
            access = await self._envoys.access(tenant, partner)
            house, head = self._gate.house, boxes.head_of(taken.content)
            came = Arrived(
                self._gate, tenant, partner, access, self._keeper, head, papers.SFTP, f"sftp:{taken.id}", lambda: boxes.pieces(house, tenant.number, taken.id, head.parts),
                brings=account.brings, unseal=lambda content: pgp.unsealed(house, account, content), signs=account.signs,
            )  # fmt: skip
            return await routed(came)
        except errors.StaleCredential:
            raise
        except Exception as error:  # noqa: BLE001 - of any kind: it is tried again for a while
            _log.warning("a file could not be done", error=type(error).__name__, attempt=taken.tries + 1)
            if taken.tries < _TRIES:
                return Outcome(RECEIVED, "It is tried again.", "")
            return Outcome(FAILED, f"An error of ours stopped it ({type(error).__name__}). Tell whoever runs the server; it can be done again.", "waits")

    async def _settled(self, tenant: Tenant, partner: Partner, taken: Taken, outcome: Outcome) -> None:
        house = self._gate.house
        if outcome.verdict:
            await boxes.say(house, tenant.number, taken.id, outcome.verdict, outcome.said)
        async with doing.begun(house, tenant.number) as here:
            await here.settle(await self._envoys.access(tenant, partner), [Done(taken.id, outcome.state, outcome.reason, outcome.result(), again=_WAIT * (taken.tries + 1))])
