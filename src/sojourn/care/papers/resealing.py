"""By the clock: papers from before sources were keyed are sealed anew, until none is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sojourn.gate import papers

if TYPE_CHECKING:
    from sojourn.gate.access import Access

EVERY: Final = 30.0
"""Seconds between looks; where none is left, one question of an empty index."""


async def run(access: Access) -> None:
    """Seal some anew."""
    await papers.reseal(access)
