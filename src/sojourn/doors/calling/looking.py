"""Looks each minute whether the channels work, whoever is called meanwhile: it tells of nobody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sojourn.base.background import Background

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sojourn.gate.channels import Channel

_PAUSE: Final = 60.0


class Looking(Background):
    """One task a process."""

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels

    async def _run(self) -> None:
        while self._channels:
            await asyncio.gather(*(channel.look() for channel in self._channels.values()))
            await asyncio.sleep(_PAUSE)
