"""The pages of Direct: our mailbox, whom we believe of a partner, what a letter says; and who may see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sojourn.base import clock
from sojourn.care.papers import indexing
from sojourn.gate import papers
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.wire import trust
from tests.care.reported import as_, house, visitor
from tests.care.test_papers import wish
from tests.doors.direct.hisp import PASSWORD, authority, hisp
from tests.doors.direct.partner import THEM, US, Door, opened, sealed
from tests.doors.direct.test_fetching import letter
from tests.people import MH, SUD, A, Clinic, encounter, patient
from tests.web.real import HASH
from tests.wire import authorities as ca

STAFF = (("ivy", "integration-manager", (SUD, MH, 3)), ("ivo", "integration-manager", (MH,)), ("nan", "nurse", (SUD, MH)), ("tray", "admissions", (SUD, MH)))


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        for account, role, programs in STAFF:
            row = organization.AccountRow(account, "staff", account, account.title(), HASH, f"Practitioner/{account}", role, list(programs), programs[-1], [])
            await organization.account(made.owner, A, row, clock.now())
        yield made


async def test_a_manager_enters_the_mailbox_and_whom_to_believe(clinic: Clinic) -> None:
    ivy = await visitor(clinic, "ivy")
    own = ca.address(US)
    said = {
        "address": US, "smtp": "smtp.hisp.test", "smtp_port": "587", "imap": "imap.hisp.test", "imap_port": "993", "login": "us", "every": "60", "authority": authority(), "password": PASSWORD,
        "certificates": trust.pem(own.certificate), "key": own.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }  # fmt: skip
    for change, words in (({"address": "x@y.test"}, "for another address"), ({"key": ""}, "private key"), ({"smtp_port": "x"}, "whole numbers"), ({"certificates": trust.pem(ca.address(THEM).certificate)}, "not the private key")):
        await ivy.get("/exchange/direct")
        refused = await ivy.post("/exchange/direct", said | change)
        assert (refused.status_code, words in refused.text) == (422, True), words
    assert (await ivy.post("/exchange/direct", said)).status_code == 303
    page = (await ivy.get("/exchange/direct")).text
    assert trust.fingerprint(own.certificate) in page
    assert PASSWORD not in page
    assert "PRIVATE KEY-----\n" not in page
    assert PASSWORD.encode() not in await clinic.owner.fetchval("SELECT secret FROM record.direct_mailbox WHERE known_to = 'infinity'"), "it is sealed"

    await clinic.gate.house.db.call("SELECT gate.exchange_put_partner(1, 'cedar', '{\"name\": \"Cedar Clinic\", \"door\": \"sftp\"}', 'active', NULL, 'test', '', $1)", clock.now())
    here = "/exchange/partners/cedar/direct"
    assert "Nobody is believed yet" in (await ivy.get(here)).text
    assert (await ivy.post(here, {"addresses": "not an address"})).status_code == 422
    assert (await ivy.post(here, {"addresses": f"{THEM}, @direct.cedar.test", "final": "yes"})).status_code == 303
    soon = ca.issued("soon", ca.root(), mail=THEM, until=clock.now() + timedelta(days=10, hours=1))
    for kind, certificate in (("anchor", ca.root()), ("address", soon)):
        assert (await ivy.post(f"{here}/certificates", {"kind": kind, "body": trust.pem(certificate.certificate)})).status_code == 303
    assert (await ivy.post(f"{here}/certificates", {"kind": "anchor", "body": trust.pem(ca.root().certificate)})).status_code == 422, "it is there already"
    page = (await ivy.get(here)).text
    assert "ends in 10 days" in page
    id_ = await clinic.owner.fetchval("SELECT certificate FROM record.direct_certificate WHERE kind = 'address'")
    assert (await ivy.post(f"{here}/certificates", {"do": "revoke", "certificate": id_, "why": "They lost its key"})).status_code == 303
    assert "They lost its key" in (await ivy.get(here)).text
    nan = await visitor(clinic, "nan")
    assert [(await nan.get(p)).status_code for p in ("/exchange/direct", here, "/exchange/partners/nobody/direct")] == [403] * 3


async def test_a_letter_is_read_by_who_may_open_it_and_looks_to_others_like_none(clinic: Clinic) -> None:
    async with hisp(US, THEM) as there:
        await opened(clinic.gate, there, as_={"program": SUD})
        there.put(US, sealed(letter()))
        await Door(clinic.gate).look()
    id_ = await clinic.owner.fetchval("SELECT message FROM record.exchange_message")
    ivy, ivo = await visitor(clinic, "ivy"), await visitor(clinic, "ivo")
    page = await ivy.get(f"/exchange/messages/{id_}/content")
    assert (page.status_code, "letter.pdf" in page.text, "With this comes a document." in page.text) == (200, True, True)
    assert (await ivy.get(f"/exchange/messages/{id_}/files/0")).content.startswith(b"%PDF")
    assert "letter.pdf" not in (await ivy.get(f"/exchange/messages/{id_}")).text, "an envelope names nothing"
    for path in ("content", "files/0"):
        answers = [await ivo.get(f"/exchange/messages/{which}/{path}") for which in (id_, "nobody")]
        assert [a.status_code for a in answers] == [404, 404]
    assert [(await ivy.get(f"/exchange/messages/{id_}/files/{n}")).status_code for n in ("1", "x", "99999")] == [404] * 3


async def test_a_letter_whose_page_was_put_into_a_chart_is_under_the_labels_of_that_chart(clinic: Clinic) -> None:
    """Somebody of the program for which it came reads it while it waits; not once it is in the chart of a client whom they do not see. Each look names who it is about by then."""
    client = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-sud", encounter(client))
    async with hisp(US, THEM) as there:
        await opened(clinic.gate, there, as_={"program": MH, "programs": (MH,)})
        there.put(US, sealed(letter()))
        await Door(clinic.gate).look()
    id_ = await clinic.owner.fetchval("SELECT message FROM record.exchange_message")

    async def look(who: str, end: str) -> tuple[int, list[list[str]]]:
        answer = await (await visitor(clinic, who)).get(f"/exchange/messages/{id_}/{end}")
        lines = await clinic.owner.fetch("SELECT patients FROM record.audit WHERE request = $1 AND action = 'exchange-open'", answer.headers["x-request-id"])
        return answer.status_code, [line["patients"] for line in lines]

    for who in ("ivy", "ivo"):
        assert [await look(who, end) for end in ("content", "files/0")] == [(200, [[]])] * 2
    tray = await as_(clinic, "tray")
    paper = await papers.one(tray, await clinic.owner.fetchval("SELECT paper FROM record.paper"))
    await indexing.index(tray, paper, wish(client, program=SUD))
    assert [await look("ivy", end) for end in ("content", "files/0")] == [(200, [[client]])] * 2
    assert [await look("ivo", end) for end in ("content", "files/0")] == [(404, [[]])] * 2
