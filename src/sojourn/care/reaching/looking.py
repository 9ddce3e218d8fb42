"""What is there for documents at a partner: asked by whoever looks after partners, kept with its day."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sojourn.base import log
from sojourn.care.reaching.sender import Sender, Senders, Unreachable
from sojourn.gate.exchange import posting, ways

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.ways import Way

_log = log.logger(__name__)
_LONGEST: Final = 20.0


async def look(access: Access, partner: Partner, senders: Senders) -> None:
    """Ask each way of a partner what is there. Raises Forbidden."""
    await access.check("administer", "Exchange")
    found = [w for w in ways.of(partner.reached) if w.door in senders]
    for way, (kind, said) in zip(found, await asyncio.gather(*(_one(access, partner, w, senders[w.door]) for w in found)), strict=True):
        if said:
            await posting.find(access, partner, way.door, kind, said)


async def _one(access: Access, partner: Partner, way: Way, sender: Sender) -> tuple[str, str]:
    try:
        async with asyncio.timeout(_LONGEST):
            return "found", await sender.discover(access.tenant, partner, way)
    except Unreachable as error:
        return "failed", error.why
    except TimeoutError:
        return "failed", "There was no answer."
    except Exception as error:  # noqa: BLE001 - the others are asked all the same
        _log.warning("a way could not be looked at", error=type(error).__name__)
        return "failed", "It could not be looked at. Whoever runs the server finds more in its log."
