"""Documents to partners by Direct: encrypted for the address that is entered, followed by notices.

A letter keeps its number at every attempt, so that one that comes twice is known at the other end. What closes it are the notices of their system (Applicability Statement 1.2,
3.0; Delivery Notification 1.0): `processed` says that it can be read there, `dispatched` with the field of that guide that it was delivered. Without one in time
it counts as failed, and whoever sent it learns that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sojourn.base import clock, ids
from sojourn.care.reaching.sender import CCDA, PDF, Arrived, Failed, Outcome, Parcel, Taken, Unreachable
from sojourn.doors.direct.believing import Believing
from sojourn.doors.direct.post import NotPosted, Post
from sojourn.gate.exchange import direct
from sojourn.wire import direct as wire
from sojourn.wire import trust
from sojourn.wire.direct import File, Letter
from sojourn.wire.trust import Untrusted

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.ways import Way
    from sojourn.gate.gate import Gate

PROCESSED_WITHIN: Final = timedelta(hours=1)
"""For a `processed` notice (Applicability Statement 1.2, 3.0: a sender that heard nothing within an hour takes it for failed)."""
DELIVERED_WITHIN: Final = timedelta(hours=24)
"""For the notice of delivery, where it was asked for."""
_ASKED: Final = 60.0  # seconds between looks at what notices said
_NAMES: Final = {CCDA: "document.xml", PDF: "document.pdf"}
_TEXT: Final = "A document comes with this message. It says itself to whom it may be passed on.\r\n"
_NO_MAILBOX: Final = "This organization has no Direct mailbox, or it is stopped. Enter it under Exchange, Direct mailbox."
_NOT_KNOWN: Final = "It is not entered from which addresses this partner writes, so their notices would not be believed. Enter that on their page."


class Direct:
    """The door for what leaves."""

    takes: tuple[str, ...] = (CCDA, PDF)

    def __init__(self, gate: Gate, hosts: Iterable[str] = ()) -> None:
        """hosts: of our own network, where a HISP may be."""
        named = tuple(hosts)
        self._house, self._post, self._believing = gate.house, Post(named), Believing(gate, named)

    async def send(self, tenant: Tenant, parcel: Parcel) -> Outcome:
        """Seal it and give it to our HISP."""
        found = await direct.opened(self._house, tenant)
        if found is None or not found[0].active:
            return Failed(_NO_MAILBOX, again=False)
        box, secret, _ = found
        them = (await direct.every(self._house, tenant)).get(parcel.partner.id)
        if them is None or not them.active:
            return Failed(_NOT_KNOWN, again=False)
        address = parcel.way.address.lower()
        try:
            recipient = await self._believing.recipient(tenant, parcel.partner.id, address)
        except Untrusted as error:
            return Failed(str(error), again=False)
        number = wire.new_id(parcel.id, box.address)
        if await direct.leave(self._house, tenant, number, parcel.partner.id) != direct.LEAVING:
            return await self.ask(tenant, parcel, number)  # it left before, and that was not said any more
        letter = Letter(number, box.address, address, parcel.kind, _TEXT, (File(_NAMES[parcel.content.media], parcel.content.media, parcel.content.body),), asks=them.final)
        raw = await asyncio.to_thread(wire.sealed, letter, clock.now(), direct.holders(secret)[0], [recipient], ids.new_token()[:24], direct.chain(box))
        try:
            await self._post.send(box, secret.password, address, raw)
        except NotPosted as error:
            return Failed(error.why, again=error.again)
        await direct.became(self._house, tenant, number, parcel.partner.id, direct.SENT)
        return Taken(number, "Our HISP has it; notices of theirs are to follow.", _ASKED)

    async def ask(self, tenant: Tenant, parcel: Parcel, reference: str) -> Outcome:
        """What their notices said of it."""
        there = await direct.letters(self._house, tenant, parcel.partner.id, reference, 1)
        if not there:
            return Failed("Nothing is known of this letter any more.", again=False)
        letter, now = there[0], clock.now()
        them = (await direct.every(self._house, tenant)).get(parcel.partner.id)
        since = now - (letter.sent or letter.begun)
        if letter.state == direct.DELIVERED:
            return Arrived("Their system says that it was delivered.")
        if letter.state == direct.PROCESSED and (them is None or not them.final):
            return Arrived("Their system says that it has it and can read it.")
        if letter.state == direct.FAILED:
            return Failed(letter.why, again=False)
        late = PROCESSED_WITHIN if letter.state in (direct.LEAVING, direct.SENT) else DELIVERED_WITHIN
        if since > late:
            why = "Their system did not say within an hour that it has it. Ask the partner whether their HISP works." if late == PROCESSED_WITHIN else "Their system has it, and did not say within a day that it was delivered. Ask the partner."
            await direct.became(self._house, tenant, reference, parcel.partner.id, direct.FAILED, why)
            return Failed(why, again=False)
        said = "Their system has it; it is still to say that it was delivered." if letter.state == direct.PROCESSED else "Our HISP has it; notices of theirs are to follow."
        return Taken(reference, said, _ASKED)

    async def cancel(self, tenant: Tenant, parcel: Parcel, reference: str) -> bool:
        """Mail that left is not called back."""
        return False

    async def discover(self, tenant: Tenant, partner: Partner, way: Way) -> str:
        """Whether something could be encrypted to their address now. Raises Unreachable."""
        try:
            found = await self._believing.recipient(tenant, partner.id, way.address.lower())
        except Untrusted as error:
            raise Unreachable(str(error)) from None
        what = "their address" if way.address.lower() in trust.mails(found) else "their domain"
        return f"A certificate of {what}, trusted, good until {found.not_valid_after_utc:%Y-%m-%d}."
