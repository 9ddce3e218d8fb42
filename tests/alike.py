"""Two answers that differ by nothing but what they say: what a page draws for itself alone is the same each time."""

from __future__ import annotations

from hashlib import shake_256

from sojourn.base.ids import SystemSource

ON_PAGES = frozenset({"nonce", "csrf", "window"})
"""Purposes whose draws stand on the page for which they are drawn, and nowhere else."""


class Alike(SystemSource):
    """Everything that is kept is drawn anew, as ever."""

    def draw(self, purpose: str, size: int) -> bytes:
        """Fresh bytes, or of what only pages draw the same."""
        return shake_256(purpose.encode()).digest(size) if purpose in ON_PAGES else super().draw(purpose, size)
