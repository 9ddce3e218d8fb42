"""Follows the feed for labels: what a change of one resource's label means for others.

Most of it is done in the transaction of the change itself (gate.reach); here the bytes and search keys follow, labels fall where
their cause is gone, and whatever was missed is put right.
"""

from __future__ import annotations

from collections.abc import Sequence

from sojourn.base import clock
from sojourn.base.db import Changed
from sojourn.gate import relabelling
from sojourn.gate.feed import Change, Handler, Turn
from sojourn.gate.labeljob import Labeller
from sojourn.record import labelling

REASON = "follows from another label"
_TRIES = 4
_TOGETHER = 100


def follower(labeller: Labeller) -> Handler:
    """For listeners.py."""

    async def handle(turn: Turn, changes: list[Change]) -> None:
        # What is created under an id that nobody knew has nothing hanging on it, and was labelled with what it hangs on.
        named = [(c.type, c.id, c.version, c.kind) for c in changes if c.kind in ("label", "update") or c.type == "Medication"]
        due = await labelling.due(turn.db, turn.tenant, named, clock.now()) if named else []
        for first in range(0, len(due), _TOGETHER):
            await _label(turn, labeller, due[first : first + _TOGETHER])

    return handle


async def _label(turn: Turn, labeller: Labeller, seqs: Sequence[int]) -> None:
    for attempt in range(_TRIES):
        access = turn.inside(await labeller.access(turn.tenant))
        try:
            await relabelling.current(access, seqs, REASON)
            return
        except Changed:
            if attempt == _TRIES - 1:
                raise
