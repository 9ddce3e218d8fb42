"""Messages in files: one for each time of the rhythm, decided when it is taken, each message once, and what partners say of them read back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncssh
import hl7
import pytest

from sojourn.base import clock, crypto
from sojourn.base.clock import FakeClock
from sojourn.care.exchange.working import Working
from sojourn.care.orders.ordering import NUMBER
from sojourn.doors.hl7v2.out.batching import Batching, Folder
from sojourn.doors.hl7v2.reading import Reading
from sojourn.gate.exchange import sftp
from sojourn.gate.exchange.partners import Envoys, Partner
from sojourn.gate.exchange.sftp import Account
from sojourn.record.database import Dsn
from sojourn.wire import hl7v2, hl7v2batch, hl7v2write
from tests import people
from tests.doors.hl7v2.counterpart import agreed, envelopes, follow, post
from tests.doors.hl7v2.lab import MRN
from tests.doors.hl7v2.test_orders_out import laid_out, order
from tests.doors.sftp.partner import KEY, brought, connected, door, looked, public, receipts
from tests.doors.sftp.test_out import taken
from tests.people import START, A, Clinic, consent, encounter, patient


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        yield made
        await people.close_clinic(made)


async def boxes(clinic: Clinic, partner: str = "cedar") -> None:
    """Boxes of a partner that is there."""
    account, call, now = Account(partner, partner), clinic.gate.house.db.call, clock.now()
    await call("SELECT gate.sftp_put_account($1, $2, $3, $4, 'active', NULL, 'test', '', $5)", A, partner, partner, sftp.facts(account), now)
    await call("SELECT gate.sftp_add_key($1, $2, $3, $4, $5, '', $6, NULL, 'test', $6)", A, f"key-{partner}", partner, public(KEY).fingerprint, public(KEY).text, now)


async def put_out(clinic: Clinic, partner: Partner) -> int:
    """Decide all that waits, and put a file out if it is time; how many messages are in it."""
    await follow(clinic)
    mine = post(clinic.gate, partner)
    while await mine.round():
        pass
    return await Folder(Envoys(clinic.gate), clinic.gate.house.tenants[A], mine).round()


def later(hours: int = 24) -> None:
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(hours=hours))


@asynccontextmanager
async def session(clinic: Clinic) -> AsyncIterator[asyncssh.SFTPClient]:
    async with door(clinic.gate, Batching(Envoys(clinic.gate)).made) as listener, connected(listener, login="cedar") as client:
        yield client


async def names(client: asyncssh.SFTPClient) -> list[str]:
    return sorted(set(await client.listdir("/out")) - {".", "..", "manifest.json"})


async def test_one_file_for_each_time_with_the_first_message_of_each_person_and_each_message_once(clinic: Clinic) -> None:
    one, place = await laid_out(clinic)
    partner = await agreed(clinic, None, place, "ORM^O01", authorities={"RIVER": MRN}, batch=24)
    await boxes(clinic)
    other = (await clinic.make("sys-mh", patient("Okafor", identifier=[{"system": MRN, "value": "R2"}]))).id
    await clinic.make("sys-mh", encounter(other))
    first = order(one, place)
    id_ = (await clinic.make("sys-mh", first)).id
    await clinic.make("sys-mh", order(other, place, identifier=[{"system": NUMBER, "value": "N2"}]))
    await clinic.make("sys-mh", order(one, place, identifier=[{"system": NUMBER, "value": "N3"}]))
    assert await put_out(clinic, partner) == 2
    assert await put_out(clinic, partner) == 0, "one file for each time"
    async with session(clinic) as client:
        (name,) = await names(client)
        assert name == f"hl7-{START:%Y%m%d}-0000.hl7"
        (said,) = json.loads(await taken(client, "manifest.json"))["files"]
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 0, "who looks at a list takes nothing"
        content = await taken(client, name)
        assert (said["name"], said["size"], said["sha256"]) == (name, len(content), crypto.sha256_hex(content))
        assert await names(client) == []
        with pytest.raises(asyncssh.SFTPError):
            await client.open(f"/out/{name}", "rb")
    batch = hl7v2batch.split(content)
    messages = [hl7v2.parse(m) for m in batch.messages]
    assert ([m.one("ORC").v(2) for m in messages], batch.odd) == (["7F3A90C2E1", "N2"], [])  # type: ignore[union-attr]
    assert [len(list(b)) for b in hl7.parse_file(content.decode())] == [2], "python-hl7 reads the same"
    assert [s for _, s, _ in await envelopes(clinic)] == ["mapped", "mapped"]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 2
    await clinic.put("sys-mh", {**first, "id": id_, "priority": "routine"})
    later()
    assert await put_out(clinic, partner) == 1
    async with session(clinic) as client:
        (name,) = await names(client)
        assert name == f"hl7-{START + timedelta(days=1):%Y%m%d}-0000.hl7"
        (again,) = hl7v2batch.split(await taken(client, name)).messages
        assert hl7v2.parse(again).one("ORC").v(2) == "N3", "the second of the same person follows"  # type: ignore[union-attr]


async def test_a_file_that_breaks_off_is_taken_again_as_it_was_and_one_that_is_removed_goes_with_the_next(clinic: Clinic) -> None:
    one, place = await laid_out(clinic)
    partner = await agreed(clinic, None, place, "ORM^O01", batch=6)
    await boxes(clinic)
    await clinic.make("sys-mh", order(one, place, note=[{"text": "x" * 90_000}]))
    assert await put_out(clinic, partner) == 1
    async with session(clinic) as client:
        (name,) = await names(client)
        half = await client.open(f"/out/{name}", "rb")
        begun = await half.read(100)
    async with session(clinic) as client:  # as after a fall: nothing but the database knows of the first
        content = await taken(client, name)
        assert content.startswith(begun if isinstance(begun, bytes) else begun.encode())
        assert await names(client) == []
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 1, "the same bytes again are the same disclosure"
    await clinic.make("sys-mh", order(one, place, identifier=[{"system": NUMBER, "value": "N2"}]))
    later(6)
    assert await put_out(clinic, partner) == 1
    async with session(clinic) as client:
        (name,) = await names(client)
        await client.remove(f"/out/{name}")
        assert await names(client) == []
    assert [s for _, s, _ in await envelopes(clinic)] == ["mapped", "received"]
    later(6)
    assert await put_out(clinic, partner) == 1
    async with session(clinic) as client:
        (following,) = await names(client)
        assert following != name
        (message,) = hl7v2batch.split(await taken(client, following)).messages
    assert hl7v2.parse(message).control == await clinic.owner.fetchval("SELECT control FROM record.exchange_message ORDER BY seq DESC LIMIT 1")


async def test_what_may_not_leave_any_more_is_in_no_file_and_keeps_nothing_of_the_person_waiting(clinic: Clinic) -> None:
    one, place = await laid_out(clinic, "sys-sud")
    partner = await agreed(clinic, None, place, "ORM^O01", batch=24)
    await boxes(clinic)
    given = consent(one, place.removeprefix("Organization/"))
    made = (await clinic.make("sys-sud", given)).id
    await clinic.make("sys-sud", order(one, place))
    assert await put_out(clinic, partner) == 1
    async with session(clinic) as client:
        (name,) = await names(client)
        half = await client.open(f"/out/{name}", "rb")
        assert (await clinic.put("sys-sud", {**given, "id": made, "status": "inactive"})).status == 200
        with pytest.raises(asyncssh.SFTPError):
            await half.read()
    async with session(clinic) as client:
        assert await names(client) == []
        assert json.loads(await taken(client, "manifest.json")) == {"files": []}
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 0
    later()
    assert await put_out(clinic, partner) == 0
    assert [s for _, s, _ in await envelopes(clinic)] == ["aside"]
    assert (await clinic.put("sys-sud", {**given, "id": made})).status == 200
    await clinic.make("sys-sud", order(one, place, identifier=[{"system": NUMBER, "value": "N2"}]))
    later()
    assert await put_out(clinic, partner) == 1


async def test_what_they_say_of_single_messages_comes_back_in_a_file(clinic: Clinic) -> None:
    one, place = await laid_out(clinic)
    partner = await agreed(clinic, None, place, "ORM^O01", batch=24)
    await boxes(clinic)
    other = (await clinic.make("sys-mh", patient("Okafor"))).id
    await clinic.make("sys-mh", encounter(other))
    for who, number in ((one, "N1"), (other, "N2")):
        await clinic.make("sys-mh", order(who, place, identifier=[{"system": NUMBER, "value": number}]))
    assert await put_out(clinic, partner) == 2
    async with door(clinic.gate, Batching(Envoys(clinic.gate)).made) as listener, connected(listener, login="cedar") as client:
        (name,) = await names(client)
        first, second = (hl7v2.parse(m) for m in hl7v2batch.split(await taken(client, name)).messages)
        trouble = hl7v2write.Trouble("Okafor is not known here", "204", "PID-3")
        unknown = hl7v2write.acknowledgement(first, "A", clock.now(), "K3").replace(f"|{first.control}", "|NOBODY")
        acks = [hl7v2write.acknowledgement(first, "A", clock.now(), "K1"), hl7v2write.acknowledgement(second, "R", clock.now(), "K2", trouble=trouble), unknown]
        await brought(client, "acks.hl7", ("FHS|^~\\&|CEDAR\rBHS|^~\\&|CEDAR\r" + "".join(acks) + "BTS|3\rFTS|1\r").encode())
        await looked(listener, clinic.gate)
        assert (await receipts(client))["acks.hl7"]["state"] == "accepted"
    working = Working(Envoys(clinic.gate), Reading())
    while await working.round(clinic.gate.house.tenants[A]):
        pass
    (_, kept, _), (_, refused, reason) = await envelopes(clinic)
    assert (kept, refused) == ("mapped", "failed")
    assert "They refused it (AR" in reason
    assert "Okafor" not in reason
    rows = await clinic.owner.fetch("SELECT control, state FROM record.exchange_message WHERE direction = 'in' AND kind LIKE 'ACK%' ORDER BY seq")
    assert [(r["control"], r["state"]) for r in rows] == [("K1", "mapped"), ("K2", "mapped"), ("K3", "failed")]
