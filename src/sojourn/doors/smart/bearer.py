"""Whoever an access token stands for, as the database knows them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base.errors import StaleCredential
from sojourn.gate.security import alive

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.gate import Gate


async def bearer(gate: Gate, secret: str) -> Access | None:
    """Looked up again once if something about them changed; None for nobody."""
    for _ in range(2):
        access = await gate.access(secret)
        if access is None:
            return None
        try:
            await alive(access)
        except StaleCredential:
            gate.identity.forget(access.caller)
        else:
            return access
    return None
