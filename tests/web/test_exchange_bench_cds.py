"""CDS services on the test bench: asked about somebody who does not exist, signed by both sides, and about nobody real before."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.doors.staff.cards.bench import Bench
from sojourn.gate.exchange import partners
from sojourn.record import organization
from sojourn.record.database import Dsn
from sojourn.web.outbound import Outbound
from tests.care.reported import house
from tests.people import MH, SUD, A, Clinic
from tests.web.cdsservice import CARD, Advice
from tests.web.real import HASH, Visitor
from tests.web.test_cards_beside import at, known, registered

AGREED = {"kind": "baa"}
CALLING = {"issuer": "", "purpose": "TREAT", "seconds": "5"}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", HASH, "Practitioner/ivy", "integration-manager", [SUD, MH, 3], MH, [])
        await organization.account(made.owner, A, row, clock.now())
        yield made


@pytest.fixture
async def advice() -> AsyncIterator[Advice]:
    async with Advice().open() as made:
        yield made


async def path_of(clinic: Clinic) -> str:
    """The page of the only partner, whose agreement is in force."""
    row = await clinic.owner.fetchrow("SELECT partner, facts, state, author, reason, known_from AS since FROM record.exchange_partner WHERE known_to = 'infinity'")
    made = replace(partners.of_row(row), agreed={**json.loads(row["facts"])["agreed"], **AGREED})
    await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', $5, 'ivy', '', $4)", A, made.id, partners.facts(made), clock.now(), row["since"])
    return f"/exchange/partners/{made.id}"


async def walked(clinic: Clinic) -> None:
    """What the bench does by itself."""
    await Bench(clinic.gate.house, Outbound(["127.0.0.1"])).round(clinic.gate.house.tenants[A])


def tick() -> None:
    """A second goes by: of two runs the later one is shown."""
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(seconds=1))


async def cards(dana: Visitor, p: str) -> bool:
    """Whether there is advice beside a chart."""
    dana.app.state.cds_known = {}
    return "Look at the heart" in (await dana.get(f"/patients/{p}/cards")).text


async def signed(clinic: Clinic, ivy: Visitor, bench: str) -> None:
    """Both sides sign, and go is given."""
    run = re.findall(r'name="run" value="([^"]+)"', (await ivy.get(bench)).text)[0]
    assert (await ivy.post(bench, {"do": "go", "run": run, "why": "Done"})).status_code == 422, "nobody signed"
    assert (await ivy.post(bench, {"do": "sign", "run": run, "role": "Integration manager"})).status_code == 303
    await ivy.get(bench)
    link = re.findall(r"/partner-test/[\w-]+", (await ivy.post(bench, {"do": "link", "run": run})).text)[0]
    theirs = Visitor(clinic)
    assert "We ask for advice at an opened chart" in (await theirs.get(link)).text
    assert "Thank you." in (await theirs.post(link, {"name": "Kim Lee", "role": "Analyst", "read": "yes"})).text
    await ivy.get(bench)
    assert (await ivy.post(bench, {"do": "go", "run": run, "why": "Tested on both sides"})).status_code == 303, ivy.last.text


async def test_a_service_is_asked_about_nobody_real_until_both_signed_a_passed_run(clinic: Clinic, advice: Advice) -> None:
    place = await registered(clinic, advice, "patient-view-1", tested=False)
    p = await known(clinic, place)
    path = await path_of(clinic)
    bench, ivy, dana = f"{path}/bench", await at(clinic, "ivy"), await at(clinic, "mh-clinician")
    assert not await cards(dana, p)
    assert (await dana.get(f"/patients/{p}")).text.count(f"/patients/{p}/cards") == 0, "nobody is asked"
    assert (advice.got, await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure")) == ([], 0)
    page = (await ivy.get(bench)).text
    assert "No test was passed and signed by both sides yet." in page
    assert "about nobody real meanwhile" in page
    assert (await ivy.post(bench, {"do": "begin"})).status_code == 303
    for answer, said in (({}, "no list of cards"), ({"cards": [CARD, {"indicator": "info"}]}, "1 cannot be shown"), ([1], "no list of cards")):
        advice.answer = answer
        await walked(clinic)
        page = (await ivy.get(bench)).text
        assert said in page
        run = re.findall(r'name="run" value="([^"]+)"', page)[0]
        assert (await ivy.post(bench, {"do": "again", "run": run, "step": "calls.patient-view-1"})).status_code == 303
    advice.answer = {"cards": [CARD]}
    await walked(clinic)
    assert "It answered with 1 card that can be shown." in (await ivy.get(bench)).text
    call: Any = advice.calls()[-1]
    assert (call["context"]["patientId"], call["prefetch"]["patient"]["name"][0]["family"], set(call["prefetch"])) == ("zztest-0001", "Zztest", {"patient", "conditions", "vitals"})
    assert [e["resource"]["resourceType"] for e in call["prefetch"]["vitals"]["entry"]] == ["Observation"]
    assert p not in json.dumps([body for _, _, body in advice.got])
    assert all(headers["authorization"].startswith("Bearer ") for _, headers, _ in advice.got)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 0, "about nobody, so that nothing was disclosed"
    assert not await cards(dana, p), "passed, and signed by nobody"
    await signed(clinic, ivy, bench)
    assert await cards(dana, p)
    assert advice.calls()[-1]["context"]["patientId"] == p

    assert (await ivy.post(f"{path}/cds", {**CALLING, "discovery": advice.address, "services": "patient-view-1", "do": "look"})).status_code == 303
    assert await cards(dana, p), "what else they offer changes nothing"
    assert (await ivy.post(f"{path}/cds", {**CALLING, "discovery": advice.address, "services": ["patient-view-1", "order-sign-1"]})).status_code == 303  # type: ignore[dict-item]
    assert not await cards(dana, p)
    assert "Their profile was changed since it was tested." in (await ivy.get(bench)).text
    tick()
    assert (await ivy.post(bench, {"do": "begin"})).status_code == 303
    await walked(clinic)
    assert advice.calls()[-1]["context"]["draftOrders"]["entry"][0]["resource"]["subject"] == {"reference": "Patient/zztest-0001"}
    await signed(clinic, ivy, bench)
    assert await cards(dana, p)
    assert (await ivy.post(bench, {"do": "no", "why": "Not now"})).status_code == 303
    assert not await cards(dana, p)


async def test_who_was_asked_already_goes_on_being_asked(clinic: Clinic, advice: Advice) -> None:
    """Migration 0228, over partners as they were before services came to the bench."""
    from importlib import resources

    place = await registered(clinic, advice, "patient-view-1", tested=False)
    p = await known(clinic, place)
    dana = await at(clinic, "mh-clinician")
    assert not await cards(dana, p)
    await clinic.owner.execute((resources.files("sojourn.record.sql") / "migrations" / "0228_pre_cds_bench.sql").read_text())
    assert await cards(dana, p)
