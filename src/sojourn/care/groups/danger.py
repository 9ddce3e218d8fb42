"""What is heard in a group that points to danger goes at once to whoever treats the client."""

from __future__ import annotations

from sojourn.care.risk import opening
from sojourn.care.risk.triage import UNTRIAGED
from sojourn.gate.access import Access


async def pass_on(access: Access, patient: str, why: str) -> None:
    """Open the risk path for a client, or join the open one, before any note is signed.

    How great it is, is not said here: whoever is called rates it with the client.
    """
    await opening.by_hand(access, patient, UNTRIAGED, why)
