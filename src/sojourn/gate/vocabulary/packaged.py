"""ICD-10-CM from its package: in force a little after the start, where none or an older one is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sojourn.base import log
from sojourn.base.background import Background
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.vocabulary import asking, loading
from sojourn.wire.vocabulary import icd10cm
from sojourn.wire.vocabulary.model import ICD10CM

if TYPE_CHECKING:
    from sojourn.gate.gate import Gate

_log = log.logger(__name__)
_AFTER = 30.0
"""Seconds after the start: first the server answers people."""


class Packaged(Background):
    """One task a process, which ends by itself. Of several processes one loads; the others find it there."""

    def __init__(self, gate: Gate) -> None:
        self._gate, self._clockwork = gate, Clockwork(gate)

    async def round(self) -> int:
        """Load it where it is missing or older than the package. Returns for how many organizations."""
        loaded, offered = 0, await asyncio.to_thread(icd10cm.packaged_version)
        for tenant in list(self._gate.house.tenants):
            access = await self._clockwork.access(tenant)
            here = await asking.release_of(access, ICD10CM)
            if here is None or (here.source.startswith(icd10cm.PACKAGE) and here.source != offered):
                loaded += await loading.load(access, await asyncio.to_thread(icd10cm.packaged)) is not None
        return loaded

    async def _run(self) -> None:
        await asyncio.sleep(_AFTER)
        try:
            await self.round()
        except Exception as error:  # noqa: BLE001 - the server serves without it, and says "not installed"
            _log.error("ICD-10-CM was not loaded", error)
