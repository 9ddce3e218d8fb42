"""The exchange in the staff app: what waits and why, opening a message, saying whose it is, registering and stopping partners."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from sojourn.base import clock
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.reported import house, visitor
from tests.doors.hl7v2.hospital import HOSPITAL, adt
from tests.doors.hl7v2.lab import code, done, listener, oru, registered, sent, states
from tests.people import MH, SUD, A, Clinic, encounter, patient
from tests.web.real import HASH, Visitor

STAFF = (("ivy", "integration-manager", (SUD, MH, 3)), ("ivo", "integration-manager", (MH,)), ("adam", "administrator", (MH,)))


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        for account, role, programs in STAFF:
            row = organization.AccountRow(account, "staff", account, account.title(), HASH, f"Practitioner/{account}", role, list(programs), programs[-1], [])
            await organization.account(made.owner, A, row, clock.now())
        yield made


async def a_message(clinic: Clinic, control: str = "M1", **more: str) -> str:
    """One that came; its id."""
    door = listener(clinic.gate)
    assert code(await sent(door, oru(control, **more))) == "AA"
    await done(door, clinic.gate)
    return str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message WHERE control = $1", control))


async def test_from_what_waits_to_whose_it_is(clinic: Clinic) -> None:
    client = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(client))
    await registered(clinic.gate, program=MH)
    id_ = await a_message(clinic, mrn="X9")
    ivy = await visitor(clinic, "ivy")
    desk = (await ivy.get("/exchange")).text
    assert "Waiting for somebody" in desk
    assert "Choose whose it is" in desk
    assert "Rivera" not in desk
    page = (await ivy.get(f"/exchange/messages/{id_}")).text
    assert "say whose it is" in page
    assert "Rivera" not in page
    content = (await ivy.get(f"/exchange/messages/{id_}/content")).text
    assert "Rivera" in content
    assert "OBX-5" in content
    assert f'value="{client}"' in content, "who it may be is offered"
    chosen = await ivy.post(f"/exchange/messages/{id_}/content", {"patient": client})
    assert "It is theirs" in chosen.text
    answer = await ivy.post(f"/exchange/messages/{id_}/content", {"do": "choose", "patient": client, "program": "", "known": "yes"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/exchange/messages/{id_}")
    door = listener(clinic.gate)
    await done(door, clinic.gate)
    assert await states(clinic.gate, clinic.owner) == [("mapped", "")]
    became = (await ivy.get(f"/exchange/messages/{id_}/content")).text
    assert "Results: 1 report, 1 values" in became
    await a_message(clinic, "M2", mrn="X9", filler="F2")
    assert await states(clinic.gate, clinic.owner) == [("mapped", "")] * 2, "their number is known from now on"


async def test_somebody_who_is_not_here_is_written_down_when_somebody_says_so(clinic: Clinic) -> None:
    await registered(clinic.gate, HOSPITAL)
    door = listener(clinic.gate)
    await sent(door, adt("A01", mrn="X7", family="Newcomer", by="MERCY"))
    await done(door, clinic.gate)
    id_ = str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message"))
    ivy = await visitor(clinic, "ivy")
    page = (await ivy.get(f"/exchange/messages/{id_}/content")).text
    assert "Nobody here has an identifier" in page
    assert "somebody who is not here yet" in page
    assert (await ivy.post(f"/exchange/messages/{id_}/content", {"do": "choose", "patient": "+", "program": ""})).status_code == 422
    assert (await ivy.post(f"/exchange/messages/{id_}/content", {"do": "choose", "patient": "+", "program": str(MH), "known": "yes"})).status_code == 303
    await sent(door, adt("A08", "H2", mrn="X7", family="Newcomer", by="MERCY", at="20260304090000-0500"))
    await done(door, clinic.gate)
    assert await states(clinic.gate, clinic.owner) == [("mapped", "")] * 2
    (made,) = (await clinic.get("sys-mh", "Patient?family=Newcomer")).entries
    (stay,) = (await clinic.get("sys-mh", f"Encounter?patient={made['id']}")).entries
    assert stay["status"] == "in-progress"
    became = (await ivy.get(f"/exchange/messages/{id_}/content")).text
    assert "Visits" in became


async def test_a_failed_message_says_why_and_is_done_again_or_set_aside(clinic: Clinic) -> None:
    await registered(clinic.gate, program=MH)
    door = listener(clinic.gate)
    await sent(door, oru("M1").replace(b"ORU^R01^ORU_R01", b"VXU^V04^VXU_V04"))
    await done(door, clinic.gate)
    id_ = str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message"))
    ivy = await visitor(clinic, "ivy")
    await ivy.get(f"/exchange/messages/{id_}")
    assert (await ivy.post(f"/exchange/messages/{id_}", {"do": "aside", "why": ""})).status_code == 422
    assert (await ivy.post(f"/exchange/messages/{id_}", {"do": "again"})).status_code == 303
    assert (await ivy.post(f"/exchange/messages/{id_}", {"do": "again"})).status_code == 409
    await done(door, clinic.gate)
    assert (await ivy.post(f"/exchange/messages/{id_}", {"do": "aside", "why": "Entered by hand."})).status_code == 303
    page = (await ivy.get(f"/exchange/messages/{id_}")).text
    for words in ("Set aside", "Done again", "Entered by hand."):
        assert words in page
    content = (await ivy.get(f"/exchange/messages/{id_}/content")).text
    assert "fields are kept here only: nothing was made of it" in content
    assert all(place in content for place in ("PID-5.1", "OBX-5.1", "OBX-3.2")), "each field that says something is accounted for"


async def test_who_may_not_know_opens_nothing(clinic: Clinic) -> None:
    await clinic.make("sys-mh", patient())
    await registered(clinic.gate, program=MH)
    id_ = await a_message(clinic, mrn="X9")
    for who, seen in (("ivo", 404), ("adam", 403), ("nurse", 403)):
        browser = await visitor(clinic, who)
        there = await browser.get(f"/exchange/messages/{id_}/content")
        none = await browser.get(f"/exchange/messages/{'a' * len(id_)}/content")
        assert (there.status_code, none.status_code) == (seen, seen), who
        assert "Rivera" not in there.text
    adam = await visitor(clinic, "adam")
    assert "Open what it says" not in (await adam.get(f"/exchange/messages/{id_}")).text


FORM = {
    "name": "Cedar Ridge Laboratory", "contact": "", "organization": "", "basis": "treatment", "part2": "", "applications": "CEDAR", "facilities": "", "certificate": "", "addresses": "", "plain": "", "types": "ORU^R01",
    "program": "2", "authorities": "RIVER = urn:oid:2.16.840.1.113883.19.5", "timezone": "America/New_York", "charset": "", "acknowledgement": "auto",
}  # fmt: skip


async def test_a_partner_is_registered_changed_and_stopped(clinic: Clinic) -> None:
    adam: Visitor = await visitor(clinic, "adam")
    await adam.get("/exchange/partners/new")
    assert (await adam.post("/exchange/partners/new", {**FORM, "applications": ""})).status_code == 422
    refused = await adam.post("/exchange/partners/new", {**FORM, "addresses": "192.0.2.0/28"})
    assert "Write why that is permitted" in refused.text
    made = await adam.post("/exchange/partners/new", FORM)
    assert made.status_code == 303
    path = made.headers["location"]
    page = (await adam.get(path)).text
    assert "RIVER = urn:oid" in page
    profile = {**FORM, "registers": "yes", "strangers": "aside", "ignored": "AL1, IN1", "tables": "0004:OBS = O", "marks": "ZPR-3=Y = PSY"}
    assert (await adam.post(path, {**profile, "tables": "OBS = O"})).status_code == 422
    assert (await adam.post(path, {**profile, "marks": "ZPR-3=Y = WHATEVER"})).status_code == 422
    assert (await adam.post(path, profile)).status_code == 303
    page = (await adam.get(path)).text
    for kept in ("0004:OBS = O", "ZPR-3=Y = PSY", "AL1, IN1", 'value="aside" selected'):
        assert kept in page
    assert (await adam.post(path, FORM)).status_code == 303
    door = listener(clinic.gate)
    assert code(await sent(door, oru("M1"))) == "AA"
    assert (await adam.post(f"{path}/state", {"state": "stopped", "why": ""})).status_code == 422
    assert (await adam.post(f"{path}/state", {"state": "stopped", "why": "The contract ended."})).status_code == 303
    assert code(await sent(door, oru("M2"))) == "AR", "at once, whatever a process remembers"
    assert re.search(r"stopped", (await adam.get(path)).text)


async def test_a_message_is_held_and_goes_on_when_somebody_lets_it_and_whoever_opens_it_is_in_the_trail(clinic: Clinic) -> None:
    client = (await clinic.make("sys-mh", patient(identifier=[{"system": "urn:cedar", "value": "X9"}]))).id
    await clinic.make("sys-mh", encounter(client))
    await registered(clinic.gate, program=MH)
    door = listener(clinic.gate)
    assert code(await sent(door, oru("M1", mrn="X9"))) == "AA"
    id_ = str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message"))
    ivy, place = await visitor(clinic, "ivy"), f"/exchange/messages/{id_}"
    await ivy.get(place)
    assert (await ivy.post(place, {"do": "hold"})).status_code == 422, "why must be said"
    assert (await ivy.post(place, {"do": "hold", "why": "The laboratory asked to wait."})).status_code == 303
    await done(door, clinic.gate)
    assert await states(clinic.gate, clinic.owner) == [("held", "The laboratory asked to wait.")], "nothing does it while it is held"
    assert (await ivy.post(place, {"do": "release"})).status_code == 303
    await done(door, clinic.gate)
    ((state, _),) = await states(clinic.gate, clinic.owner)
    assert state in ("mapped", "review")
    events = [r["state"] for r in await clinic.owner.fetch("SELECT state FROM record.exchange_event WHERE message = $1 ORDER BY at", id_)]
    assert [e for e in events if e in ("held", "released")] == ["held", "released"]
    opened = "SELECT count(*) FROM record.audit WHERE action = 'exchange-open' AND account = 'ivy' AND outcome = 'done'"
    before = int(await clinic.owner.fetchval(opened))
    await ivy.get(place)
    assert int(await clinic.owner.fetchval(opened)) == before, "the envelope says nothing of anybody"
    await ivy.get(f"{place}/content")
    assert int(await clinic.owner.fetchval(opened)) == before + 1
