"""Does what partners brought by IHE MHD ITI-65: into a chart, or the tray until it is known whose."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sojourn.base import errors, log
from sojourn.base.background import Background
from sojourn.base.db import Changed
from sojourn.care.summaries import bringing
from sojourn.care.summaries.bringing import Outcome
from sojourn.gate import papers
from sojourn.gate.exchange import doing
from sojourn.gate.exchange.doing import Done
from sojourn.gate.exchange.keeping import FAILED, RECEIVED

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.doing import Taken
    from sojourn.gate.exchange.partners import Envoys, Partner

_log = log.logger(__name__)
_PAUSE: Final = 1.0  # seconds between looks
_LEASE: Final = 60.0
"""Seconds for which nobody else does a document that one process does; doing it twice does nothing twice."""
_TRIES: Final = 8
_WAIT: Final = 15.0  # seconds until what did not work is tried again, times how often it was tried
_MOST_BYTES: Final = 1 << 20


class Taking(Background):
    """The task that does it, one document of each partner after the other. More than one process may have one."""

    def __init__(self, envoys: Envoys) -> None:
        self._envoys = envoys

    async def _run(self) -> None:
        while True:
            done = 0
            for tenant in list(self._envoys.house.tenants.values()):
                try:
                    done += await self.round(tenant)
                except Exception as error:  # noqa: BLE001 - of any kind: those of others must be done, and these are tried again
                    _log.warning("documents wait", error=type(error).__name__)
            if not done:
                await asyncio.sleep(_PAUSE)

    async def round(self, tenant: Tenant) -> int:
        """Do the next document of each partner; how many there were. Raises Unavailable."""
        begun = await self._claimed(tenant, {p.id: p for p in await self._envoys.partners(tenant) if p.organization})
        await asyncio.gather(*(self._one(tenant, *one) for one in begun))
        return len(begun)

    async def _claimed(self, tenant: Tenant, partners: dict[str, Partner]) -> list[tuple[Partner, Taken, Access]]:
        """The next of each partner, which nobody else does for a while: one question where none waits. Nothing where they were stopped."""
        found: list[tuple[Partner, Taken, Access]] = []
        try:
            async with doing.begun(self._envoys.house, tenant.number) as here:
                while partners and (taken := await here.take(papers.MHD, list(partners), 1, _MOST_BYTES)):
                    (one,) = taken
                    partner = partners.pop(one.partner)
                    access = await self._envoys.access(tenant, partner)
                    await here.settle(access, [Done(one.id, RECEIVED, "It is being looked at.", again=_LEASE)])
                    found.append((partner, one, access))
        except errors.StaleCredential:
            self._envoys.forget(tenant)
            return []
        return found

    async def _one(self, tenant: Tenant, partner: Partner, taken: Taken, access: Access) -> None:
        try:
            outcome = await bringing.outcome(access, partner, taken)
            async with doing.begun(self._envoys.house, tenant.number) as here:
                if outcome.changes:
                    await here.inside(access).write(list(outcome.changes), action="exchange")
                await here.settle(access, [outcome.done])
        except errors.StaleCredential:
            self._envoys.forget(tenant)
        except Exception as error:  # noqa: BLE001 - of any kind: it must not stop the others
            _log.warning("a document could not be done", error=type(error).__name__, attempt=taken.tries + 1)
            async with doing.begun(self._envoys.house, tenant.number) as here:
                await here.settle(access, [_failed(taken, error).done])


def _failed(taken: Taken, error: Exception) -> Outcome:
    """What is said of one that could not be done; nothing of what stands in it."""
    if isinstance(error, errors.Conflict | Changed | errors.VersionConflict | errors.Unavailable) and taken.tries < _TRIES:
        return Outcome(Done(taken.id, RECEIVED, "It is tried again.", again=_WAIT * (taken.tries + 1)))
    return Outcome(Done(taken.id, FAILED, f"An error of ours stopped it ({type(error).__name__}). Tell whoever runs the server; it can be done again."))
