"""What messages said is destroyed after the time of its kind, with a line of the trail; never what waits; the envelope stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care import policies
from sojourn.care.exchange import forgetting
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import asking
from sojourn.gate.exchange.asking import Ask, Paper
from sojourn.gate.exchange.forgetting import KEPT_AS
from sojourn.record import asking as record
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.reported import house, visitor
from tests.doors.hl7v2.lab import MRN, done, listener, oru, registered, sent
from tests.people import MH, SUD, A, Clinic, encounter, patient
from tests.web.real import HASH


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", HASH, "Practitioner/ivy", "integration-manager", [SUD, MH, 3], 3, [])
        await organization.account(made.owner, A, row, clock.now())
        yield made


async def test_what_a_message_said_is_destroyed_after_its_time_and_nothing_that_waits(clinic: Clinic) -> None:
    client = (await clinic.make("sys-mh", patient(identifier=[{"system": MRN, "value": "R1"}]))).id
    await clinic.make("sys-mh", encounter(client))
    await registered(clinic.gate, program=MH)
    door = listener(clinic.gate)
    for control, mrn, family in (("DONE", "R1", "Rivera"), ("WAITS", "X1", "Nobody"), ("HELD", "X2", "Nobody")):
        await sent(door, oru(control, mrn=mrn, family=family, filler=control))
        await done(door, clinic.gate)
    await clinic.owner.execute("UPDATE record.exchange_message SET state = 'held' WHERE control = 'HELD'")
    begin = clock.now()

    async def kept() -> dict[str, bool]:
        return {r["control"]: bool(r["body"]) for r in await clinic.owner.fetch("SELECT control, body FROM record.exchange_message")}

    with clock.using(FakeClock(begin + timedelta(days=2190))):
        await forgetting.run(await Clockwork(clinic.gate).access(A))
        assert await kept() == {"DONE": True, "WAITS": True, "HELD": True}
    with clock.using(FakeClock(begin + timedelta(days=2193))):
        await forgetting.run(await Clockwork(clinic.gate).access(A))
        await forgetting.run(await Clockwork(clinic.gate).access(A))
        assert await kept() == {"DONE": False, "WAITS": True, "HELD": True}
        row = await clinic.owner.fetchrow("SELECT message, result, choice, job, size FROM record.exchange_message WHERE control = 'DONE'")
        assert (row["result"], row["choice"], row["job"]) == (None, None, None)
        assert row["size"] > 0
        lines = await clinic.owner.fetch("SELECT account, query FROM record.audit WHERE action = 'exchange-destroy'")
        assert len(lines) == 1, "once"
        assert "results=2026-03-0" in lines[0]["query"]
        ivy = await visitor(clinic, "ivy")
        page = (await ivy.get(f"/exchange/messages/{row['message']}")).text
        assert "What it said was destroyed after its time." in page
        assert "Open what it says" not in page
        assert (await ivy.get(f"/exchange/messages/{row['message']}/content")).status_code == 404
        assert (await ivy.post(f"/exchange/messages/{row['message']}", {"do": "again"})).status_code == 409


async def test_what_asking_outside_brought_is_destroyed_after_its_time_with_its_files_and_nothing_that_waits(clinic: Clinic) -> None:
    access, begin = await Clockwork(clinic.gate).access(A), clock.now()
    house_ = clinic.gate.house
    for state in ("waiting", "open", "failed"):
        ask = Ask(f"ask-{state}", "hie", "somebody", MH, "ivy", state)
        blob = await asking.put_aside(house_, A, ask, Paper("k", "https://x.example/1"), state.encode())
        ask = replace(ask, papers=(Paper("k", "https://x.example/1", blob=blob),))
        await record.put(house_.db, access.head, ask.id, ask.partner, ask.patient, MH, "ivy", asking._sealed(house_, A, ask), "s")
        await clinic.owner.execute("UPDATE record.outside_ask SET state = $2 WHERE ask = $1", ask.id, state)

    async def kept() -> set[str]:
        return {r["ask"] for r in await clinic.owner.fetch("SELECT ask FROM record.outside_ask")}

    with clock.using(FakeClock(begin + timedelta(days=2190))):
        await forgetting.run(await Clockwork(clinic.gate).access(A))
        assert await kept() == {"ask-waiting", "ask-open", "ask-failed"}
    with clock.using(FakeClock(begin + timedelta(days=2193))):
        await forgetting.run(await Clockwork(clinic.gate).access(A))
        await forgetting.run(await Clockwork(clinic.gate).access(A))
        assert await kept() == {"ask-waiting"}
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.blob_leftover") == 2, "what was fetched is cleared away too"
        (line,) = await clinic.owner.fetch("SELECT query FROM record.audit WHERE action = 'ask-destroy'")
        assert line["query"].startswith("asks=2&")


def test_every_kind_has_a_rule_with_a_source() -> None:
    known = policies.shipped()
    assert [k for k in KEPT_AS if f"exchange.keep-{k}" not in known] == []
