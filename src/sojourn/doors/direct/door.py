"""The door's two tasks: look into the mailboxes, and do what came."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sojourn.doors.direct.fetching import Fetching
from sojourn.doors.direct.working import Working
from sojourn.gate.exchange.partners import Envoys

if TYPE_CHECKING:
    from sojourn.gate.gate import Gate


class Mailboxes:
    """Both, begun and ended together."""

    def __init__(self, gate: Gate, hosts: Iterable[str] = ()) -> None:
        """hosts: of our own network, where a HISP may be."""
        named = tuple(hosts)
        self.working = Working(gate, Envoys(gate), named)
        self.fetching = Fetching(gate, self.working.wake, named)

    async def start(self) -> None:
        """Begin."""
        await self.working.start()
        await self.fetching.start()

    async def stop(self) -> None:
        """End, wherever they are."""
        await self.fetching.stop()
        await self.working.stop()
