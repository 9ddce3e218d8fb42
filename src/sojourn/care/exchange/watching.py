"""By the clock: partners from whom nothing comes, and agreements that end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sojourn.gate.exchange import watching

if TYPE_CHECKING:
    from sojourn.gate.access import Access

EVERY: Final = 60.0


async def run(access: Access) -> int:
    """Once a minute; what is to be known follows from what is kept, so that a restart loses nothing and repeats nothing."""
    return await watching.hold(access)
