"""Documents that leave by Direct: sealed for who is believed, decided anew, followed by notices, and by another way where those do not come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from sojourn.care.handoff import referral
from sojourn.care.reaching.sender import CCDA, Arrived, Failed, Parcel, Taken
from sojourn.doors.direct.sending import Direct
from sojourn.gate.exchange import ways
from sojourn.gate.exchange.posting import Content
from sojourn.gate.exchange.ways import Way
from sojourn.record.database import Dsn
from sojourn.wire.direct import Letter, Notice
from tests import people
from tests.care import reach
from tests.care.test_handoff import at
from tests.doors.direct.hisp import HOST, Hisp
from tests.doors.direct.partner import CEDAR, THEM, US, Door, read, ready, sealed
from tests.people import A, Clinic

PARCEL = Parcel("p1a2b3c4", CEDAR, Way(ways.DIRECT, THEM), "Referral", "x", Content(CCDA, b"<ClinicalDocument/>"), ())


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


async def notice(there: Hisp, door: Door, what: str, *, final: bool = False, about: str = "<p1a2b3c4@direct.riverbend.test>") -> None:
    """Their system says something of our letter."""
    there.put(US, sealed(Letter(f"<n-{what}@direct.cedar.test>", THEM, US, "Notice", "x", notice=Notice(about, what, final)), f"n{what}"))
    await door.look()


def sender(clinic: Clinic) -> tuple[Direct, Any]:
    """The door for what leaves, and our organization."""
    return Direct(clinic.gate, [HOST]), clinic.gate.house.tenants[A]


async def test_a_document_arrives_sealed_and_is_delivered_when_their_system_says_so(clinic: Clinic) -> None:
    out, tenant = sender(clinic)
    async with ready(clinic.gate) as (there, door):
        taken = await out.send(tenant, PARCEL)
        assert isinstance(taken, Taken)
        assert (await out.send(tenant, PARCEL)) == taken, "the same again is not sent again"
        raw, = there.inbox(THEM)
        letter = read(raw)
        assert (letter.sender, letter.subject, [(f.name, f.content) for f in letter.files], letter.asks) == (US, "Referral", [("document.xml", b"<ClinicalDocument/>")], True)
        await notice(there, door, "processed")
        assert isinstance(await out.ask(tenant, PARCEL, taken.reference), Taken)
        await notice(there, door, "dispatched", final=True)
        assert await out.ask(tenant, PARCEL, taken.reference) == Arrived("Their system says that it was delivered.")
        await notice(there, door, "failed")
        assert isinstance(await out.ask(tenant, PARCEL, taken.reference), Arrived), "what was delivered does not fail"
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.exchange_message") == 0, "notices are no messages"


async def test_who_says_only_that_they_have_it_is_believed_where_that_was_agreed(clinic: Clinic) -> None:
    out, tenant = sender(clinic)
    async with ready(clinic.gate, final=False) as (there, door):
        taken = await out.send(tenant, PARCEL)
        await notice(there, door, "processed")
        assert isinstance(taken, Taken)
        assert isinstance(await out.ask(tenant, PARCEL, taken.reference), Arrived)
        assert not read(there.inbox(THEM)[0]).asks


async def test_a_notice_counts_only_of_whom_it_is(clinic: Clinic) -> None:
    out, tenant = sender(clinic)
    async with ready(clinic.gate) as (there, door):
        other = PARCEL._replace(partner=replace(CEDAR, id="other"))
        await clinic.owner.execute("INSERT INTO record.direct_letter VALUES (1, '<p1a2b3c4@direct.riverbend.test>', 'other', 'sent', '', now(), now(), now())")
        await notice(there, door, "dispatched", final=True)
        assert isinstance(await out.ask(tenant, other, "<p1a2b3c4@direct.riverbend.test>"), Taken), "another partner's notice says nothing of it"


@pytest.mark.parametrize(("change", "words"), [
    ("UPDATE record.direct_certificate SET revoked = now() WHERE kind = 'address'", "No certificate is entered for this address"),
    ("UPDATE record.direct_certificate SET revoked = now() WHERE kind = 'anchor'", "no trust anchor"),
    ("DELETE FROM record.direct_partner", "not be believed"),
    ("UPDATE record.direct_mailbox SET state = 'stopped'", "no Direct mailbox"),
])  # fmt: skip
async def test_nothing_leaves_that_could_not_be_sealed_for_them_or_answered(clinic: Clinic, change: str, words: str) -> None:
    out, tenant = sender(clinic)
    async with ready(clinic.gate) as (there, _):
        await clinic.owner.execute(change)
        found = await out.send(tenant, PARCEL)
        assert isinstance(found, Failed)
        assert not found.again
        assert words in found.why
        assert there.inbox(THEM) == []


async def test_an_address_that_the_hisp_does_not_know_fails_and_a_hisp_that_is_down_is_tried_again(clinic: Clinic) -> None:
    out, tenant = sender(clinic)
    async with ready(clinic.gate) as (there, _):
        del there.boxes[THEM]
        assert await out.send(tenant, PARCEL) == Failed("The HISP does not deliver to this address. Ask the partner whether it is right.", again=False)
        there.down = True
        found = await out.send(tenant, PARCEL)
        assert isinstance(found, Failed)
        assert found.again


async def test_silence_is_a_failure(clinic: Clinic) -> None:
    out, tenant = sender(clinic)
    async with ready(clinic.gate) as (there, door):
        taken = await out.send(tenant, PARCEL)
        assert isinstance(taken, Taken)
        await clinic.owner.execute("UPDATE record.direct_letter SET sent = now() - interval '61 minutes'")
        found = await out.ask(tenant, PARCEL, taken.reference)
        assert isinstance(found, Failed)
        assert "within an hour" in found.why
        await notice(there, door, "dispatched", final=True)
        assert isinstance(await out.ask(tenant, PARCEL, taken.reference), Arrived), "late is better than never"


async def test_a_hand_off_goes_by_direct_and_the_next_way_follows_when_their_system_says_that_it_failed(clinic: Clinic) -> None:
    fax = reach.Door()
    async with ready(clinic.gate, as_={"id": "lakeside"}) as (there, door):
        await clinic.owner.execute("DELETE FROM record.exchange_partner")
        _, _, _, delivery = await reach.queued(clinic, Way(ways.DIRECT, THEM, "one"), reach.FAX)
        senders = {ways.DIRECT: Direct(clinic.gate, [HOST]), ways.FAX: fax}
        await reach.brought(clinic, senders)
        raw, = there.inbox(THEM)
        letter = read(raw)
        assert letter.files[0].content.lstrip().startswith(b"<?xml")
        assert b"Rivera" not in raw
        assert "Rivera" not in letter.subject + letter.files[0].name
        await notice(there, door, "failed", about=letter.id)
        await reach.brought(clinic, senders, 2)
        assert len(fax.got) == 1
        assert (await reach.state(clinic, delivery))[0] == "mapped"


async def test_a_consent_that_was_taken_back_stops_what_waits_for_the_hisp(clinic: Clinic) -> None:
    async with ready(clinic.gate, as_={"id": "lakeside"}) as (there, _):
        await clinic.owner.execute("DELETE FROM record.exchange_partner")
        _, agreed, _, delivery = await reach.queued(clinic, Way(ways.DIRECT, THEM, "one"))
        senders = {ways.DIRECT: Direct(clinic.gate, [HOST])}
        there.down = True
        await reach.brought(clinic, senders)
        consent = (await clinic.ask("sys-sud", "GET", f"Consent/{agreed}")).json()
        assert (await clinic.put("sys-sud", {**consent, "status": "inactive"})).status == 200
        there.down = False
        await reach.brought(clinic, senders)
        assert there.inbox(THEM) == []
        assert (await reach.state(clinic, delivery))[0] == "aside"


async def test_a_letter_that_fails_after_it_counted_as_arrived_waits_for_somebody(clinic: Clinic) -> None:
    async with ready(clinic.gate, as_={"id": "lakeside"}, final=False) as (there, door):
        await clinic.owner.execute("DELETE FROM record.exchange_partner")
        _, _, handoff, delivery = await reach.queued(clinic, Way(ways.DIRECT, THEM, "one"))
        access, senders = await at(clinic), {ways.DIRECT: Direct(clinic.gate, [HOST])}
        await reach.brought(clinic, senders)
        letter = read(there.inbox(THEM)[0])
        await notice(there, door, "processed", about=letter.id)
        await reach.brought(clinic, senders)
        assert (await reach.state(clinic, delivery))[:2] == ("mapped", "direct")
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.exchange_finding WHERE kind = 'failed'") == 0
        await notice(there, door, "failed", about=letter.id)
        assert await reach.state(clinic, delivery) == ("failed", "direct", "Their system says that it could not be delivered. Ask the partner, or go by another way.")
        assert [r["state"] for r in await clinic.owner.fetch("SELECT state FROM record.exchange_event WHERE message = $1 ORDER BY n", delivery)][-2:] == ["mapped", "failed"]
        assert await clinic.owner.fetchval("SELECT way FROM record.exchange_finding WHERE kind = 'failed'") == "direct"
        await reach.brought(clinic, senders)
        found = await referral.one(access, handoff)
        assert (found.step, found.open, "Not arrived. Their system says" in found.notes[-1][2]) == ("prepared", True, True), "the loop is open at its beginning"
        (asked,) = (await access.search("Task", [("code", "handoff-stopped")], count=5)).resources
        assert (asked["focus"]["reference"], asked["owner"]["reference"]) == (f"Task/{handoff}", access.caller.agent), "who sent it is told"
        await reach.brought(clinic, senders)
        assert len((await access.search("Task", [("code", "handoff-stopped")], count=5)).resources) == 1, "once"
        await clinic.owner.execute("UPDATE record.exchange_message SET state = 'aside'")
        await notice(there, door, "failed", about=letter.id)
        assert (await reach.state(clinic, delivery))[0] == "aside", "it is said once"
