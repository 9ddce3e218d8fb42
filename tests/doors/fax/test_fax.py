"""Faxes to partners and from them, against a gateway of our own and a folder that a fax server watches."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.base.settings import BadSetting
from sojourn.care.handoff import sending
from sojourn.care.papers import indexing, reading, receiving, sandbox
from sojourn.care.papers.indexing import Wish
from sojourn.care.reaching.delivering import Courier
from sojourn.care.reaching.sender import Outcome, Parcel
from sojourn.care.release import trial
from sojourn.doors.fax import gateways
from sojourn.doors.fax.collecting import Collecting, lines_of
from sojourn.doors.fax.gateways import BUSY, DELIVERED, UNDER_WAY, Http, NotThere, Spool
from sojourn.doors.fax.sending import Faxing
from sojourn.gate import disclosing, disclosurelog, papers
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import posting, troubles, ways
from sojourn.gate.exchange.keeping import ASIDE, MAPPED, RECEIVED, REVIEW
from sojourn.gate.exchange.partners import Envoys
from sojourn.record import organization
from tests.care.reach import FAX, brought, partner, queued, state
from tests.care.test_handoff import at, clinic  # noqa: F401 - a fixture
from tests.doors.fax.counterpart import Counterpart
from tests.people import FAR, MH, SUD, A, Clinic, encounter, patient
from tests.web.real import later

PAGE = b"Dear colleagues,\n\nplease find the discharge summary of our client.\n"


async def test_a_fax_goes_with_its_cover_once_and_what_left_is_in_the_log(clinic: Clinic) -> None:  # noqa: F811
    _, _, _, delivery = await queued(clinic, FAX)
    there = Counterpart()
    senders = {ways.FAX: Faxing(there.gateway(), "+15125550100")}
    await brought(clinic, senders)
    assert (await state(clinic, delivery))[:2] == (RECEIVED, "fax")
    there.said[f"{delivery}-0"] = {"status": "delivered", "pages": 3}
    await brought(clinic, senders, 2)
    assert (await state(clinic, delivery))[0] == MAPPED
    [(number, pdf)] = there.faxes.values()
    assert number == "+15125550142"
    first, *rest = await sandbox.texts(pdf, reading.PDF)
    for words in ("Confidential", "Lakeside Primary Care", "+15125550142", f"Pages, with this one: {1 + len(rest)}", "Notice on redisclosure", "42 CFR part 2"):
        assert words in " ".join(first.split()), words
    for words in ("Rivera", "Ana", "1988", "Follow-up", "Stable", "heart"):
        assert words not in first, "the cover names nobody"
    assert all("42 CFR part 2 prohibits unauthorized use or disclosure of these records." in " ".join(page.split()) for page in rest), "the notice is on each page"
    assert "Rivera" in " ".join(rest)
    row = await clinic.owner.fetchrow("SELECT disclosure FROM record.disclosure WHERE channel = 'release-fax'")
    assert row is not None
    access = await at(clinic)
    assert disclosing.payload(access, await disclosurelog.one(access, row["disclosure"])) == pdf


async def test_a_busy_line_is_dialled_again_and_a_wrong_number_is_not(clinic: Clinic) -> None:  # noqa: F811
    _, _, _, delivery = await queued(clinic, FAX)
    there = Counterpart()
    there.lines["+15125550142"] = ["busy", "no-answer", "not-a-fax"]
    senders = {ways.FAX: Faxing(there.gateway())}
    await brought(clinic, senders, 2)
    assert (await state(clinic, delivery))[2] == "Fax: The line was busy. It is tried again by itself (1 of 4)."
    await brought(clinic, senders, 5)
    assert sorted(there.faxes) == [f"{delivery}-{n}" for n in range(3)]
    assert (await state(clinic, delivery))[0] == REVIEW, "it is printed"
    told = [r["reason"] for r in await clinic.owner.fetch("SELECT reason FROM record.exchange_event ORDER BY n")]
    assert any("have it confirmed again" in words for words in told)


async def test_a_consent_that_ends_takes_a_fax_out_of_the_queue_of_the_gateway(clinic: Clinic) -> None:  # noqa: F811
    _, agreed, _, delivery = await queued(clinic, FAX)
    there = Counterpart()
    senders = {ways.FAX: Faxing(there.gateway())}
    await brought(clinic, senders)
    consent = (await clinic.ask("sys-sud", "GET", f"Consent/{agreed}")).json()
    assert (await clinic.put("sys-sud", {**consent, "status": "inactive"})).status == 200
    await brought(clinic, senders)
    assert (await state(clinic, delivery))[0] == ASIDE
    assert there.said[f"{delivery}-0"] == {"status": "failed", "reason": "cancelled"}


async def test_after_a_fall_the_same_fax_is_not_dialled_twice_and_a_gateway_that_is_away_is_waited_for(clinic: Clinic) -> None:  # noqa: F811
    _, _, _, delivery = await queued(clinic, FAX)
    there = Counterpart()

    class Falling(Faxing):
        """The gateway has it; that is never written down."""

        async def send(self, tenant: Any, parcel: Parcel) -> Outcome:
            await super().send(tenant, parcel)
            reached.set()
            if len(there.faxes) and fails:
                raise RuntimeError
            await asyncio.Event().wait()
            raise AssertionError

    fails, reached = False, asyncio.Event()
    courier = Courier(Envoys(clinic.gate), Clockwork(clinic.gate), clinic.gate.house.tenants[A], {ways.FAX: Falling(there.gateway())}, {sending.ORIGIN: sending.Told()})
    await courier.round()
    await reached.wait()
    await courier.stop()  # the process ends in the middle
    assert await clinic.owner.fetchval("SELECT due > $1 FROM record.exchange_message", clock.now()), "nobody else takes it before its lease is over"
    fails = True
    await brought(clinic, {ways.FAX: Falling(there.gateway())})
    there.down = True
    faxing = Faxing(there.gateway())
    await brought(clinic, {ways.FAX: faxing})
    assert (await state(clinic, delivery))[0] == RECEIVED
    there.down = False
    await brought(clinic, {ways.FAX: faxing})
    there.said = {k: {"status": "delivered"} for k in there.said}
    await brought(clinic, {ways.FAX: faxing})
    assert (await state(clinic, delivery))[0] == MAPPED
    assert list(there.faxes) == [f"{delivery}-0"], "dialled once, however often it was given"
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 1


async def test_what_comes_to_the_gateway_is_in_the_tray_once_with_the_partner_whose_number_it_is(clinic: Clinic) -> None:  # noqa: F811
    place = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    await partner(clinic, place, FAX, part2=True)
    row = organization.AccountRow("desk", "staff", "desk", "Desk", None, "Practitioner/desk", "admissions", [SUD, MH, FAR], MH, [])
    await organization.account(clinic.owner, A, row, clock.now())
    there, pdf = Counterpart(), await sandbox.composed([(PAGE, reading.TEXT, [(0, 0)])])
    said = {"from": "(512) 555-0142", "to": "+15125550100", "received": "2026-02-28T10:00:00+00:00"}
    collecting = Collecting(clinic.gate.house, there.gateway(), lines_of("+15125550100=a/mh"))
    clock_ = await Clockwork(clinic.gate).access(A)
    for _ in range(2):  # the second time after a fall: it was kept, and the gateway was not told
        there.received = {"in-1": (said, pdf), "in-2": ({**said, "to": "+19995550100"}, pdf)}
        assert await collecting.round() == 1
        assert set(there.received) == {"in-2"}, "what comes for nobody's line stays there"
        await receiving.watch(clock_)
        await receiving.watch(clock_)
    desk = await at(clinic, "desk")
    waits = await papers.waiting(desk)
    assert [(p.door, p.sender, p.program, p.marks) for p in waits] == [("fax", "Lakeside Primary Care, (512) 555-0142", MH, ("R", "42CFRPart2"))]
    with pytest.raises(errors.Forbidden):
        await papers.waiting(await at(clinic, "mh-clinician"))
    client = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(client))
    await indexing.index(desk, waits[0], Wish(client, MH, "Letter", "2026-02-28", "Discharge summary", unborn=True))
    filed = (await clinic.get("sys-mh", f"DocumentReference/{waits[0].id}")).json()
    assert "42CFRPart2" in [c["code"] for c in filed["meta"]["security"]], "what a Part 2 program faxes is labelled so, into whichever program it is filed"


async def test_whoever_looks_after_partners_learns_that_the_gateway_is_away_and_that_it_is_back(clinic: Clinic) -> None:  # noqa: F811
    row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", None, "Practitioner/ivy", "integration-manager", [SUD, MH, FAR], MH, [])
    await organization.account(clinic.owner, A, row, clock.now())
    there = Counterpart()
    collecting = Collecting(clinic.gate.house, there.gateway(), {})

    async def wrong() -> list[troubles.Trouble]:
        return await troubles.open_(await at(clinic, "ivy"), [])

    await collecting.look()
    assert await wrong() == []
    there.down = True
    later(seconds=30)
    for _ in range(2):
        with pytest.raises(NotThere):
            await collecting.look()
    (one,) = await wrong()
    assert (one.way, one.partner, "neither come nor go" in one.said, one.good is not None) == (ways.FAX, "", True, True)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.exchange_finding WHERE partner = '' AND tenant = $1", A) == 2, "the last of each kind"
    later(minutes=20)
    assert await wrong() == [], "nobody has asked it for long: nothing is known"
    with pytest.raises(NotThere):
        await collecting.look()
    assert len(await wrong()) == 1
    there.down = False
    later(seconds=30)
    await collecting.look()
    assert await wrong() == []


async def test_a_folder_that_a_fax_server_watches(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert await spool.send("k-0", "+15125550142", b"%PDF-1") == "k-0"
    assert (tmp_path / "out" / "k-0.job").read_text() == "number: +15125550142\nfile: k-0.pdf\n"
    assert oct((tmp_path / "out" / "k-0.pdf").stat().st_mode & 0o777) == "0o600"
    assert (await spool.status("k-0")).state == UNDER_WAY
    (tmp_path / "out" / "k-0.job").unlink()  # the fax server took it
    (tmp_path / "done" / "k-0.taken").touch()
    await spool.send("k-0", "+15125550142", b"%PDF-1")
    assert not (tmp_path / "out" / "k-0.job").exists(), "given twice it is one fax"
    assert not await spool.cancel("k-0")
    for words, found in (("sent 3", DELIVERED), ("busy", BUSY), ("whatever", "other")):
        (tmp_path / "done" / "k-0.status").write_text(words)
        assert (await spool.status("k-0")).state == found
    await spool.send("k-1", "+15125550142", b"%PDF-1")
    assert await spool.cancel("k-1")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [".k-1.cancelled", "k-0.pdf"]


async def test_a_gateway_that_answers_nonsense_is_not_there(tmp_path: Path) -> None:
    there = Counterpart()
    with pytest.raises(NotThere):
        await there.gateway("wrong").send("k", "+15125550142", b"%PDF")
    there.said["k"] = {"status": "perhaps"}
    with pytest.raises(NotThere):
        await there.gateway().status("k")
    for wrong in ("http://fax.example/api", "ftp://fax.example", "https://u:p@fax.example", "fax"):
        with pytest.raises(BadSetting):
            Http(wrong)
    assert isinstance(gateways.of(f"spool:{tmp_path}", None), Spool)
    for wrong in ("5550100=a", "+1=../up", "+1=a/b/c", "+1"):
        with pytest.raises(BadSetting):
            lines_of(wrong)


async def test_a_test_page_about_nobody_goes_to_a_number_once_in_a_while(clinic: Clinic) -> None:  # noqa: F811
    place = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Lakeside"})).id
    them = await partner(clinic, place, ways.Way(ways.FAX, "+15125550142", "one"))
    row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", None, "Practitioner/ivy", "integration-manager", [SUD, MH, FAR], MH, [])
    await organization.account(clinic.owner, A, row, clock.now())
    there, ivy = Counterpart(), await at(clinic, "ivy")
    sender = Faxing(there.gateway(), "+15125550100")
    with pytest.raises(errors.Malformed, match="no fax gateway"):
        await trial.send(ivy, them, None)
    await trial.send(ivy, them, sender)
    [(number, pdf)] = there.faxes.values()
    (words,) = await sandbox.texts(pdf, reading.PDF)
    assert number == "+15125550142", "also before somebody confirmed it: the page says nothing of anybody"
    assert "It holds nothing of any patient" in " ".join(words.split())
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 0
    with pytest.raises(errors.Malformed, match="Wait five minutes"):
        await trial.send(ivy, them, sender)
    (key,) = there.faxes
    there.said[key] = {"status": "delivered", "pages": 1}
    await trial.ask(ivy, them, sender)
    assert {f.said for f in await posting.findings(ivy, them.id) if f.kind == trial.TRIAL} == {"1 pages went through."}
    assert await troubles.open_(ivy, [them]) == [], "it says nothing of the way itself"
    with pytest.raises(errors.Forbidden):
        await trial.send(await at(clinic), them, sender)
