"""Sends what waits: a task for each partner, by their receiver or in files of their rhythm."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sojourn.base import errors, log
from sojourn.base.background import Background
from sojourn.doors.hl7v2.out.batching import Folder
from sojourn.doors.hl7v2.out.post import NOT_NEEDED, Post, backoff
from sojourn.gate.exchange import profile
from sojourn.gate.exchange.telling import DOOR

if TYPE_CHECKING:
    from sojourn.doors.hl7v2.out.client import Identity
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Envoys, Partner

_log = log.logger(__name__)
_PAUSE: Final = 0.5  # seconds between looks

__all__ = ["NOT_NEEDED", "Post", "Sending", "backoff"]


class Sending(Background):
    """The task that does it, with one of its own for each partner. More than one process may have one: a message is sent by one of them."""

    def __init__(self, envoys: Envoys, identity: Identity) -> None:
        self._envoys, self._identity = envoys, identity
        self._tasks: dict[tuple[int, str], tuple[Partner, asyncio.Task[None]]] = {}

    async def stop(self) -> None:
        """End, wherever it is."""
        await super().stop()
        for _, task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*(t for _, t in self._tasks.values()), return_exceptions=True)
        self._tasks.clear()

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except errors.SojournError as error:
                _log.warning("messages wait", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - it is looked again
                _log.error("messages wait", error)
            await asyncio.sleep(_PAUSE)

    async def _look(self) -> None:
        """A task for each partner that gets something, with their profile as it is now."""
        wanted = {(t.number, p.id): (t, p) for t in list(self._envoys.house.tenants.values()) for p in await self._envoys.partners(t) if (out := profile.of(p.sending)).on and (p.door == DOOR or out.batch)}
        for key, (partner, task) in list(self._tasks.items()):
            if key not in wanted or wanted[key][1] != partner or task.done():
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task
                del self._tasks[key]
        for key, (tenant, partner) in wanted.items():
            if key not in self._tasks:
                self._tasks[key] = (partner, asyncio.create_task(self._serve(tenant, partner)))

    async def _serve(self, tenant: Tenant, partner: Partner) -> None:
        post = Post(self._envoys, tenant, partner, self._identity)
        folder = Folder(self._envoys, tenant, post) if post.profile.batch else None
        try:
            while True:
                try:
                    done = await post.round()
                    if folder is not None and not done:  # when all that waited is decided
                        done = await folder.round()
                    if done:
                        continue
                except errors.StaleCredential:
                    self._envoys.forget(tenant)
                except errors.SojournError as error:
                    _log.warning("messages wait", error=type(error).__name__)
                except Exception as error:  # noqa: BLE001 - those of this partner are tried again
                    _log.error("messages wait", error)
                await asyncio.sleep(_PAUSE)
        finally:
            await post.close()
