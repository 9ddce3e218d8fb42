"""For listeners.py: what changed waits for each subscription that may mean it; nothing is decided."""

from __future__ import annotations

from sojourn.gate.feed import Change, Turn
from sojourn.record import subscriptions


async def follow(turn: Turn, changes: list[Change]) -> None:
    """Labels alone are no event: what they open was there before, and what they close is not spoken of."""
    meant = [(c.n, c.kind, c.type, c.id) for c in changes if c.kind != "label"]
    if meant:
        await subscriptions.offer(turn.db, turn.tenant, meant)
