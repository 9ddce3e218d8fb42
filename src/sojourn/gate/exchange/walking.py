"""What goes on with runs of the test bench: from organization to organization, again and again."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from typing import TYPE_CHECKING, Final

from sojourn.base import errors, log
from sojourn.base.background import Background

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House

_log = log.logger(__name__)
PAUSE: Final = 2.0  # seconds between looks


class Walking(Background):
    """A task that looks at each organization again and again. More than one process may have one: what one wrote first holds."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def _run(self) -> None:
        while True:
            for tenant in list(self._house.tenants.values()):
                try:
                    await self.round(tenant)
                except errors.StaleCredential:
                    self.renewed()
                except errors.SojournError as error:
                    _log.warning("a test waits", error=type(error).__name__)
                except Exception as error:  # noqa: BLE001 - it is looked again
                    _log.error("a test waits", error)
            await asyncio.sleep(PAUSE)

    @abstractmethod
    async def round(self, tenant: Tenant) -> None:
        """Go on with every run, as far as that goes now."""

    def renewed(self) -> None:
        """Whom it works as has to be looked up anew, where it works as somebody."""
