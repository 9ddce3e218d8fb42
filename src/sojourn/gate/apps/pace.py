"""How many requests an app may make in a minute, in each process of the server."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sojourn.base import clock, errors

if TYPE_CHECKING:
    from sojourn.gate.apps.registry import Registry
    from sojourn.gate.caller import Caller


class Pace:
    """A bucket for each app that fills evenly and holds a sixth of a minute's requests, so that a short burst passes and a flood does not."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._left: dict[tuple[int, str], tuple[float, float]] = {}

    async def keep(self, caller: Caller) -> None:
        """Count one request of an app; nothing for callers who are none. Raises TooManyRequests with the seconds to wait."""
        app = caller.app
        if app is None:
            return
        known = (await self._registry.apps(caller.tenant)).get(app)
        if known is None or known.pace <= 0:
            return
        now, most, key = clock.monotonic(), max(10.0, known.pace / 6), (caller.tenant.number, app)
        left, when = self._left.get(key, (most, now))
        left = min(most, left + (now - when) * known.pace / 60)
        if left < 1:
            self._left[key] = (left, now)
            raise errors.TooManyRequests("This app asks too often. Wait as long as Retry-After says.", after=math.ceil((1 - left) * 60 / known.pace))
        self._left[key] = (left - 1, now)
