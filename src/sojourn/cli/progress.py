"""How far a long command is: one line that is redrawn on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Self

_WIDTH = 28


class Progress:
    """Call it with how much is done. `total` gives a bar; without it a count. Draws at most five times a second."""

    def __init__(self, what: str, total: int | None = None) -> None:
        self._what, self._total = what, total
        self._terminal = sys.stderr.isatty()
        self._began = self._drawn = time.monotonic()
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._draw()
        if self._terminal:
            print(file=sys.stderr, flush=True)

    def __call__(self, done: int) -> None:
        """This much is done."""
        self._done = done
        if time.monotonic() - self._drawn >= (0.2 if self._terminal else 5):
            self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        rate = self._done / max(self._drawn - self._began, 0.001)
        bar = ""
        if self._total:
            full = min(_WIDTH, _WIDTH * self._done // self._total)
            bar = f" [{'#' * full}{'.' * (_WIDTH - full)}] of {self._total:,}"
        start, end = ("\r", "") if self._terminal else ("", "\n")
        print(f"{start}{self._what}: {self._done:,}{bar}, {rate:,.0f}/s", end=end, file=sys.stderr, flush=True)
