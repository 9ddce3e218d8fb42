"""Slow down guessing: so many attempts in so long, then wait."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from sojourn.base import clock, errors


class Throttle:
    """Counts attempts by key in this process. Keys that do not exist count like those that do."""

    def __init__(self, limit: int, window: timedelta, remembered: int = 50_000) -> None:
        self._limit, self._window, self._remembered = limit, window, remembered
        self._attempts: OrderedDict[str, list[datetime]] = OrderedDict()

    def attempt(self, key: str) -> None:
        """Count one. Raises TooManyRequests when there were too many lately."""
        now = clock.now()
        recent = [t for t in self._attempts.pop(key, []) if now - t < self._window]
        if len(recent) >= self._limit:
            self._attempts[key] = recent
            raise errors.TooManyRequests()
        recent.append(now)
        self._attempts[key] = recent
        if len(self._attempts) > self._remembered:
            self._attempts.popitem(last=False)

    def forgive(self, key: str) -> None:
        """It was the right person after all."""
        self._attempts.pop(key, None)
