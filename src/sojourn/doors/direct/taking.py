"""One mail, from what came to what is kept: opened, believed or refused, and kept once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography import x509

from sojourn.base import clock, errors
from sojourn.gate.exchange import direct, directtrust
from sojourn.gate.exchange.keeping import Came
from sojourn.wire import cms
from sojourn.wire import direct as wire
from sojourn.wire.cms import NotGood
from sojourn.wire.direct import Letter, Outside
from sojourn.wire.mime import Bytes, NotMail
from sojourn.wire.trust import Untrusted

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.direct import Mailbox, Secret
    from sojourn.gate.exchange.keeping import Keeper
    from sojourn.gate.gate import House

KIND: Final = "Direct message"
_STATES: Final = {wire.PROCESSED: direct.PROCESSED, wire.DISPATCHED: direct.DELIVERED, wire.DISPLAYED: direct.DELIVERED, wire.FAILED: direct.FAILED}
_OURS_FAILED: Final = "Their system says that it could not be delivered. Ask the partner, or go by another way."


class Refused(Exception):
    """A mail is not taken. why: what somebody here can do, in words that name nobody. sender: who says to have sent it, where that is an address."""

    def __init__(self, why: str, sender: str = "") -> None:
        super().__init__(why)
        self.why, self.sender = why, sender


class Kept(NamedTuple):
    """How a mail was taken. message: what it is kept as, '' for a notice about one of ours."""

    message: str
    fresh: bool


async def take(house: House, tenant: Tenant, keeper: Keeper, box: Mailbox, secret: Secret, raw: bytes) -> Kept:
    """Take one. When this returns it is on the disk. Raises Refused, Unavailable, StaleCredential."""
    sender = ""
    try:
        out = await asyncio.to_thread(wire.outside, raw)
        sender, sealed = out.sender, out.sealed
        out = out._replace(sealed=b"")
        partner = await _writer(house, tenant, box, out)
        entity = await asyncio.to_thread(cms.decrypted, sealed, direct.holders(secret))
        del sealed  # of what is large nothing stays that is not needed any more
        return await _taken(house, tenant, keeper, partner, out, entity)
    except (NotMail, NotGood, Untrusted) as error:
        raise Refused(str(error), sender) from None


async def _writer(house: House, tenant: Tenant, box: Mailbox, out: Outside) -> str:
    """The partner who writes from there. Raises NotMail."""
    if box.address not in out.recipients:
        raise NotMail("It is to another address than ours.")
    partner = next((c.partner for c in (await direct.every(house, tenant)).values() if c.active and c.writes_from(out.sender)), "")
    if not partner:
        raise NotMail("Nobody in the register of partners writes from this address. Where it is one of theirs, enter it on their page.")
    return partner


async def _taken(house: House, tenant: Tenant, keeper: Keeper, partner: str, out: Outside, entity: Bytes) -> Kept:
    found = await asyncio.to_thread(wire.opened, entity)
    believed = await directtrust.known(house, tenant, partner)
    believed.trust.check(found.signer, (*found.others, *believed.theirs), out.sender, clock.now(), signs=True)
    letter = await asyncio.to_thread(wire.letter, found.content, out)
    if letter.notice is not None:
        state = _STATES[letter.notice.what]
        if letter.notice.what == wire.DISPATCHED and not letter.notice.final:
            state = direct.PROCESSED  # dispatched without the field of the guide: on its way, and no more is said (Delivery Notification, 1.3)
        await direct.became(house, tenant, letter.notice.about, partner, state, _OURS_FAILED if state == direct.FAILED else "")
        return Kept("", fresh=False)
    if not letter.id:
        raise NotMail("It has no number of its own (Message-ID), so it could not be told from another one.")
    head = f"From: {out.sender}\r\nTo: {', '.join(out.recipients)}\r\nMessage-ID: {letter.id}\r\nMIME-Version: 1.0\r\n".encode()
    came = Came(partner, direct.DOOR, control(house, tenant, letter.id), KIND, "", "", b"".join((head, entity)), _same(letter))
    del letter, found, entity
    try:
        kept = await keeper.keep(tenant, came)
    except errors.StaleCredential:
        raise NotMail("This partner was stopped. Let them go on, and ask for it again.") from None
    return Kept(kept.id, kept.fresh)


def control(house: House, tenant: Tenant, id_: str) -> str:
    """By what a letter is listed: its Message-ID, keyed, as senders may write anything into that."""
    return house.key.sign("direct message", f"{tenant.number}\0{id_}".encode()).hex()[:12]


def _same(letter: Letter) -> bytes:
    """A letter that its sender sends again is sealed anew: it is known by what it says."""
    said = [letter.sender, letter.id, letter.subject, letter.text, [(f.name, f.media, hashlib.sha256(f.content).hexdigest()) for f in letter.files]]
    return b"direct\0" + json.dumps(said).encode()


def signer(content: bytes) -> x509.Certificate:
    """The certificate of who signed what is kept. Raises NotMail, NotGood."""
    return wire.opened(content).signer
