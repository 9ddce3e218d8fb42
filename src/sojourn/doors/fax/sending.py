"""A fax to a partner: given to the gateway, and asked for until it is known what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sojourn.care.papers import sandbox
from sojourn.care.reaching.sender import PDF, Arrived, Failed, Outcome, Parcel, Taken, Unreachable
from sojourn.doors.fax import cover
from sojourn.doors.fax.gateways import BUSY, DELIVERED, NO_ANSWER, NOT_A_FAX, NUMBER, UNDER_WAY, Gateway, NotThere
from sojourn.gate.exchange.posting import Content

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.ways import Way

_ASKED: Final = 30.0
"""Seconds until a gateway is asked again."""
_GONE: Final = "The fax gateway could not be asked. Whoever runs the server looks whether it is there."
_WHY: Final = {
    BUSY: Failed("The line was busy."), NO_ANSWER: Failed("Nobody answered."),
    NOT_A_FAX: Failed("No fax machine answered. Ask them for their fax number, and have it confirmed again.", again=False),
    NUMBER: Failed("The number is none that can be dialled. Ask them for their fax number, and have it confirmed again.", again=False),
}  # fmt: skip
_OTHER: Final = Failed("The fax was not taken to its end.")


class Faxing:
    """The door (care/reaching/sender.py). ours: the number that we fax from."""

    takes: tuple[str, ...] = (PDF,)

    def __init__(self, gateway: Gateway, ours: str = "") -> None:
        self._gateway, self._ours = gateway, ours

    async def dress(self, tenant: Tenant, parcel: Parcel) -> Content:
        """With its cover. Raises Unreachable."""
        try:
            return Content(PDF, await cover.faxed(tenant, parcel, self._ours))
        except sandbox.Unreadable:
            raise Unreachable("Its pages could not be put together for a fax.") from None

    async def send(self, tenant: Tenant, parcel: Parcel) -> Outcome:
        """Give it to the gateway; under its key it is one fax however often it is given."""
        try:
            return Taken(await self._gateway.send(parcel.key, parcel.way.address, parcel.content.body), "The gateway has it.", _ASKED)
        except NotThere:
            return Failed(_GONE, sure=False)

    async def ask(self, tenant: Tenant, parcel: Parcel, reference: str) -> Outcome:
        """What became of it."""
        try:
            found = await self._gateway.status(reference)
        except NotThere:
            return Taken(reference, _GONE, _ASKED * 4)  # it may have been dialled: it is not sent again before that is known
        if found.state == DELIVERED:
            return Arrived(f"{found.pages} pages went through." if found.pages else "It went through.")
        if found.state == UNDER_WAY:
            return Taken(reference, "The gateway has it.", _ASKED)
        return _WHY.get(found.state, _OTHER)

    async def cancel(self, tenant: Tenant, parcel: Parcel, reference: str) -> bool:
        """Stop it at the gateway; one that failed before went to nobody."""
        try:
            return await self._gateway.cancel(reference) or (await self._gateway.status(reference)).state not in (DELIVERED, UNDER_WAY)
        except NotThere:
            return False

    async def discover(self, tenant: Tenant, partner: Partner, way: Way) -> str:
        """Whether the gateway is there: what is at the other end of a number nobody knows before it is dialled."""
        try:
            return await self._gateway.ready()
        except NotThere:
            raise Unreachable(_GONE) from None
