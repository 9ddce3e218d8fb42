"""Subscriptions: one disclosure for what is delivered, however often it is tried, also when the server is killed; deletions asked anew; what the trail says."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.doors.api.subscriptions.telling import Telling
from sojourn.gate.subscriptions import following
from sojourn.record.database import Dsn
from sojourn.web.outbound import Outbound
from tests import people
from tests.doors.api.test_subscriptions import Receiver, begun, followed, seen_by, subscription
from tests.gate.numbering import numbered
from tests.people import Clinic, consent, encounter, observation, patient


@pytest.fixture
async def clinic(database: Dsn, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Clinic]:
    """One in which somebody outside may subscribe, too."""
    given = people.rules()
    monkeypatch.setattr(people, "rules", lambda: [*given, ("outside", ["Subscription"], ["create", "read", "search"])])
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().open() as made:
        yield made


class Holding(Receiver):
    """It takes what it is sent, and does not answer until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = asyncio.Event()
        self.holds = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.holds:
            await super()._serve(reader, writer)
            return
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        self.got.append((headers, await reader.readexactly(int(headers["content-length"]))))
        self.arrived.set()
        await reader.read()
        writer.close()


async def shared(clinic: Clinic) -> tuple[str, str]:
    """A client of the Part 2 program whose records one outside may have, and the consent."""
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-sud", encounter(p))
    return p, (await clinic.make("sys-sud", consent(p, "tpo"))).id


async def disclosures(clinic: Clinic) -> list[str]:
    """The digests of what was disclosed to them by this door."""
    return [str(r["digest"]) for r in await clinic.owner.fetch("SELECT digest FROM record.disclosure WHERE account = 'tpo' ORDER BY made")]


async def test_what_is_tried_again_is_one_disclosure_and_the_same_bytes(clinic: Clinic, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    p, _ = await shared(clinic)
    _, telling = await begun(clinic, receiver, "tpo", content="full-resource")
    await followed(clinic, telling)
    before, came, now = len(await disclosures(clinic)), len(receiver.got), clock.now()
    receiver.answer = "503 Later"
    first = (await clinic.make("sys-sud", observation(p))).id
    for n in range(3):
        monkeypatch.setattr(clock, "now", lambda n=n: now + timedelta(minutes=5 * n))
        await followed(clinic, telling)
    tries = [body for _, body in receiver.got[came:]]
    assert len(tries) == 3
    assert set(tries) == {tries[0]}
    assert b"42 CFR part 2" in tries[0], "the notice goes with it"
    assert len(await disclosures(clinic)) == before + 1
    changed = {**observation(p, 91), "id": first}
    assert (await clinic.put("sys-sud", changed)).status == 200  # what it would say now is something else
    receiver.answer = "200 OK"
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=3))
    await followed(clinic, telling)
    assert receiver.got[came + 3][1] != tries[0]
    assert len(await disclosures(clinic)) >= before + 2


async def test_a_deletion_is_told_again_only_to_who_may_still_know_of_it(clinic: Clinic, receiver: Receiver) -> None:
    p, given = await shared(clinic)
    id_, telling = await begun(clinic, receiver, "tpo")
    mine = (await clinic.make("sys-sud", observation(p))).id
    await followed(clinic, telling)
    await clinic.ask("sys-sud", "DELETE", f"Observation/{mine}")
    await followed(clinic, telling)

    async def deleted() -> list[str]:
        answer = (await clinic.get("tpo", f"Subscription/{id_}/$events?eventsSinceNumber=1")).json()
        return [e["request"]["url"] for e in answer["entry"][1:] if e["request"]["method"] == "DELETE"]

    assert await deleted() == [f"Observation/{mine}"]
    stored = (await clinic.get("sys-sud", f"Consent/{given}")).json()
    assert (await clinic.put("sys-sud", {**stored, "status": "inactive"})).status == 200
    assert await deleted() == []


async def test_a_refused_beginning_is_said_in_the_resource(clinic: Clinic, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sojourn.gate.subscriptions.asking.MOST", 1)
    id_, telling = await begun(clinic, receiver)
    refused = await clinic.ask("mh-service", "POST", "Subscription", subscription(receiver))
    assert refused.status == 429
    found = (await clinic.get("mh-service", "Subscription")).entries
    (dead,) = [s for s in found if s["id"] != id_]
    assert (dead["status"], "at most 1" in dead["error"]) == ("error", True)
    assert (await clinic.put("mh-service", {**(await clinic.get("mh-service", f"Subscription/{id_}")).json(), "status": "off"})).status == 200
    assert (await clinic.put("mh-service", {**subscription(receiver), "id": dead["id"]})).status == 200
    await followed(clinic, telling)
    again = (await clinic.get("mh-service", f"Subscription/{dead['id']}")).json()
    assert (again["status"], "error" in again) == ("active", False)


async def test_the_trail_names_nothing_that_was_hidden(clinic: Clinic, receiver: Receiver) -> None:
    _, telling = await begun(clinic, receiver)
    p = await seen_by(clinic)
    hidden = (await clinic.make("sys-sud", observation(p))).id
    mine = (await clinic.make("sys-mh", observation(p))).id
    await followed(clinic, telling)
    rows = [str(r["query"]) for r in await clinic.owner.fetch("SELECT query FROM record.audit WHERE account = 'mh-service' AND action = 'search' AND type = 'Observation'")]
    assert rows
    assert not [r for r in rows if hidden in r or mine in r]


async def test_killed_in_the_middle_of_a_delivery_it_goes_again_with_the_same_number_and_bytes(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Holding().open() as receiver:
        assert isinstance(receiver, Holding)
        p, _ = await shared(clinic)
        id_, telling = await begun(clinic, receiver, "tpo", content="full-resource")
        await followed(clinic, telling)
        before, came = len(await disclosures(clinic)), len(receiver.got)
        await clinic.make("sys-sud", observation(p))
        receiver.holds = True
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.doors.api.telling_server", clinic.dsn.app, str(clinic.gate.house.blobs._folder.parent), cwd=Path(__file__).parents[3]
        )
        try:
            await offered(clinic)
            async with asyncio.timeout(120):
                await receiver.arrived.wait()
        finally:
            server.send_signal(signal.SIGKILL)
            await server.wait()
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.subscription_event WHERE subscription = $1 AND NOT sent", id_) > 0, "it waits, and that can be seen"
        receiver.holds = False
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=5))  # when what the killed one had taken is free again
        telling = Telling(clinic.gate, Outbound(["127.0.0.1"]))
        while await telling.round():
            pass
        tries = [body for _, body in receiver.got[came:]]
        assert [numbers(t) for t in tries] == [numbers(tries[0])] * 2
        assert tries[0] == tries[1], "whoever looks at the number, or at the Bundle, has it once"
        assert len(await disclosures(clinic)) == before + 1
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.subscription_event WHERE subscription = $1 AND NOT sent", id_) == 0
        assert not await telling.round()


def numbers(body: bytes) -> list[str]:
    """The numbers of the events of a notification."""
    parts: list[Any] = json.loads(body)["entry"][0]["resource"]["parameter"]
    return [q["valueString"] for p in parts if p["name"] == "notification-event" for q in p["part"] if q["name"] == "event-number"]


async def offered(clinic: Clinic) -> None:
    """What changed waits for whoever tells it."""
    feed = await numbered(clinic)
    while await feed.follow("subscriptions", following.follow):
        pass
