"""A partner who takes messages: a small MLLP receiver on loopback that answers as a test tells it."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field, replace
from typing import Any

from sojourn.base import clock
from sojourn.doors.hl7v2.out import following
from sojourn.doors.hl7v2.out.client import Identity
from sojourn.doors.hl7v2.out.sending import Post
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import partners, profile
from sojourn.gate.exchange.partners import Envoys, Partner
from sojourn.gate.exchange.profile import Profile
from sojourn.gate.feed import Feed
from sojourn.gate.gate import Gate
from sojourn.record import exchangebench
from sojourn.wire import hl7v2, hl7v2write
from sojourn.wire.hl7v2 import Message
from sojourn.wire.mllp import Blocks, framed
from tests.people import A, Clinic
from tests.record.settling import settled
from tests.wire import others


@dataclass
class Counterpart:
    """Keeps what comes and answers it. codes: MSA-1 of the next answers (several for one message with a blank between), then AA; '' is silence, '-' hangs up."""

    codes: list[str] = field(default_factory=list)
    got: list[bytes] = field(default_factory=list)
    server: asyncio.Server | None = None
    tls: ssl.SSLContext | None = None
    port: int = 0
    agreed: int = 0
    """Of how many messages others were asked what they read."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def messages(self) -> list[Message]:
        """What came, read; python-hl7 and medforge read each the same, part by part."""
        for one in self.got[self.agreed :]:
            others.readable(one)
        self.agreed = len(self.got)
        return [hl7v2.parse(m) for m in self.got]

    @property
    def kinds(self) -> list[str]:
        """Their types, in order."""
        return [m.type for m in self.messages]

    async def open(self) -> Counterpart:
        """Listen; at the same port as before, if there was one."""
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = int(self.server.sockets[0].getsockname()[1])
        return self

    async def close(self) -> None:
        """Be down."""
        assert self.server is not None
        self.server.close()
        self.server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        blocks = Blocks(10_000_000)
        try:
            while self.server is not None and (some := await reader.read(65536)):
                for block in blocks.feed(some):
                    self.got.append(block)
                    self.arrived.set()
                    said = self.codes.pop(0) if self.codes else "AA"
                    if said == "-":
                        return
                    for code in said.split():
                        writer.write(framed(self._answer(hl7v2.parse(block), code)))
                        await writer.drain()
        except (OSError, ssl.SSLError):
            pass
        finally:
            writer.close()

    def _answer(self, message: Message, code: str) -> bytes:
        trouble = hl7v2write.Trouble("Ana Rivera is not known here", "204", "PID-3") if code[1] != "A" else None
        return hl7v2write.acknowledgement(message, code[1], clock.now(), "X1", trouble=trouble, enhanced=code[0] == "C").encode()


SENDS = Profile(host="127.0.0.1", tls=False, our_place="RIVER", theirs="CEDAR", their_place="LAB", timeout=5)


async def agreed(clinic: Clinic, counterpart: Counterpart | None, organization: str, *kinds: str, id_: str = "cedar", authorities: dict[str, str] | None = None, programs: tuple[int, ...] = (), program: int | None = None, what: dict[str, Any] | None = None, **more: Any) -> Partner:
    """A partner who gets these, registered as an administrator would."""
    out = replace(SENDS, kinds=kinds, port=counterpart.port if counterpart else 1, begun="2020-01-01T00:00:00+00:00", **more)
    made = Partner(id_, "Cedar Ridge Laboratory", organization=organization, applications=("CEDAR",), authorities=authorities or {}, programs=programs, program=program, agreed=what or {}, sending=profile.facts(profile.checked(out, organization, clock.now())))
    since = await clinic.owner.fetchval("SELECT known_from FROM record.exchange_partner WHERE partner = $1 AND known_to = 'infinity'", id_)
    await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', $5, 'test', '', $4)", A, made.id, partners.facts(made), clock.now(), since)
    await exchangebench.before(clinic.gate.house.db, A, made.id, "In a test.", clock.now())
    return made


async def follow(clinic: Clinic) -> None:
    """Let the feed reach what remembers that partners may have to be told."""
    feed = Feed(clinic.gate.house.db, A)
    await settled(clinic.gate.house.db)
    await feed.number()
    while await feed.follow("hl7v2", following.follower(Clockwork(clinic.gate))):
        pass


def post(gate: Gate, partner: Partner) -> Post:
    """What sends to one partner."""
    return Post(Envoys(gate), gate.house.tenants[A], partner, Identity())


async def sent(clinic: Clinic, partner: Partner, box: Post | None = None) -> None:
    """Send all that is due."""
    await follow(clinic)
    mine = box or post(clinic.gate, partner)
    try:
        while await mine.round():
            pass
    finally:
        if box is None:
            await mine.close()


async def due(clinic: Clinic) -> None:
    """The time until the next try passes."""
    await clinic.owner.execute("UPDATE record.exchange_message SET due = '2000-01-01'")
    await clinic.owner.execute("UPDATE record.exchange_intent SET due = '2000-01-01'")


async def envelopes(clinic: Clinic) -> list[tuple[str, str, str]]:
    """(kind, state, reason) of what goes out, in order."""
    return [(r["kind"], r["state"], r["reason"]) for r in await clinic.owner.fetch("SELECT kind, state, reason FROM record.exchange_message WHERE direction = 'out' ORDER BY seq")]


