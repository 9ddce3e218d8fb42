"""What is out for a partner: as its organization may have it when it is taken, with a manifest that holds; nothing of it on a disk."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncssh
import pytest

from sojourn.base import clock, crypto, errors
from sojourn.base.clock import FakeClock
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import outbox
from sojourn.record.database import Dsn
from sojourn.record.sftp import Who
from sojourn.record.trail import Entry
from tests import people
from tests.doors.sftp.partner import OTHER, connected, door, opened, revoked
from tests.doors.sftp.test_routes import service
from tests.exports import make_exports
from tests.people import START, A, Clinic, consent, encounter, observation, patient


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """On a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        await service(made, "county-app", whose="outside", organization="Organization/tpo", role="", programs=())
        yield made
        await people.close_clinic(made)


def tick() -> None:
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(minutes=1))


async def put_out(clinic: Clinic, types: tuple[str, ...] = ()) -> str:
    """Put an export out, and make it."""
    account = await opened(clinic.gate, gets="county-app") if not await clinic.owner.fetchval("SELECT count(*) FROM record.sftp_account") else None
    if account is None:
        from sojourn.gate.exchange import sftp

        account = (await sftp.every(clinic.gate.house, clinic.gate.house.tenants[A]))["county"]
    line = Entry(clock.now(), "r", "ivy", "integration-manager", "staff", "HOPERAT", "sftp-put-out", "done", "Exchange", "partner=county")
    label = await outbox.begin(clinic.gate, clinic.gate.house.tenants[A], account, types, "", "", line)
    await make_exports(clinic)
    return label


async def taken(client: asyncssh.SFTPClient, name: str) -> bytes:
    """A file of theirs."""
    async with client.open(f"/out/{name}", "rb") as file:
        found = await file.read()
    assert isinstance(found, bytes)
    return found


async def a_client(clinic: Clinic, name: str = "Rivera") -> str:
    """Somebody of SUD with two records."""
    made = (await clinic.make("sys-sud", patient(name))).id
    await clinic.make("sys-sud", encounter(made))
    for n in range(2):
        await clinic.make("sys-sud", observation(made, n))
    return made


async def test_what_is_taken_is_what_consents_permit_when_it_is_taken(clinic: Clinic) -> None:
    one = await a_client(clinic)
    await a_client(clinic, "Hidden")
    given = (await clinic.make("sys-sud", consent(one, "tpo"))).json()
    tick()
    label = await put_out(clinic, ("Patient", "Observation"))
    async with door(clinic.gate) as listener, connected(listener) as client:
        names = sorted(await client.listdir("/out"))
        assert names == [".", "..", f"{label}.Observation.1.ndjson", f"{label}.Patient.1.ndjson", "manifest.json"]
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 0, "who looks at a list takes nothing"
        manifest = {m["name"]: m for m in json.loads(await taken(client, "manifest.json"))["files"]}
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 0
        got = await taken(client, f"{label}.Observation.1.ndjson")
        said = manifest[f"{label}.Observation.1.ndjson"]
        assert (said["size"], said["sha256"], said["kind"]) == (len(got), crypto.sha256_hex(got), "Observation")
        assert {json.loads(line)["subject"]["reference"] for line in got.splitlines()} == {f"Patient/{one}"}
        assert await clinic.owner.fetchval("SELECT array_agg(DISTINCT patient) FROM record.disclosure_patient") == [one]
        async with client.open(f"/out/{label}.Observation.1.ndjson", "rb") as file:
            await file.seek(len(got) - 40)
            assert await file.read() == got[-40:]
        half = await client.open(f"/out/{label}.Observation.1.ndjson", "rb")
        tick()
        await clinic.put("sys-sud", {**given, "status": "inactive"})
        with pytest.raises(asyncssh.SFTPError):
            await half.read()
        assert json.loads(await taken(client, "manifest.json")) == {"files": []}
        with pytest.raises(asyncssh.SFTPError):
            await client.open(f"/out/{label}.Observation.1.ndjson", "rb")
    for row in await clinic.owner.fetch("SELECT * FROM record.sftp_drop"):
        assert "Rivera" not in str(row)
    assert [(r["name"].replace(label, "L"), r["times"]) for r in await clinic.owner.fetch("SELECT name, times FROM record.sftp_taken")] == [("L.Observation.1.ndjson", 2)]


async def test_nobody_else_finds_it_and_nothing_is_out_when_the_service_is_stopped(clinic: Clinic) -> None:
    one = await a_client(clinic)
    await clinic.make("sys-sud", consent(one, "tpo"))
    tick()
    label = await put_out(clinic, ("Patient",))
    await opened(clinic.gate, login="river-lab", key=OTHER, as_={"id": "lab", "name": "Lab"})
    async with door(clinic.gate) as listener, connected(listener) as client, connected(listener, login="river-lab", key=OTHER) as other:
        assert sorted(await other.listdir("/out")) == [".", "..", "manifest.json"]
        with pytest.raises(asyncssh.SFTPError):
            await other.open(f"/out/{label}.Patient.1.ndjson", "rb")
        await client.remove(f"/out/{label}.Patient.1.ndjson")
        assert sorted(await client.listdir("/out")) == [".", "..", "manifest.json"]
        await clinic.owner.execute("DELETE FROM record.sftp_taken")
        assert len(await client.listdir("/out")) == 4
        await clinic.owner.execute("SELECT gate.end_app(1, 'county-app', $1)", clock.now())
        await clinic.owner.execute("UPDATE record.app SET state = 'stopped'")
        assert sorted(await client.listdir("/out")) == [".", "..", "manifest.json"]


async def test_exports_are_put_out_by_themselves_each_once_in_its_time_with_what_changed(clinic: Clinic) -> None:
    one = await a_client(clinic)
    await clinic.make("sys-sud", consent(one, "tpo"))
    tick()
    await opened(clinic.gate, gets="county-app", every=6, types=("Observation",), changed=True)
    tenant, clockwork = clinic.gate.house.tenants[A], Clockwork(clinic.gate)
    assert [await outbox.by_rhythm(clinic.gate, tenant, clockwork) for _ in range(2)] == [1, 0]
    await make_exports(clinic)
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(hours=6))
    new = (await clinic.make("sys-sud", observation(one, 99))).id
    now.advance(timedelta(minutes=1))
    assert [await outbox.by_rhythm(clinic.gate, tenant, clockwork) for _ in range(2)] == [1, 0]
    await make_exports(clinic)
    async with door(clinic.gate) as listener, connected(listener) as client:
        names = sorted(set(await client.listdir("/out")) - {".", "..", "manifest.json"})
        told = [{json.loads(line)["id"] for line in (await taken(client, name)).splitlines()} for name in names]
    assert sorted(map(len, told)) == [1, 2], "the first holds what there was, the second what changed since"
    assert {new} in told
    said = await clinic.owner.fetchval("SELECT count(*) FROM record.audit WHERE query LIKE 'partner=county&every=6%' ")
    assert said == 2


class Made:
    """A file that something else makes, as it stands."""

    id, name, kind, created = "m1", "made.hl7", "HL7 v2", START

    def __init__(self, content: bytes) -> None:
        self.content = content

    async def take(self, who: Who) -> bool:
        return True

    async def took(self, who: Who, *, hide: bool = False) -> None:
        return


async def test_a_list_may_be_some_seconds_old_and_what_is_opened_is_not(clinic: Clinic) -> None:
    now: list[Made] = [Made(b"one")]

    async def maker(*_: object) -> list[Made]:
        return list(now)

    account = await opened(clinic.gate)
    box = outbox.Outbox(clinic.gate, clinic.gate.house.tenants[A], account, "key-cedar-county", maker)
    (listed,) = await box.files()
    now[:] = [Made(b"another")]
    assert [f.size for f in await box.files()] == [3], "not made anew for each look"
    stream = await box.open(listed)
    assert stream is not None
    assert (stream.size, b"".join([piece async for piece in stream.lines()])) == (7, b"another")
    said = json.loads(await box.manifest(sealed=True))["files"]
    assert [(m["name"], m["encrypted"], m["size"], m["sha256"]) for m in said] == [("made.hl7.pgp", "OpenPGP", 7, crypto.sha256_hex(b"another"))]
    assert [(m["name"], "encrypted" in m) for m in json.loads(await box.manifest())["files"]] == [("made.hl7", False)]
    now.clear()
    assert await box.open(listed) is None, "nothing is left of it"


async def test_a_session_whose_key_was_taken_back_finds_nothing_more(clinic: Clinic) -> None:
    account = await opened(clinic.gate, gets="county-app")
    box = outbox.Outbox(clinic.gate, clinic.gate.house.tenants[A], account, "key-cedar-county")
    assert await box.files() == []
    await revoked(clinic.gate)
    for question in (box.files(), box.manifest()):
        with pytest.raises(errors.StaleCredential):
            await question
