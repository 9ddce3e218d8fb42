"""Whether documents go to a partner, and whether one is asked: an agreement in force and a basis.

Asked of the register when somebody sends or asks, when it leaves, and when a partner takes it. A test is not asked for (docs/decisions/0077, 0103). Nothing in a record has a part in
it: the answer is the same for every client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sojourn.base import clock, errors
from sojourn.record import exchange

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.gate import House

OUT, ASK = "out", "ask"
WHY: Final = {
    "agreement": "No agreement with them is in force.", "basis": "It is not written down on what basis they get what goes to them, or we receive.", "no": "Somebody decided that nothing is exchanged with them now.",
}  # fmt: skip
"""What is missing, in words."""
SENDING: Final = "Nothing goes to them by any of their ways. Whoever looks after partners enters it on their page, or lets them go on; until then release it, and hand it over yourself."
WAITING: Final = "It waits, by whatever way it would go, and goes by itself once whoever looks after partners entered it on their page, or let them go on."
ASKING: Final = "They are not asked. Whoever looks after partners enters it on their page, or lets them go on; then ask again."


async def lacks(house: House, tenant: int, partner: str, what: str = OUT) -> str:
    """What is missing, a key of WHY; '' where nothing is. what: OUT or ASK."""
    return await exchange.documents(house.db, tenant, partner, clock.now(), what)


async def check(access: Access, partner: Partner, action: str, what: str = OUT) -> None:
    """Raise Malformed, recorded, where documents do not go to them or they are not asked."""
    if why := await lacks(access.house, access.tenant.number, partner.id, what):
        await access.refuse(action, "Exchange", partner.id)
        raise errors.Malformed(f"{WHY[why]} {SENDING if what == OUT else ASKING}")
