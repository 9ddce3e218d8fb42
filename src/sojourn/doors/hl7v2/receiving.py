"""One message that came: who sent it, may they, keep it, answer it; only what is kept is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sojourn.base import clock, errors, ids, log
from sojourn.doors.hl7v2.reading import DOOR
from sojourn.gate.exchange.keeping import Came, Keeper
from sojourn.wire import hl7v2, hl7v2batch
from sojourn.wire.hl7v2 import Message, NotReadable
from sojourn.wire.hl7v2person import key
from sojourn.wire.hl7v2write import ACCEPTED, ERROR, REJECTED, VERSIONS, Trouble, acknowledgement

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Envoys, Partner

_log = log.logger(__name__)
_HEAD: Final = 4096
_MANY: Final = 1000
"""Messages of one block: each is answered in one answer."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection. certificate: SHA-256 of the one that they proved to hold, in hex, or ''; near: on this machine."""

    address: str
    encrypted: bool = False
    certificate: str = ""
    near: bool = False


class Receiver:
    """Takes messages for every organization of this server."""

    def __init__(self, envoys: Envoys) -> None:
        self._envoys = envoys
        self._keeper = Keeper(envoys.house)

    async def welcome(self, peer: Peer) -> bool:
        """Whether anybody may be at the other end at all, before a byte is read."""
        if peer.near:
            return True
        return any(_comes(p, peer) for _, p in await self._partners())

    async def _partners(self) -> list[tuple[Tenant, Partner]]:
        return [(t, p) for t in list(self._envoys.house.tenants.values()) for p in await self._envoys.partners(t) if p.door == DOOR]

    async def take(self, content: bytes, peer: Peer) -> bytes:
        """Keep what came, a message or a batch, and the answer to it."""
        if (
            not hl7v2batch.batched(content[:_HEAD] if len(content) > _HEAD else content)
            and content.count(b"\nMSH") + content.count(b"\rMSH") == 0
        ):
            return await self._one(content, peer)
        if hl7v2batch.many(content, _MANY):
            _log.warning("a message was refused", reason="too many in one block", address=peer.address)
            return _answer(_first(content), REJECTED, Trouble(f"One block holds at most {_MANY} messages. Send them in several.", "207"))
        batch = hl7v2batch.split(content)
        return b"".join([await self._one(m.encode(), peer) for m in batch.messages]) if batch.messages else await self._one(content, peer)

    async def _one(self, content: bytes, peer: Peer) -> bytes:
        try:
            message = hl7v2.parse(content)
        except NotReadable as error:
            _log.warning("a message was refused", reason="not readable", address=peer.address)
            return _answer(None, REJECTED, Trouble(f"This is no HL7 v2 message. {error}", "207", "MSH"))
        found = await self._who(message, peer)
        if isinstance(found, Trouble):
            _log.warning("a message was refused", reason="sender not known", address=peer.address)
            return _answer(message, REJECTED, found)
        tenant, partner = found
        if trouble := _trouble(message, partner):
            return _answer(message, REJECTED, trouble, partner)
        came = Came(partner.id, DOOR, message.control, message.type, message.version, key(message), content, test=message.header.v(11) in ("T", "D"))
        try:
            await self._keeper.keep(tenant, came)
        except errors.StaleCredential:
            self._envoys.forget(tenant)
            return _answer(
                message,
                REJECTED,
                Trouble("This receiver takes no messages of yours at present. Ask whoever runs it.", "207", "MSH-3"),
                partner,
            )
        except Exception as error:  # noqa: BLE001 - whatever it was: it was not kept, and its sender must send it again
            _log.error("a message could not be kept", error)
            return _answer(message, ERROR, Trouble("It could not be kept now. Send it again.", "207"), partner)
        return _answer(message, ACCEPTED, None, partner)

    async def _who(self, message: Message, peer: Peer) -> tuple[Tenant, Partner] | Trouble:
        """The one partner who may send this from there under that name."""
        application, facility = message.header.v(3), message.header.v(4)
        fitting = [(t, p) for t, p in await self._partners() if _comes(p, peer) and p.is_called(application, facility)]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            return Trouble(
                "More than one partner is registered under this name and address (MSH-3, MSH-4). Ask the receiver to tell them apart.",
                "207",
                "MSH-3",
            )
        return Trouble(
            "No partner is registered under this name, address and certificate (MSH-3, MSH-4). Ask the receiver to register you.",
            "207",
            "MSH-3",
        )


def _first(content: bytes) -> Message | None:
    """The first of several, as far as it says which it is."""
    try:
        return hl7v2.parse(content[:_HEAD])
    except NotReadable:
        return None


def _comes(partner: Partner, peer: Peer) -> bool:
    """Whether a partner may be at the other end: by their certificate, from this machine, or unencrypted where somebody wrote down why."""
    if partner.certificate:
        return peer.certificate == partner.certificate
    if peer.near:
        return not partner.addresses or partner.comes_from(peer.address)
    return bool(partner.plain) and partner.comes_from(peer.address)


def _trouble(message: Message, partner: Partner) -> Trouble | None:
    if not message.control:
        return Trouble("A message needs a control id, so that it can be answered and is not done twice.", "101", "MSH-10")
    if not message.header.v(9):
        return Trouble("A message says of what type it is.", "101", "MSH-9")
    if message.version not in VERSIONS:
        return Trouble("Versions 2.1 to 2.9 are taken.", "203", "MSH-12")
    if partner.types and message.type not in partner.types and not (message.header.v(9) == "ACK" and partner.sending.get("kinds")):
        return Trouble("Messages of this type were not agreed with you.", "200", "MSH-9")
    if message.header.v(11) not in ("", "P", "T", "D"):
        return Trouble("MSH-11 is P, T or D.", "202", "MSH-11")
    return None


def _answer(message: Message | None, code: str, trouble: Trouble | None, partner: Partner | None = None) -> bytes:
    enhanced = False
    if message is not None:
        asked = message.header.v(15).upper()
        mode = partner.acknowledgement if partner is not None else "auto"
        enhanced = mode == "enhanced" or mode == "auto" and bool(message.header.raw(15) or message.header.raw(16))
        if enhanced and (asked == "NE" or asked == "ER" and code == ACCEPTED or asked == "SU" and code != ACCEPTED):
            return b""
    return acknowledgement(message, code, clock.now(), ids.new_id("ack"), trouble=trouble, enhanced=enhanced).encode()
