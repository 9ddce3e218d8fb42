"""Contracts of single exchanges: agreed, overdue, told once, closed by what closes them; and the charts of what comes and goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bench.walking import counted
from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.exchange import watching
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import agreed, terms
from sojourn.gate.exchange.agreed import Agreed
from sojourn.gate.exchange.terms import Term
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.web.charts import Column, columns
from tests.care import reach
from tests.care.reported import house, visitor
from tests.doors.hl7v2 import counterpart
from tests.doors.hl7v2.counterpart import Counterpart
from tests.doors.hl7v2.lab import MRN, code, done, listener, oru, registered, sent
from tests.doors.hl7v2.test_orders_out import order
from tests.people import MH, SUD, A, Clinic, encounter, patient
from tests.web.real import HASH

STAFF = (("ivy", "integration-manager", (SUD, MH, 3)), ("ivo", "integration-manager", (MH,)))


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        for account, role, programs in STAFF:
            row = organization.AccountRow(account, "staff", account, account.title(), HASH, f"Practitioner/{account}", role, list(programs), programs[-1], [])
            await organization.account(made.owner, A, row, clock.now())
        yield made


async def rounds(clinic: Clinic) -> int:
    """What the clock does about partners."""
    return await watching.run(await Clockwork(clinic.gate).access(A))


async def test_by_when_an_exchange_is_closed_is_agreed_for_each_kind(clinic: Clinic) -> None:
    await counterpart.agreed(clinic, None, "Organization/lab", "ORM^O01", "ADT^A08")
    ivy = await visitor(clinic, "ivy")
    path = "/exchange/partners/cedar/contracts"
    page = (await ivy.get(path)).text
    names = ["in.done.", "out.taken.ORM^O01", "out.answered.ORM^O01", "out.taken.ADT^A08"]
    assert [n for n in (*names, "out.answered.ADT^A08") if f'name="{n}"' in page] == names, "an admission is not answered by anything but an acknowledgement"
    for wrong in ("x", "0", "2161", "99999"):
        refused = await ivy.post(path, {"out.taken.ORM^O01": wrong})
        assert (refused.status_code, f'value="{wrong}"' in refused.text) == (422, True)
    assert (await ivy.post(path, {"out.taken.ORM^O01": "4", "out.answered.ORM^O01": "72", "out.taken.ADT^A08": ""})).status_code == 303
    assert 'value="72"' in (await ivy.get(path)).text
    assert "2 kinds of exchange are closed within an agreed time" in (await ivy.get("/exchange/partners/cedar")).text
    await ivy.get("/exchange/partners/cedar/agreed")
    assert (await ivy.post("/exchange/partners/cedar/agreed", {"data": "Orders", "unit": "hours"})).status_code == 303
    assert 'value="72"' in (await ivy.get(path)).text, "what else is agreed leaves the contracts as they are"
    nurse = await visitor(clinic, "nurse")
    assert [(await nurse.get(p)).status_code for p in (path, "/exchange/partners/nobody/contracts", "/exchange/overdue", "/exchange/traffic")] == [403] * 4


async def test_documents_and_files_have_contracts_as_messages_have(clinic: Clinic) -> None:
    place = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside"})).id
    await reach.partner(clinic, place, reach.FAX)
    ivy = await visitor(clinic, "ivy")
    path = "/exchange/partners/lakeside/contracts"
    page = (await ivy.get(path)).text
    assert [n for n in ("in.done.door:mhd", "out.arrived.door:document", "in.done.door:sftp", "in.done.door:direct", "out.taken.door:document") if f'name="{n}"' in page] == ["in.done.door:mhd", "out.arrived.door:document"]
    assert (await ivy.post(path, {"in.done.door:mhd": "24", "out.arrived.door:document": "2"})).status_code == 303, ivy.last.text
    begin = clock.now()
    for door, direction, control in (("mhd", "in", "B1"), ("document", "out", "D1"), ("hl7v2", "in", "M1")):
        await clinic.owner.execute(
            "INSERT INTO record.exchange_message (tenant, message, partner, door, direction, control, digest, kind, lane, size, body, state, due, received, updated) VALUES (1, $1, 'lakeside', $2, $3, $1, '', 'x', '', 1, '', 'received', $4, $4, $4)",
            control, door, direction, begin,
        )  # fmt: skip
    now = FakeClock(begin)
    with clock.using(now):
        now.advance(timedelta(hours=3))
        ivy = await visitor(clinic, "ivy")
        page = (await ivy.get("/exchange/overdue")).text
        assert ("1 message: Documents, by their ways" in page, "Documents that they bring" in page) == (True, False)
        now.advance(timedelta(hours=22))
        ivy = await visitor(clinic, "ivy")
        page = (await ivy.get("/exchange/overdue")).text
        assert "1 message: Documents that they bring (MHD)" in page
        await clinic.owner.execute("UPDATE record.exchange_message SET state = 'mapped' WHERE door = 'document'")
        assert "Documents, by their ways" not in (await ivy.get("/exchange/overdue")).text, "it arrived"


async def test_an_order_is_overdue_until_its_result_is_filed_and_told_once_to_who_answers(clinic: Clinic) -> None:
    lab = await Counterpart().open()
    place = "Organization/" + (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Cedar Ridge Laboratory"})).id
    client = (await clinic.make("sys-mh", patient(identifier=[{"system": MRN, "value": "R1"}]))).id
    await clinic.make("sys-mh", encounter(client))
    begin = clock.now()
    what = agreed.facts(Agreed(answers="ivy", terms=tuple(terms.facts([Term("out", "ORM^O01", terms.TAKEN, 1, begin), Term("out", "ORM^O01", terms.ANSWERED, 24, begin)]))))
    partner = await counterpart.agreed(clinic, lab, place, "ORM^O01", authorities={"RIVER": MRN}, program=MH, what=what)
    for number in ("Q1", "Q2"):
        await clinic.make("sys-mh", order(client, place, identifier=[{"system": "https://sojourn.example/fhir/NamingSystem/lab-requisition", "value": number}]))
        await counterpart.sent(clinic, partner)
    await lab.close()
    assert len(lab.got) == 2
    now = FakeClock(begin)
    with clock.using(now):
        now.set(begin + timedelta(hours=23))
        assert await rounds(clinic) == 0, "both were taken in time"
        now.set(begin + timedelta(hours=26))
        assert [await rounds(clinic), await rounds(clinic)] == [1, 0], "once, whoever looks"
        ivy, ivo = await visitor(clinic, "ivy"), await visitor(clinic, "ivo")
        assert "An exchange with a partner is overdue" in (await ivy.get("/today")).text
        assert "is overdue" not in (await ivo.get("/today")).text, "who answers for it is told"
        for path in ("/exchange", "/exchange/overdue"):
            with counted() as asked:
                page = (await ivo.get(path)).text
            assert len(asked) <= 12, path
            for words in ("2 messages: Laboratory order", "They act within 24 hours: something about the same order comes and is filed", "late for 2 hours"):
                assert words in page, (path, words)
        door = listener(clinic.gate)
        assert code(await sent(door, oru("K1", placer="Q1", filler="F1"))) == "AA"
        await done(door, clinic.gate)
        assert await rounds(clinic) == 0, "the alarm stays while one of them is overdue"
        assert "1 message: Laboratory order" in (await ivo.get("/exchange/overdue")).text
        assert code(await sent(door, oru("K2", placer="Q2", filler="F2"))) == "AA"
        await done(door, clinic.gate)
        assert await rounds(clinic) == 1
        assert "Nothing is overdue." in (await ivo.get("/exchange/overdue")).text
        ivy = await visitor(clinic, "ivy")
        assert "is overdue" not in (await ivy.get("/today")).text
        assert "ORM O01 to them, the answer to it, was overdue since" in (await ivy.get("/exchange/partners/cedar/agreed")).text


async def test_what_comes_is_overdue_until_it_is_filed_or_set_aside(clinic: Clinic) -> None:
    begin = clock.now()
    await registered(clinic.gate, agreed={"terms": terms.facts([Term("in", "", terms.DONE, 2, begin)])})
    door = listener(clinic.gate)
    await sent(door, oru("K1", mrn="X9"))
    await done(door, clinic.gate)
    with clock.using(FakeClock(begin + timedelta(hours=3))):
        assert await rounds(clinic) == 1
        ivo = await visitor(clinic, "ivo")
        assert "We act within 2 hours: it is filed, or somebody here has set it aside." in (await ivo.get("/exchange/overdue")).text
        id_ = str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message"))
        assert (await ivo.post(f"/exchange/messages/{id_}", {"do": "aside", "why": "Nobody of ours"})).status_code == 303
        assert await rounds(clinic) == 1
        assert "Nothing is overdue." in (await ivo.get("/exchange/overdue")).text


async def test_the_charts_count_what_came_went_and_waits_for_somebody(clinic: Clinic) -> None:
    await registered(clinic.gate)
    await clinic.make("sys-mh", patient(identifier=[{"system": MRN, "value": "R1"}]))
    door = listener(clinic.gate)
    now = FakeClock(clock.now())
    with clock.using(now):
        for days, control, mrn in ((0, "K1", "X1"), (1, "K2", "R1"), (1, "K3", "X3"), (0, "K4", "X4")):
            now.set(now.now() + timedelta(days=days))
            await sent(door, oru(control, mrn=mrn, filler=control))
            await done(door, clinic.gate)
        await clinic.owner.execute("UPDATE record.exchange_message SET state = CASE control WHEN 'K2' THEN 'mapped' WHEN 'K3' THEN 'failed' ELSE 'review' END")
        ivo = await visitor(clinic, "ivo")
        with counted() as asked:
            page = (await ivo.get("/exchange/traffic")).text
        assert len(asked) <= 12
        assert "4 Mar: 1 for somebody; 5 Mar: 1 came; 6 Mar: 2 for somebody." in page
        assert "1 came and 0 went without anybody; 3 are for somebody now" in page
        assert "(75.0 %)" in page
        by_hour = (await ivo.get("/exchange/traffic?by=hour&partner=cedar")).text
        assert "5 Mar 10:00: 1 came; 6 Mar 10:00: 2 for somebody." in by_hour, "of two days, by the clock here"


def test_columns_say_in_words_what_they_draw() -> None:
    drawn = columns([Column("1 Mar", (3, 0, 1)), Column("2 Mar", (0, 0, 0))], ["Came", "Went", "For <us>"], "Of a <partner>", "c1")
    assert "1 Mar: 3 came, 1 for &lt;us&gt;." in drawn
    assert "<partner>" not in drawn
    assert drawn.count("<rect") == 2
    assert "Nothing." in columns([Column("1 Mar", (0, 0, 0))], ["a", "b", "c"], "t", "i")
