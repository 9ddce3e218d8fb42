"""By the clock: what messages said, and what asking brought, is destroyed when its rule says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sojourn.care import policies
from sojourn.gate.exchange import asking, forgetting

if TYPE_CHECKING:
    from sojourn.gate.access import Access

EVERY: Final = 3600.0
LEAST: Final = 31.0
"""Days for which everything is kept, whatever a rule says: receipts are shown as long."""
_ROUNDS: Final = 50


async def run(access: Access) -> None:
    """Some at a time, each time in one transaction with its line of the trail, so that a kill loses and repeats nothing."""
    rules = await policies.of(access)
    before = {name: access.now - timedelta(days=max(LEAST, rules.number(f"exchange.keep-{name}"))) for name in forgetting.KEPT_AS}
    for _ in range(_ROUNDS):
        if not await forgetting.destroy(access, before):
            break
    over = access.now - timedelta(days=max(LEAST, rules.number("exchange.keep-asked")))
    for _ in range(_ROUNDS):
        if not await asking.destroy(access, over):
            return
