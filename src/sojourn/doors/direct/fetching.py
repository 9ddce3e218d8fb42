"""Looks into the mailboxes: every mail is taken once, or put aside with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sojourn.base import clock, errors, log
from sojourn.base.background import Background
from sojourn.doors.direct import taking
from sojourn.doors.direct.post import NotPosted, Post
from sojourn.doors.direct.taking import Refused
from sojourn.gate.exchange import direct
from sojourn.gate.exchange.keeping import Keeper

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import Gate

_log = log.logger(__name__)
_PAUSE: Final = 1.0  # seconds between looks at whether it is time
_TOO_LARGE: Final = "It is larger than a message may be."


class Fetching(Background):
    """The task that does it. More than one process may have one: a mailbox is looked into by one of them at a time."""

    def __init__(self, gate: Gate, arrived: Callable[[], None], hosts: Iterable[str] = ()) -> None:
        """arrived: called when something was kept."""
        self._gate, self._arrived = gate, arrived
        self._post, self._keeper = Post(hosts), Keeper(gate.house)

    async def _run(self) -> None:
        while True:
            for tenant in list(self._gate.house.tenants.values()):
                try:
                    await self.round(tenant)
                except Exception as error:  # noqa: BLE001 - of any kind: those of others must be looked into
                    _log.warning("a mailbox waits", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)

    async def round(self, tenant: Tenant) -> int:
        """Look into the mailbox of an organization if it is time; how many mails lay in it."""
        house, now = self._gate.house, clock.now()
        found = await direct.opened(house, tenant)
        if found is None or not found[0].active or found[2].due > now:
            return 0
        box, secret, _ = found
        # Looking takes minutes at most: within them nobody else looks.
        if not await direct.claim(house, tenant, now + timedelta(minutes=5)):
            return 0
        later = timedelta(seconds=box.every)
        try:
            mails, more = await self._post.fetched(box, secret.password)
            taken: list[str] = []
            refused: list[str] = []
            for mail in mails:
                try:
                    if mail.raw is None:
                        await direct.refuse(house, tenant, f"{mail.uid}\0{box.address}".encode(), "", _TOO_LARGE)
                        refused.append(mail.uid)
                        continue
                    kept = await taking.take(house, tenant, self._keeper, box, secret, mail.raw)
                    taken.append(mail.uid)
                    if kept.fresh:
                        self._arrived()
                except Refused as error:
                    await direct.refuse(house, tenant, mail.raw or b"", error.sender, error.why)
                    refused.append(mail.uid)
                except errors.Unavailable:
                    continue  # it lies there until we can keep it
                except Exception as error:  # noqa: BLE001 - of any kind: the others must be taken
                    _log.error("a mail could not be taken", error)
                    await direct.refuse(house, tenant, mail.raw or b"", "", f"An error of ours stopped it ({type(error).__name__}). Tell whoever runs the server.")
                    refused.append(mail.uid)
            await self._post.clear(box, secret.password, taken, refused)
        except NotPosted as error:
            await direct.looked(house, tenant, clock.now() + later, None, error.why)
            return 0
        at = clock.now()
        await direct.looked(house, tenant, at if more else at + later, at, "")
        return len(mails)
