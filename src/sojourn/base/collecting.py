"""Looks for garbage when nobody waits for an answer, so that no answer has to wait for that."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Final

from sojourn.base.background import Background

THRESHOLDS: Final = (100_000, 20, 1_000_000)
"""For gc.set_threshold in a process that has this task: a page makes some ten thousand objects, which go when it is sent, without any help.

The collector of its own accord looked through all that pages under way had made, and every few hundred pages through all that had been made since the
start: 0.1 to 0.25 s in which nobody was answered. Now it does so only when the task could not for very long, and never through everything.
"""
_PAUSE = 0.5  # seconds between looks
_MANY = 20_000  # objects, more made than gone, from which on it is worth a look
_PATIENT = 120  # looks in a row at which somebody waited: then it is done all the same, as an answer may be a stream that never ends
_WHOLE = 500  # every so manieth time everything is looked through, and not only what is new


class Collecting(Background):
    """One task a process. busy: whether somebody waits for an answer now."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        self._busy = busy
        self._waited = self._done = 0

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_PAUSE)
            self.look()

    def look(self) -> int | None:
        """Collect if there is much and it is a good moment. The generation that was looked through, or None."""
        if gc.get_count()[0] < _MANY:
            return None
        if self._busy() and self._waited < _PATIENT:
            self._waited += 1
            return None
        self._waited = 0
        self._done += 1
        generation = 2 if self._done % _WHOLE == 0 else 1
        gc.collect(generation)
        return generation
