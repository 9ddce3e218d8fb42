"""Without an agreement in force and a basis nothing goes to a partner, and nobody is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.care.exchange import watching
from sojourn.care.handoff import referral, sending
from sojourn.care.reaching.sender import PDF, Taken
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import asking, documented, partners, ways
from sojourn.gate.exchange.keeping import MAPPED, RECEIVED
from sojourn.gate.exchange.ways import PRINT, Way
from sojourn.wire.direct import File, Letter
from tests.care.reach import AGREED, DIRECT, FAX, Door, brought, partner, queued, state
from tests.care.test_handoff import at, begun, chart, clinic  # noqa: F401 - a fixture
from tests.doors.direct.hisp import hisp
from tests.doors.direct.partner import THEM, US, sealed
from tests.doors.direct.partner import Door as Letters
from tests.doors.direct.partner import opened as mailbox
from tests.doors.mhd.conftest import two  # noqa: F401 - a fixture
from tests.doors.mhd.network import HIE, Two
from tests.doors.mhd.network import partner as network
from tests.doors.mhd.test_asking import WHO, here, there
from tests.people import SUD, A, Clinic

ENDED = "2020-01-01"
LATER = "2099-01-01"
MISSING: list[tuple[dict[str, Any], str]] = [
    ({}, "agreement"), ({**AGREED, "ends": ENDED}, "agreement"), ({**AGREED, "begins": LATER}, "agreement"), ({"kind": "baa"}, "basis"), ({"gives": "treatment"}, "agreement"),
]  # fmt: skip


async def refused(clinic: Clinic, action: str) -> int:  # noqa: F811
    return int(await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE action = $1 AND outcome = 'denied'", action))


async def decided(clinic: Clinic, way: str) -> None:  # noqa: F811
    await clinic.gate.house.db.call("SELECT gate.exchange_go($1, 'lakeside', $2, '', 'ivy', 'A reason', $3)", A, way, clock.now())


@pytest.mark.parametrize(("agreed", "why"), MISSING)
async def test_a_document_is_not_queued_and_the_sender_reads_why(clinic: Clinic, agreed: dict[str, Any], why: str) -> None:  # noqa: F811
    p, receiver, _ = await chart(clinic)
    await partner(clinic, receiver, DIRECT, FAX, agreed=agreed)
    handoff = await begun(clinic, p, receiver)
    access = await at(clinic)
    seen = await referral.preview(access, handoff)
    with pytest.raises(errors.Malformed) as raised:
        await sending.queue(access, handoff, seen.digest)
    assert raised.value.message == f"{documented.WHY[why]} {documented.SENDING}"
    assert await refused(clinic, "document-queue") == 1
    assert (await referral.one(await at(clinic), handoff.id)).step == "prepared", "nothing is lost"
    await partner(clinic, receiver, DIRECT, FAX)
    await sending.queue(await at(clinic), await referral.one(await at(clinic), handoff.id), seen.digest)


@pytest.mark.parametrize(("agreed", "why"), MISSING)
async def test_what_waits_leaves_by_no_way_and_by_itself_once_it_may(clinic: Clinic, agreed: dict[str, Any], why: str) -> None:  # noqa: F811
    _, _, handoff, delivery = await queued(clinic, DIRECT, FAX)
    receiver = (await referral.one(await at(clinic), handoff)).recipient
    await partner(clinic, receiver, DIRECT, FAX, agreed=agreed)
    doors = {ways.DIRECT: Door(), ways.FAX: Door(takes=(PDF,))}
    await brought(clinic, doors, 4)
    assert await state(clinic, delivery) == (RECEIVED, "", f"{documented.WHY[why]} {documented.WAITING}")
    assert not any(d.got for d in doors.values()), "no way of theirs is a way around it"
    assert await refused(clinic, "document-wait") == 1, "once, and not at each attempt"
    assert not await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure WHERE recipient = $1", f"Organization/{receiver}")
    await partner(clinic, receiver, DIRECT, FAX)
    await brought(clinic, doors)
    assert (await state(clinic, delivery))[0] == MAPPED
    assert len(doors[ways.DIRECT].got) == 1


async def test_a_no_go_stops_documents_too_and_printing_is_no_way_around_it(clinic: Clinic) -> None:  # noqa: F811
    _, _, handoff, delivery = await queued(clinic, Way(PRINT, "12 Lake Rd"))
    await brought(clinic, {})
    access = await at(clinic)
    found = await referral.one(access, handoff)
    await decided(clinic, "no")
    with pytest.raises(errors.Conflict, match="nothing is exchanged with them now"):
        await sending.printed(access, found, delivery)
    assert await refused(clinic, "document-print") == 1
    await decided(clinic, "before")
    assert (await sending.printed(access, found, delivery)).media == PDF


async def test_a_practice_that_is_reached_on_paper_alone_needs_no_agreement(clinic: Clinic) -> None:  # noqa: F811
    p, receiver, _ = await chart(clinic)
    await partner(clinic, receiver, FAX, agreed={})
    handoff = await begun(clinic, p, receiver)
    access = await at(clinic)
    delivery = await sending.queue(access, handoff, (await referral.preview(access, handoff)).digest)
    fax = Door(takes=(PDF,))
    await brought(clinic, {ways.FAX: fax})
    assert ((await state(clinic, delivery))[0], len(fax.got)) == (MAPPED, 1)
    await partner(clinic, receiver, FAX, agreed={"kind": "baa", "ends": ENDED, "gives": "treatment"})
    assert await documented.lacks(clinic.gate.house, A, "lakeside") == "agreement", "one that was entered counts"
    await partner(clinic, receiver, FAX, agreed={}, door="sftp")
    assert await documented.lacks(clinic.gate.house, A, "lakeside") == "agreement", "and so does a system that exchanges"


async def test_what_a_door_took_before_is_still_asked_what_became_of_it(clinic: Clinic) -> None:  # noqa: F811
    _, _, handoff, delivery = await queued(clinic, DIRECT, FAX)
    direct = Door(Taken("ref-1", "On its way.", 0.0))
    await brought(clinic, {ways.DIRECT: direct})
    await partner(clinic, (await referral.one(await at(clinic), handoff)).recipient, DIRECT, FAX, agreed={})
    await brought(clinic, {ways.DIRECT: direct})
    assert (direct.asked, (await state(clinic, delivery))[0]) == (["ref-1"], MAPPED)


async def test_a_letter_is_held_and_goes_on_by_itself(clinic: Clinic) -> None:  # noqa: F811
    async def states() -> list[str]:
        return [r["state"] for r in await clinic.owner.fetch("SELECT state FROM record.exchange_message WHERE door = 'direct' AND direction = 'in'")]

    async with hisp(US, THEM) as there_:
        await mailbox(clinic.gate, there_, as_={"id": "sender", "agreed": {}})
        there_.put(US, sealed(Letter("<a@direct.cedar.test>", THEM, US, "Papers", "With this.", (File("a.txt", "text/plain", b"He slept well."),)), "a"))
        door = Letters(clinic.gate)
        await door.look()
        assert await states() == ["held"]
        row = await clinic.owner.fetchrow("SELECT partner, facts, state, author, reason, known_from AS since FROM record.exchange_partner WHERE known_to = 'infinity'")
        made = replace(partners.of_row(row), agreed=AGREED)
        await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, 'sender', $2, 'active', $4, 'test', '', $3)", A, partners.facts(made), clock.now(), row["since"])
        await watching.run(await Clockwork(clinic.gate).access(A))
        assert await states() == ["received"]


@pytest.mark.parametrize(("agreed", "why"), MISSING)
async def test_a_partner_is_not_asked_about_a_client(two: Two, agreed: dict[str, Any], why: str) -> None:  # noqa: F811
    await there(two)
    p = await here(two)
    place = (f"{two.theirs}/fhir", f"Organization/{two.here}", two.client)
    await network(two.us, *place, agreed=agreed)
    with pytest.raises(errors.Malformed) as raised:
        await asking.begin(await at(two.us, WHO), p, HIE, SUD, "ask-1")
    assert raised.value.message == f"{documented.WHY[why]} {documented.ASKING}"
    with pytest.raises(errors.Malformed) as other:
        await asking.begin(await at(two.us, WHO), "nobody", HIE, SUD, "ask-2")
    assert other.value.message == raised.value.message, "whoever is asked about, and whether there is anybody"
    await network(two.us, *place)
    await asking.begin(await at(two.us, WHO), p, HIE, SUD, "ask-1")
    await network(two.us, *place, agreed=agreed)
    await two.done()
    ask = await asking.one(await at(two.us, WHO), p, "ask-1")
    assert (ask.state, ask.why) == (asking.FAILED, f"{documented.WHY[why]} {documented.ASKING}")
    assert not await two.us.owner.fetchval("SELECT count(*) FROM record.disclosure WHERE channel = 'query'"), "nobody was named to them"
