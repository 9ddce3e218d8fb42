"""The partner test bench: nothing real before a passed run that both sides signed, an agreement and a basis; nothing lost meanwhile."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.exchange import watching
from sojourn.doors.hl7v2.bench import Bench, looked, written
from sojourn.doors.hl7v2.out.client import Identity
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import partners, profile, testing
from sojourn.gate.exchange.partners import Partner
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.wire import hl7v2
from tests.care.reported import house, visitor
from tests.doors.hl7v2 import counterpart
from tests.doors.hl7v2.counterpart import SENDS, Counterpart
from tests.doors.hl7v2.lab import LAB, MRN, code, done, listener, oru, registered, sent, states
from tests.doors.hl7v2.test_orders_out import order
from tests.doors.sftp import partner as box
from tests.people import MH, SUD, A, Clinic, encounter, patient
from tests.web.real import HASH, Visitor

BENCH = "/exchange/partners/cedar/bench"
AGREED = {"kind": "qsoa", "gives": "treatment"}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", HASH, "Practitioner/ivy", "integration-manager", [SUD, MH, 3], 3, [])
        await organization.account(made.owner, A, row, clock.now())
        yield made


async def untested(clinic: Clinic, partner: Partner = LAB) -> Partner:
    """A partner as an administrator registers one: nothing was decided about them."""
    await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", A, partner.id, partners.facts(partner), clock.now())
    return partner


async def bench_round(clinic: Clinic) -> None:
    """What the bench does by itself."""
    await Bench(clinic.gate.house, Identity()).round(clinic.gate.house.tenants[A])


async def run_of(browser: Visitor) -> str:
    """The run that the page shows."""
    return re.findall(r'name="run" value="([^"]+)"', (await browser.get(BENCH)).text)[0]


def trial(control: str, mrn: str = "ZZTEST-0001") -> bytes:
    return oru(control, mrn=mrn, family="Zztest", born="19800229", filler=control).replace(b"|P|2.5.1", b"|T|2.5.1")


async def test_from_the_first_message_to_go_and_what_was_held_is_done_then(clinic: Clinic) -> None:
    lab = await Counterpart(codes=["AE", "AA"]).open()
    place = "Organization/" + (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Cedar Ridge Laboratory"})).id
    client = (await clinic.make("sys-mh", patient(identifier=[{"system": MRN, "value": "R1"}]))).id
    await clinic.make("sys-mh", encounter(client))
    out = profile.checked(replace(SENDS, kinds=("ORM^O01",), port=lab.port, begun="2020-01-01T00:00:00+00:00"), place, clock.now())
    partner = await untested(clinic, replace(LAB, organization=place, types=("ORU^R01",), program=MH, sending=profile.facts(out), agreed=AGREED))
    door = listener(clinic.gate)
    assert code(await sent(door, oru("M1"))) == "AA", "it is kept, so it is acknowledged"
    await done(door, clinic.gate)
    assert [s for s, _ in await states(clinic.gate, clinic.owner)] == ["held"]
    await clinic.make("sys-mh", order(client, place))
    await counterpart.sent(clinic, partner)
    assert lab.got == [], "an order waits"
    ivy = await visitor(clinic, "ivy")
    assert "exchanges nothing for real. No test was passed and signed by both sides yet." in (await ivy.get("/exchange")).text
    real = str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message"))
    assert (await ivy.post(f"/exchange/messages/{real}", {"do": "release"})).status_code == 409, "nobody lets it go on by hand"
    assert (await ivy.post(BENCH, {"do": "begin"})).status_code == 303
    assert (await ivy.post(BENCH, {"do": "begin"})).status_code == 422, "one at a time"
    run = await run_of(ivy)
    await bench_round(clinic)
    assert "They answered AE" in (await ivy.get(BENCH)).text
    assert (await ivy.post(BENCH, {"do": "sign", "run": run, "role": "Integration manager"})).status_code == 422, "nothing to sign yet"
    assert (await ivy.post(BENCH, {"do": "again", "run": run, "step": "out.ORM^O01"})).status_code == 303
    await sent(door, trial("T1", mrn="R1"))
    await bench_round(clinic)
    page = (await ivy.get(BENCH)).text
    assert "They answered AA." in page
    assert "It names nobody of the script" in page, "a message about somebody real is no part of a test"
    assert [m.header.v(11) for m in lab.messages] == ["T", "T"]
    assert all("ZZTEST" in m.one("PID").v(3) for m in lab.messages)  # type: ignore[union-attr]
    await sent(door, trial("T2"))
    await bench_round(clinic)
    page = (await ivy.get(BENCH)).text
    assert "Taken, and read by the profile. The number is one of ours (RIVER)." in page
    assert "Make a link by which they sign" in page
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.resource WHERE type IN ('DiagnosticReport', 'Observation')") == 0, "nothing of a test is in the record"
    assert (await ivy.post(BENCH, {"do": "go", "run": run, "why": "Done"})).status_code == 422, "nobody signed"
    assert (await ivy.post(BENCH, {"do": "sign", "run": run, "role": "Integration manager"})).status_code == 303
    assert (await ivy.post(BENCH, {"do": "go", "run": run, "why": "Done"})).status_code == 422, "one side signed"
    link = re.findall(r"/partner-test/[\w-]+", (await ivy.post(BENCH, {"do": "link", "run": run})).text)[0]
    theirs = Visitor(clinic)
    shown = (await theirs.get(link)).text
    assert "The result of a test with you" in shown
    assert "Cedar Ridge" not in shown
    assert (await theirs.post(link, {"name": "Kim Lee", "role": "Interface analyst"})).status_code == 422, "they say that they looked"
    assert "Thank you." in (await theirs.post(link, {"name": "Kim Lee", "role": "Interface analyst", "read": "yes"})).text
    assert (await theirs.get(link)).status_code == (await theirs.get("/partner-test/nothing")).status_code == 404
    assert "Kim Lee, Interface analyst" in (await ivy.get(BENCH)).text
    assert (await ivy.post(BENCH, {"do": "go", "run": run, "why": ""})).status_code == 422
    assert (await ivy.post(BENCH, {"do": "go", "run": run, "why": "Tested on both sides"})).status_code == 303
    await done(door, clinic.gate)
    await counterpart.sent(clinic, partner)
    assert [m.type for m in lab.messages] == ["ORM^O01"] * 3
    assert lab.messages[2].header.v(11) == "P", "now for real"
    by_control = {r["control"]: r["state"] for r in await clinic.owner.fetch("SELECT control, state FROM record.exchange_message WHERE direction = 'in'")}
    assert by_control == {"M1": "mapped", "T1": "aside", "T2": "aside"}, "what was held is done, and a test never"
    test = str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message WHERE control = 'T2'"))
    assert (await ivy.post(f"/exchange/messages/{test}", {"do": "again"})).status_code == 409
    assert {r["action"] for r in await clinic.owner.fetch("SELECT action FROM record.audit WHERE action LIKE 'exchange-%'")} >= {"exchange-test", "exchange-test-sign", "exchange-test-link", "exchange-go"}
    await lab.close()


async def test_a_changed_profile_takes_a_new_run_and_a_new_address_does_not(clinic: Clinic) -> None:
    await registered(clinic.gate)
    door = listener(clinic.gate)
    ivy = await visitor(clinic, "ivy")

    async def changed(**more: object) -> str:
        row = await clinic.owner.fetchrow("SELECT partner, facts, state, author, reason, known_from AS since FROM record.exchange_partner WHERE known_to = 'infinity'")
        made = replace(partners.of_row(row), **more)  # type: ignore[arg-type]
        await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', $5, 'test', '', $4)", A, made.id, partners.facts(made), clock.now(), row["since"])
        return str(await clinic.owner.fetchval("SELECT gate.exchange_cleared(1, 'cedar', $1)", clock.now()))

    assert "They exchanged already before there was a test bench" in (await ivy.get(BENCH)).text
    assert await changed(name="Cedar", contact="Kim", certificate="ab" * 32, addresses=("127.0.0.1",), agreed=AGREED) == ""
    assert await changed(certificate="", addresses=(), ignored=("AL1",)) == "profile"
    await sent(door, oru("M1"))
    await done(door, clinic.gate)
    assert [s for s, _ in await states(clinic.gate, clinic.owner)] == ["held"]
    assert "Their profile was changed since it was tested. It takes a new run." in (await ivy.get(BENCH)).text
    assert await changed(ignored=()) == "", "as it was before"
    old = str(await clinic.owner.fetchval("SELECT gate.exchange_profile((facts::jsonb - 'strangers' - 'acknowledgement' - 'reached')::text) = gate.exchange_profile(facts) FROM record.exchange_partner WHERE known_to = 'infinity'"))
    assert old == "True", "whoever was written down before a field was there has the same profile"
    await watching.run(await Clockwork(clinic.gate).access(A))
    assert [s for s, _ in await states(clinic.gate, clinic.owner)] == ["received"]


async def test_an_agreement_that_ends_holds_messages_until_there_is_another(clinic: Clinic) -> None:
    partner = await untested(clinic, replace(LAB, types=("ORU^R01",), agreed={"kind": "qsoa", "ends": (clock.now() + timedelta(days=3)).date().isoformat()}))
    ivy = await visitor(clinic, "ivy")
    await ivy.get(BENCH)
    await ivy.post(BENCH, {"do": "begin"})
    run = await run_of(ivy)
    door = listener(clinic.gate)
    await sent(door, trial("T1"))
    await bench_round(clinic)
    digest = str(await clinic.owner.fetchval("SELECT digest FROM record.exchange_run"))
    said = {"do": "file", "run": run, "name": "Kim Lee", "role": "Interface analyst"}
    for content, status in ((b"", 422), (b"We agree.", 422), (f"We agree to {digest}.".encode(), 303)):
        assert (await ivy.post(f"{BENCH}/signed", said, files={"file": ("signed.txt", content, "text/plain")})).status_code == status, content
    await ivy.post(BENCH, {"do": "sign", "run": run, "role": "Integration manager"})
    assert (await ivy.post(BENCH, {"do": "go", "run": run, "why": "Tested"})).status_code == 303
    begin = clock.now()
    with clock.using(FakeClock(begin + timedelta(days=5))):
        await sent(door, oru("M1"))
        assert await clinic.owner.fetchval("SELECT state FROM record.exchange_message WHERE control = 'M1'") == "held"
        row = await clinic.owner.fetchrow("SELECT partner, facts, state, author, reason, known_from AS since FROM record.exchange_partner WHERE known_to = 'infinity'")
        made = replace(partner, agreed={"kind": "qsoa"})
        await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', $5, 'test', '', $4)", A, made.id, partners.facts(made), clock.now(), row["since"])
        await watching.run(await Clockwork(clinic.gate).access(A))
        assert await clinic.owner.fetchval("SELECT state FROM record.exchange_message WHERE control = 'M1'") == "received"
        ivy = await visitor(clinic, "ivy")
        assert (await ivy.post(BENCH, {"do": "no", "run": run, "why": "They changed their system"})).status_code == 303
        await sent(door, oru("M2"))
        await done(door, clinic.gate)
        assert [s for s, _ in await states(clinic.gate, clinic.owner)] == ["aside", "received", "held"], "what came before the no-go waits, too"


async def test_files_of_a_partner_who_is_tested_stay_in_their_box_and_nothing_is_out_for_them(clinic: Clinic) -> None:
    await box.opened(clinic.gate)
    now = clock.now()
    await clinic.gate.house.db.call("SELECT gate.sftp_put_out($1, 'drop-1', 'county', 'Export', 'app', 'export', 'ivy', $2, $3)", A, now, now + timedelta(days=1))
    await clinic.gate.house.db.call("SELECT gate.exchange_go($1, 'county', 'no', '', 'ivy', 'Their server is new', $2)", A, now)
    drops = [len(await clinic.gate.house.db.call("SELECT * FROM gate.sftp_drops($1, 'county', $2, false)", A, now))]
    ivy = await visitor(clinic, "ivy")
    bench = "/exchange/partners/county/bench"
    await ivy.get(bench)
    assert (await ivy.post(bench, {"do": "begin"})).status_code == 303
    async with box.door(clinic.gate) as server, box.connected(server) as client:
        for name in ("real.csv", "ZZTEST-file.csv"):
            await box.brought(client, name, b"a,b\n" + name.encode())
        await box.looked(server, clinic.gate)
    await bench_round(clinic)
    assert "It arrived whole: 19 bytes" in (await ivy.get(bench)).text
    assert sorted((r["test"], r["state"]) for r in await clinic.owner.fetch("SELECT test, state FROM record.exchange_message")) == [(False, "held"), (True, "aside")]
    await clinic.gate.house.db.call("SELECT gate.exchange_go($1, 'county', 'before', '', '', '', $2)", A, now)
    drops.append(len(await clinic.gate.house.db.call("SELECT * FROM gate.sftp_drops($1, 'county', $2, false)", A, now)))
    assert drops == [0, 1]
    assert sorted((r["test"], r["state"]) for r in await clinic.owner.fetch("SELECT test, state FROM record.exchange_message")) == [(False, "received"), (True, "aside")]


async def test_who_does_not_look_after_partners_has_no_bench(clinic: Clinic) -> None:
    await registered(clinic.gate)
    nurse = await visitor(clinic, "nurse")
    assert [(await nurse.get(p)).status_code for p in (BENCH, "/exchange/partners/nobody/bench")] == [403, 403]
    ivy = await visitor(clinic, "ivy")
    assert (await ivy.get("/exchange/partners/nobody/bench")).status_code == 404


def test_every_message_that_can_be_agreed_has_a_step_that_can_be_written() -> None:
    partner = replace(LAB, organization="Organization/lab", sending=profile.facts(replace(SENDS, kinds=tuple(profile.KINDS), port=1)))
    steps = [s for s in testing.steps(partner) if s.way == testing.OUT]
    assert [s.kind for s in steps] == list(profile.KINDS)
    for step in steps:
        body = written(step, partner, "C1", clock.now())
        assert body is not None, step.kind
        message = hl7v2.parse(body)
        assert (message.type, message.header.v(11)) == (step.kind, "T")
        assert b"ZZTEST" in body
        assert "Zztest" in message.one("PID").v(5)  # type: ignore[union-attr]


def test_every_sample_of_the_script_passes_its_own_step() -> None:
    kinds = ("ORU^R01", "ADT^A01", "ADT^A03", "ADT^A08", "SIU^S12", "MDM^T02")
    partner = replace(LAB, types=kinds)
    steps = {s.kind: s for s in testing.steps(partner)}
    for kind in kinds:
        text = testing.sample(kind, partner, clock.now())
        assert looked(text.replace("\n", "\r").encode(), steps[kind], partner)[0] == testing.PASSED, (kind, looked(text.encode(), steps[kind], partner))
    assert looked(b"nothing", steps["ORU^R01"], partner)[0] == testing.FAILED
    assert looked(trial("T1").replace(b"|4.1|", b"||"), steps["ORU^R01"], partner) == (testing.FAILED, "These fields say nothing: OBX-5.")
