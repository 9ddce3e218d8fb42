"""Revocation lists that certificates name: fetched within bounds, kept, heeded; what is not known is refused where the organization says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from sojourn.base import clock
from sojourn.care.reaching.sender import Failed, Taken
from sojourn.doors.direct.sending import Direct
from sojourn.gate.exchange import directlists, directtrust
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.wire import trust
from sojourn.wire.cms import Holder
from tests import people
from tests.care.reported import house, visitor
from tests.doors.direct.hisp import HOST
from tests.doors.direct.partner import THEM, US, ready, sealed
from tests.doors.direct.test_fetching import letter, messages
from tests.doors.direct.test_sending import PARCEL
from tests.journeys.serving import serving
from tests.people import FAR, MH, SUD, A, Clinic
from tests.web.real import HASH
from tests.wire import authorities as ca


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


class Authority:
    """Gives out its list by HTTP, and remembers how often it was asked. body: None for an answer that is none."""

    def __init__(self) -> None:
        self.body: bytes | None = b""
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.asked += 1
        await send({"type": "http.response.start", "status": 404 if self.body is None else 200, "headers": []})
        await send({"type": "http.response.body", "body": self.body or b""})

    def lists(self, *serials: int, by: Holder | None = None) -> None:
        self.body = ca.revocations(by or ca.root(), *serials).public_bytes(Encoding.DER)


async def anew(clinic: Clinic) -> None:
    """As if the list was asked for long ago."""
    await clinic.owner.execute("UPDATE record.direct_list SET asked = '2000-01-01', good = '2000-01-01'")


async def refused(clinic: Clinic) -> list[str]:
    return [r["reason"].partition(".")[0] for r in await clinic.owner.fetch("SELECT reason FROM record.direct_refused ORDER BY at")]


async def test_a_list_is_fetched_once_and_what_it_takes_back_is_believed_no_more(clinic: Clinic) -> None:
    there = Authority()
    async with serving(there, "127.0.0.1") as url, ready(clinic.gate) as (hisp, door):
        them = ca.issued("listed", ca.root(), mail=THEM, lists=f"{url}/root.crl")
        there.lists()
        for n in (1, 2):
            hisp.put(US, sealed(letter(n, asks=False), f"u{n}", them))
        await door.look()
        assert [s for _, s, _ in await messages(clinic)] == ["mapped", "mapped"]
        assert there.asked == 1, "it is good for a while"
        there.lists(them.certificate.serial_number)
        await anew(clinic)
        hisp.put(US, sealed(letter(3, asks=False), "u3", them))
        await door.look()
        assert await refused(clinic) == ["The certificate was revoked by its authority"]
        there.body = None
        await anew(clinic)
        hisp.put(US, sealed(letter(4, asks=False), "u4", them))
        await door.look()
        assert len(await refused(clinic)) == 2, "an authority that cannot be asked changes nothing of what it said"


async def test_what_is_not_known_is_taken_or_refused_as_the_organization_says(clinic: Clinic) -> None:
    there = Authority()
    async with serving(there, "127.0.0.1") as url, ready(clinic.gate) as (hisp, door):
        them = ca.issued("unknown", ca.root(), mail=THEM, lists=f"{url}/root.crl")
        there.lists(by=ca.root("Other root"))  # somebody else's
        hisp.put(US, sealed(letter(1, asks=False), "u1", them))
        await door.look()
        assert [s for _, s, _ in await messages(clinic)] == ["mapped"]
        tenant = clinic.gate.house.tenants[A]
        (one,) = await directlists.fetched(clinic.gate.house, tenant)
        assert (one.found, one.problem) == (None, "What is there is no list of that authority that is good now.")
        await clinic.owner.execute("INSERT INTO record.policy (tenant, key, level, value, account, reason, valid_from, known_from) VALUES (1, 'direct.unknown-revocation', '', '\"refuse\"', 'x', 'test', '2020-01-01', '2020-01-01')")
        hisp.put(US, sealed(letter(2, asks=False), "u2", them))
        await door.look()
        assert await refused(clinic) == ["Nothing here says whether the certificate was revoked: no list of its authority is entered, and none could be fetched"]
        out = Direct(clinic.gate, [HOST])
        assert isinstance(await out.send(tenant, PARCEL), Failed), "nothing goes to a certificate of which nobody knows it"
        there.lists()
        await clinic.gate.house.db.call("SELECT gate.direct_add_certificate(1, 'l', 'cedar', 'list', 'l', $1, '', $2, 'test', $2)", ca.revocations(ca.root()).public_bytes(Encoding.PEM).decode(), clock.now())
        assert isinstance(await out.send(tenant, PARCEL), Taken), "a list that somebody entered says it"


async def test_nobody_is_asked_for_a_stranger_and_no_address_of_our_own_network(clinic: Clinic) -> None:
    there = Authority()
    there.lists()
    async with serving(there, "127.0.0.1") as url, ready(clinic.gate) as (hisp, door):
        hisp.put(US, sealed(letter(1), "u1", ca.issued("stranger", ca.root("Other root"), mail=THEM, lists=f"{url}/x.crl")))
        hisp.put(US, sealed(letter(2, asks=False), "u2", ca.issued("inner", ca.root(), mail=THEM, lists="http://localhost:1/root.crl")))
        await door.look()
        assert there.asked == 0
        assert await refused(clinic) == ["The certificate leads to no trust anchor of this partner"]
        (one,) = await directlists.fetched(clinic.gate.house, clinic.gate.house.tenants[A])
        assert one.problem.startswith("It could not be fetched.")


def test_what_is_known_of_a_certificate_is_good_revoked_or_not_known() -> None:
    one = ca.issued("standing", ca.root(), mail=THEM)
    said = [trust.Trust([ca.root().certificate], lists=lists).standing(one.certificate, (), THEM, clock.now(), signs=True) for lists in ([], [ca.revocations(ca.root())], [ca.revocations(ca.root(), one.certificate.serial_number)], [ca.revocations(ca.root("Other root"))])]
    assert said == [trust.UNKNOWN, trust.GOOD, trust.REVOKED, trust.UNKNOWN]
    assert trust.Trust().standing(one.certificate, (), THEM, clock.now(), signs=True) == ""


async def test_the_page_of_a_partner_says_it_of_each_certificate(database: Dsn) -> None:
    async with house(database) as clinic, ready(clinic.gate):
        row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", HASH, "Practitioner/ivy", "integration-manager", [SUD, MH, FAR], MH, [])
        await organization.account(clinic.owner, A, row, clock.now())
        ivy = await visitor(clinic, "ivy")
        page = (await ivy.get("/exchange/partners/cedar/direct")).text
        assert "not known whether revoked" in page
        assert directtrust.KINDS[directtrust.ADDRESS] in page
