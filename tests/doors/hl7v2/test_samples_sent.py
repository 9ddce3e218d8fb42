"""Every public sample of HL7 v2, sent by a partner over MLLP: the answers of the table, and behind the gate the facts that it states.

Each file comes from a partner of its own, one after the other to one server, so that what one says of somebody is not what another said before. Whoever a
message is about, a person says, as on the desk of messages: somebody new, under one program.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.care.exchange.facts import CannotMap
from sojourn.doors.hl7v2 import meter, reading
from sojourn.doors.hl7v2.listen import Listener
from sojourn.fhir import codec
from sojourn.gate.access import Access
from sojourn.gate.exchange import messages
from sojourn.gate.exchange.messages import NEW
from sojourn.gate.exchange.partners import Partner
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.wire import hl7v2, hl7v2batch
from sojourn.wire.mllp import START, Blocks, framed
from tests import factlines, people
from tests.care.test_handoff import at
from tests.doors.hl7v2.lab import done, listener, registered
from tests.doors.hl7v2.test_samples import ANYBODY, TABLE, becomes, files
from tests.people import FAR, MH, SUD, A, Clinic
from tests.shared import needs_shared

MADE_UP = (("time", "2026-03-01T00:00:00+00:00"), ("quantity", "5", "", ""))
"""When a message came and how large its file is, as the table has it."""


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await people.open_clinic(database)
    row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", None, "Practitioner/ivy", "integration-manager", [SUD, MH, FAR], MH, [])
    await organization.account(made.owner, A, row, clock.now())
    yield made
    await people.close_clinic(made)


@needs_shared
async def test_every_sample_sent_is_answered_and_its_facts_stand_behind_the_gate(clinic: Clinic) -> None:
    door = listener(clinic.gate, most=4_000_000)
    await door.open()
    ivy = await at(clinic, "ivy")
    answered, wrong, found = [], [], 0
    for n, path in enumerate(files()):
        await clinic.owner.execute("UPDATE record.exchange_partner SET state = 'stopped' WHERE state = 'active'")
        # Many senders of samples want no answer (MSH-15 NE): original mode gives one to each.
        await registered(clinic.gate, Partner(f"p{n}", ANYBODY.name, registers=True, program=MH, acknowledgement="original"))
        door._envoys.forget(clinic.gate.house.tenants[A])
        raw = path.read_bytes()
        sent = hl7v2batch.split(raw).messages or [raw.decode("latin-1")]
        answers = [answer(a, m) for a, m in zip(await said(door.port, raw), sent, strict=True)]
        answered.append(f"{path.parent.name}/{path.name}\t" + ", ".join(f"{k}x {a}" if k > 1 else a for a, k in sorted(Counter(answers).items())))
        await done(door, clinic.gate)
        await decided(clinic, door, ivy, f"p{n}")
        there = {key(o.content): o for e in await messages.listed(ivy, partner=f"p{n}") for o in [await messages.opened(ivy, e.id)]}
        for one, a in zip(sent, answers, strict=True):
            if a.startswith("AA"):
                compared, differs = await behind(clinic, hl7v2.parse(one), there.get(key(one.encode())) or there[key(raw)])
                found += compared
                wrong += [(path.name, d) for d in differs]
    await door.stop()
    assert answered == ["\t".join(row.split("\t")[:2]) for row in TABLE.read_text("utf-8").splitlines()]
    assert wrong == []
    assert found > 10_000


def key(content: bytes) -> bytes:
    """A message without what stands around it."""
    return content.strip(b"\x0b\x1c\r\n ")


async def said(port: int, content: bytes) -> list[hl7v2.Message]:
    """One block out, as the partner has it, and the answers in the block that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content if content.startswith(START) else framed(content))
    blocks, found = Blocks(4_000_000), list[bytes]()
    async with asyncio.timeout(30):
        while not found:
            some = await reader.read(65536)
            assert some, "it hung up"
            found = blocks.feed(some)
    writer.close()
    return [hl7v2.parse(one) for one in hl7v2batch.split(found[0]).messages or [found[0].decode()]]


def answer(reply: hl7v2.Message, sent: str) -> str:
    """An answer as the table has it: with the type of what was taken, or the place of what was wrong."""
    msa, err = reply.one("MSA"), reply.one("ERR")
    assert msa is not None
    if msa.v(1) == "AA":
        return f"AA {hl7v2.parse(sent).type}"
    segment, _, rest = (err.raw(2) if err else "").partition("^")
    field = rest.partition("^")[2]
    return f"{msa.v(1)} {f'{segment}-{field}' if field else msa.v(3).removeprefix('This is no HL7 v2 message. ')}"


async def decided(clinic: Clinic, door: Listener, ivy: Access, partner: str) -> None:
    """Say of each that waits for it whose it is: somebody new, whom it writes down, or else somebody who is here."""
    for whose in (NEW, *[""] * 30):
        if not await messages.listed(ivy, states=["review"], partner=partner):
            return
        for envelope in await messages.listed(ivy, states=["review"], partner=partner):
            await messages.choose(ivy, envelope.id, whose or (await clinic.make("sys-mh", people.patient(active=True))).id, MH, "")
        await done(door, clinic.gate)


async def behind(clinic: Clinic, message: hl7v2.Message, there: messages.Opened) -> tuple[int, list[object]]:
    """How many facts a message states, and which of them, or of its account where it is kept whole, do not stand behind the gate."""
    try:
        expected = becomes(message) if message.type in reading.MAPPED_TYPES else None
    except CannotMap:
        expected = None
    if expected is None:
        account = there.envelope.state, there.result.resources, there.result.unmapped
        return 0, [] if account == ("failed", (), meter.account(message, None).kept) else [(message.type, *account)]
    if there.envelope.state != "mapped":
        return 0, [(message.type, there.envelope.state, there.envelope.reason)]
    got = []
    for reference in there.result.resources:
        body = (await clinic.get("sys-mh", reference)).body.replace(f"/partner/{there.envelope.partner}/".encode(), f"/partner/{ANYBODY.id}/".encode())
        resource = codec.loads(body)
        got.append((resource["resourceType"], set(factlines.facts(resource))))
    stated, out = 0, list[object]()
    for _, resource in expected:
        if resource["resourceType"] == "Joined" or (resource["resourceType"] == "Patient" and not resource.get("active")):
            continue  # whom it names is somebody's to decide, and who is joined too
        wanted = {(place, fact) for place, fact in factlines.facts(resource) if fact not in MADE_UP}
        stated += len(wanted)
        if lost := min((wanted - facts for type_, facts in got if type_ == resource["resourceType"]), key=len, default=wanted):
            out.append((factlines.line(resource), lost))
    return stated, out
