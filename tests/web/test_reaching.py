"""The ways to a partner in the register, and a hand-off that goes by them, as people see them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bench.walking import counted
from sojourn.base import clock
from sojourn.care.reaching import looking
from sojourn.care.reaching.sender import Unreachable
from sojourn.gate.exchange import partners, troubles, ways
from sojourn.gate.exchange.keeping import MAPPED, REVIEW
from sojourn.record import direct as record_direct
from sojourn.record import organization, reaching
from sojourn.record.database import Dsn
from tests.care.reach import DIRECT, Door, brought, partner, state
from tests.care.reported import as_, house, visitor
from tests.people import MH, SUD, A, Clinic, encounter, observation, patient
from tests.web.real import HASH, later

SAID = {"place-direct": "1", "address-direct": "records@direct.lakeside.example", "place-fax": "2", "address-fax": "+1 512 555 0142"}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        for account, role, programs in (("ivy", "integration-manager", (SUD, MH, 3)), ("adam", "administrator", (MH,))):
            row = organization.AccountRow(account, "staff", account, account.title(), HASH, f"Practitioner/{account}", role, list(programs), programs[-1], [])
            await organization.account(made.owner, A, row, clock.now())
        yield made


async def test_ways_are_entered_in_their_order_and_a_fax_number_is_confirmed_by_somebody_else(clinic: Clinic) -> None:
    place = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside"})).id
    await partner(clinic, place)
    path = "/exchange/partners/lakeside/ways"
    ivy, adam = await visitor(clinic, "ivy"), await visitor(clinic, "adam")
    with counted() as asked:
        assert "Nothing is entered yet" in (await ivy.get(path)).text
    assert len(asked) <= 12
    for wrong in ({"address-fax": "5550142"}, {"address-direct": "x"}, {"place-fax": "1"}, {"place-mhd": "3", "address-mhd": "http://fhir.example/r4"}):
        answer = await ivy.post(path, {**SAID, **wrong})
        assert answer.status_code == 422, wrong
    assert "http://fhir.example/r4" in ivy.last.text, "what was typed stays"
    assert (await ivy.post(path, SAID)).status_code == 303
    page = (await ivy.get(path)).text
    assert "Direct mail, then print and post." in page
    assert "Nothing is faxed to the new number" in page
    assert (await ivy.post(path + "/confirm", {"door": "fax", "again": "+15125550142"})).status_code == 422
    await adam.get(path)
    assert (await adam.post(path + "/confirm", {"door": "fax", "again": "+15125550124"})).status_code == 422
    assert (await adam.post(path + "/confirm", {"door": "fax", "again": "(1) 512 555 0142"})).status_code == 422, "the country stands before it"
    assert (await adam.post(path + "/confirm", {"door": "fax", "again": "+1 (512) 555-0142"})).status_code == 303
    page = (await adam.get(path)).text
    assert "Direct mail, then fax, then print and post." in page
    assert "Confirmed by Adam" in page
    assert "Direct mail, then fax" in (await ivy.get("/exchange/partners/lakeside")).text
    nurse = await visitor(clinic, "nurse")
    assert [(await nurse.get(p)).status_code for p in (path, "/exchange/partners/nobody/ways")] == [403, 403]
    assert (await ivy.get("/exchange/partners/nobody/ways")).status_code == 404


class Asked(Door):
    """Says what is there."""

    def __init__(self, said: str | None) -> None:
        super().__init__()
        self.said = said

    async def discover(self, tenant: Any, partner: Any, way: Any) -> str:
        if self.said is None:
            raise Unreachable("Their certificate is over.")
        return self.said


async def test_what_is_found_of_a_way_stands_with_it_and_its_day(clinic: Clinic) -> None:
    place = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside"})).id
    await partner(clinic, place, DIRECT, ways.Way(ways.MHD, "https://fhir.lakeside.example/r4", "ivy"))
    ivy = await visitor(clinic, "ivy")
    path = "/exchange/partners/lakeside/ways"
    await ivy.get(path)
    assert (await ivy.post(path + "/look")).status_code == 303, "a server without such doors finds nothing"
    access = await as_(clinic, "ivy")
    await looking.look(access, await partners.one(access, "lakeside"), {ways.DIRECT: Asked(None), ways.MHD: Asked("MHD 4.2, comprehensive.")})
    page = (await ivy.get(path)).text
    for words in ("Last failed", "Their certificate is over.", "Found there", "MHD 4.2, comprehensive."):
        assert words in page


async def test_a_hand_off_goes_by_the_doors_and_who_sent_it_sees_how_far_it_is(clinic: Clinic) -> None:
    place = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside"})).id
    await partner(clinic, place, DIRECT)
    client = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(client))
    await clinic.make("sys-mh", observation(client))
    await clinic.make("sys-mh", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{client}"}, "participant": [{"member": {"reference": f"Organization/{place}"}}]})
    dana = await visitor(clinic, "mh-clinician")
    room = f"/patients/{client}/handoff"
    await dana.get(room)
    one = (await dana.post(room, {"recipient": place, "asks": "Follow-up", "why": ""})).headers["location"]
    page = (await dana.get(one)).text
    assert "By their doors: direct mail, then print and post." in page
    said = dict(re.findall(r'name="(digest|version)" value="([^"]*)"', page))
    assert (await dana.post(one, {"do": "send", "by": "doors", "form": "", **said})).status_code == 303
    page = (await dana.get(one)).text
    assert "Not tried yet" in page
    delivery = str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message"))
    await brought(clinic, {}, 2)  # no such door here: it is to be printed
    assert (await state(clinic, delivery))[0] == REVIEW
    assert "Print a hand-off and give it away" in (await dana.get("/today")).text
    page = (await dana.get(one)).text
    version = re.findall(r'name="version" value="([^"]*)"', page)[0]
    assert (await dana.post(one, {"do": "posted", "delivery": delivery, "version": version})).status_code == 422, "nobody printed it yet"
    pdf = await dana.post(one, {"do": "print", "delivery": delivery, "version": version})
    assert (pdf.status_code, pdf.headers["content-type"], pdf.content[:5]) == (200, "application/pdf", b"%PDF-")
    await dana.get(one)
    assert (await dana.post(one, {"do": "posted", "delivery": delivery, "version": version, "note": "By post"})).status_code == 303
    page = (await dana.get(one)).text
    assert "Printed and given away. By post" in page
    link = re.findall(r'href="([^"]*)">What left<', page)[0]
    assert (await dana.get(link)).status_code == 200
    assert "What left" not in (await (await visitor(clinic, "lead")).get(one)).text, "no link to what would not open"
    assert (await state(clinic, delivery))[:2] == (MAPPED, "print")
    ivy = await visitor(clinic, "ivy")
    assert "Referral" in (await ivy.get("/exchange/messages")).text
    assert (await ivy.get(f"/exchange/messages/{delivery}")).status_code == 200
    for part in ("content", "file", "files/0"):
        assert (await ivy.get(f"/exchange/messages/{delivery}/{part}")).status_code == 404, "what it says stands in the log of disclosures alone"
    await ivy.get(f"/exchange/messages/{delivery}")
    sent = await ivy.post(f"/exchange/messages/{delivery}/content", {"patient": client})
    assert (sent.status_code, "Rivera" in sent.text) == (404, False), "also where one says whose a message is"


async def test_what_does_not_work_stands_on_the_desk_for_somebody_until_it_does(clinic: Clinic) -> None:
    place = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside"})).id
    await partner(clinic, place, DIRECT)
    ivy, officer = await visitor(clinic, "ivy"), await visitor(clinic, "officer")
    assert "Nothing waits for anybody." in (await ivy.get("/exchange")).text
    house, them = clinic.gate.house, "/exchange/partners/lakeside/ways"
    await record_direct.refuse(house.db, A, b"one", "a@x.test", "It is not encrypted.", clock.now())
    page = (await ivy.get("/exchange")).text
    assert "1 mail was not taken, and nobody looked at it yet. The last: It is not encrypted." in page
    assert "a@x.test" not in page, "who says to have sent it stands with the mailbox"
    mail = (await clinic.owner.fetchval("SELECT mail FROM record.direct_refused")).hex()
    assert (await ivy.post("/exchange/direct", {"do": "seen", "mail": mail})).status_code == 303
    assert "not taken, and nobody" not in (await ivy.get("/exchange")).text
    assert await clinic.owner.fetchval("SELECT seen_by FROM record.direct_refused") == "ivy"
    await reaching.find(house.db, A, clock.now(), "lakeside", ways.DIRECT, "failed", "Their system did not say within an hour that it has it.")
    await reaching.find(house.db, A, clock.now(), "lakeside", ways.FAX, "failed", "The line was busy.")
    await troubles.carrier(house, ways.FAX, "It could not be asked.")
    await clinic.owner.execute(
        "INSERT INTO record.direct_mailbox (tenant, facts, secret, state, known_from) VALUES (1, '{}', '', 'active', now()); INSERT INTO record.direct_run (tenant, due, problem) VALUES (1, now(), 'The HISP does not know our password.')"
    )
    with counted() as asked:
        page = (await ivy.get("/exchange")).text
    assert len(asked) <= 12
    for words in ("Direct mail to Lakeside Primary Care", "within an hour", "The fax gateway", "It could not be asked.", "Our Direct mailbox", "does not know our password", "1 waiting", f'{them}"', '/exchange/direct"'):
        assert words in page, words
    assert "The line was busy." not in page, "nothing goes to them by fax"
    assert "Nothing waits for anybody." not in page
    theirs = (await officer.get("/exchange")).text
    assert "Our Direct mailbox" in theirs
    assert them not in theirs, "who does not look after partners has no such page"
    later(minutes=1)
    await reaching.find(house.db, A, clock.now(), "lakeside", ways.DIRECT, "arrived", "Their system says that it was delivered.")
    await troubles.carrier(house, ways.FAX, "")
    await clinic.owner.execute("UPDATE record.direct_mailbox SET state = 'stopped'")
    page = (await ivy.get("/exchange")).text
    assert "Nothing waits for anybody." in page
    assert "Does not work" not in page
