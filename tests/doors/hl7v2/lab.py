"""A laboratory at the other end, for the tests of the message door: its profile, its messages, and a client that speaks MLLP."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from sojourn.base import clock
from sojourn.doors.hl7v2.listen import Listener, Place
from sojourn.doors.hl7v2.receiving import Peer
from sojourn.gate.exchange import partners
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.gate import Gate
from sojourn.record import exchangebench
from sojourn.wire import hl7v2
from sojourn.wire.hl7v2 import Message
from sojourn.wire.mllp import Blocks, framed
from tests.people import A

MRN = "urn:oid:2.16.840.1.113883.19.5"
LAB = Partner("cedar", "Cedar Ridge Laboratory", applications=("CEDAR",), authorities={"RIVER": MRN}, timezone="America/New_York")
NEAR = Peer("127.0.0.1", near=True)


async def registered(gate: Gate, partner: Partner = LAB, tenant: int = A, **more: Any) -> Partner:
    """Write a partner down as an administrator would."""
    made = replace(partner, **more)
    await gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", tenant, made.id, partners.facts(made), clock.now())
    await exchangebench.before(gate.house.db, tenant, made.id, "In a test.", clock.now())
    return made


def listener(gate: Gate, most: int = 1_000_000) -> Listener:
    """The door, without a socket until it is opened."""
    return Listener(gate, Place("127.0.0.1", 0, most))


def oru(control: str = "M1", *, mrn: str = "R1", family: str = "Rivera", born: str = "19880304", placer: str = "", filler: str = "F1", status: str = "F", value: str = "4.1", flag: str = "N",
        application: str = "CEDAR", at: str = "20260302083000-0500", obx: str = "", extra: str = "", msh: str = "") -> bytes:  # fmt: skip
    """A potassium."""
    values = obx or f"OBX|1|NM|2823-3^Potassium^LN||{value}|mmol/L^^UCUM|3.5-5.1|{flag}|||{status}\r"
    return (
        f"MSH|^~\\&|{application}|LAB|SOJOURN|RIVER|{at}||ORU^R01^ORU_R01|{control}|P|2.5.1{msh}\r"
        f"PID|1||{mrn}^^^RIVER^MR||{family}^Ana||{born}|F\r"
        f"ORC|RE|{placer}|{filler}\r"
        f"OBR|1|{placer}|{filler}|24323-8^Metabolic panel^LN|||20260302070000-0500||||||||||||||||{at}||CH|{status}\r{values}{extra}"
    ).encode()


async def sent(door: Listener, content: bytes, peer: Peer = NEAR) -> Message:
    """Hand a message to the receiver; its answer."""
    return hl7v2.parse(await door._receiver.take(content, peer))


def code(answer: Message) -> str:
    """MSA-1."""
    msa = answer.one("MSA")
    assert msa is not None
    return msa.v(1)


async def done(door: Listener, gate: Gate, tenant: int = A) -> None:
    """Do all that waits."""
    while await door.working.round(gate.house.tenants[tenant]) or await door.working.composed():
        pass


async def states(gate: Gate, owner: Any) -> list[tuple[str, str]]:
    """(state, reason) of each message, in the order in which they came."""
    return [(r["state"], r["reason"]) for r in await owner.fetch("SELECT state, reason FROM record.exchange_message ORDER BY seq")]


class Client:
    """Speaks MLLP over a socket."""

    def __init__(self, port: int) -> None:
        self._port, self._blocks = port, Blocks(1_000_000)

    async def open(self) -> Client:
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def say(self, content: bytes) -> Message | None:
        """Send one and wait for the answer; None when the connection ends before."""
        self.writer.write(framed(content))
        return await self.hear()

    async def hear(self) -> Message | None:
        """The next answer."""
        while True:
            try:
                some = await self.reader.read(65536)
            except ConnectionResetError:
                return None
            if not some:
                return None
            for block in self._blocks.feed(some):
                return hl7v2.parse(block)

    def close(self) -> None:
        """Hang up."""
        self.writer.close()
