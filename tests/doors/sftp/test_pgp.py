"""OpenPGP with partners, by GnuPG: what they encrypt goes its way once it is open, what we bring only they can read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sojourn.base import clock, gnupg
from sojourn.base.clock import FakeClock
from sojourn.gate.exchange import pgp
from sojourn.record.database import Dsn
from tests import people
from tests.doors.hl7v2.lab import oru
from tests.doors.sftp.partner import brought, connected, door, looked, opened, receipts
from tests.doors.sftp.test_errands import an_errand, done, their_server
from tests.doors.sftp.test_out import a_client, put_out, tick
from tests.doors.sftp.test_routes import service
from tests.people import START, Clinic, consent
from tests.shared import needs_command

pytestmark = needs_command("gpg")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """On a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        yield made
        await people.close_clinic(made)


async def test_what_is_encrypted_goes_its_way_and_what_is_not_signed_as_agreed_goes_none(clinic: Clinic) -> None:
    theirs, stranger = await gnupg.make("Cedar", "one"), await gnupg.make("Stranger", "two")
    await opened(clinic.gate, pgp=theirs.public, signs=True)
    ours = await pgp.ours(clinic.gate.house)
    assert ours == await pgp.ours(clinic.gate.house)
    assert b"PRIVATE" not in (clinic.gate.house.inbox.parent / "sftp" / "openpgp.key").read_bytes()
    good = await gnupg.encrypted(oru("M1"), ours.public, theirs)
    async with door(clinic.gate) as listener, connected(listener) as client:
        await brought(client, "good.pgp", good)
        await brought(client, "of-another.pgp", await gnupg.encrypted(oru("M2"), ours.public, stranger))
        await brought(client, "to-another.pgp", await gnupg.encrypted(oru("M3"), stranger.public, theirs))
        await brought(client, "cut.pgp", good[:-9])
        await looked(listener, clinic.gate)
        told = {name: (r["state"], r["kind"], r.get("inside"), r.get("reason", "")[:17]) for name, r in (await receipts(client)).items()}
    assert told == {
        "good.pgp": ("accepted", "PGP", "HL7 v2", ""), "of-another.pgp": ("refused", "PGP", None, "It is not signed "), "to-another.pgp": ("refused", "PGP", None, "It is not encrypt"),
        "cut.pgp": ("refused", "PGP", None, "It is not encrypt"),
    }  # fmt: skip
    assert [r["control"] for r in await clinic.owner.fetch("SELECT control FROM record.exchange_message WHERE door = 'hl7v2'")] == ["M1"]


async def test_what_is_brought_is_read_by_them_alone(clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    theirs = await gnupg.make("Cedar", "one")
    await service(clinic, "county-app", whose="outside", organization="Organization/tpo", role="", programs=())
    await opened(clinic.gate, gets="county-app", pgp=theirs.public, seals=True)
    one = await a_client(clinic)
    await clinic.make("sys-sud", consent(one, "tpo"))
    tick()
    label = await put_out(clinic, ("Observation",))
    async with their_server(clinic, tmp_path) as port:
        await an_errand(clinic, port, way="bring")
        assert await done(clinic) == ""
    there = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    assert sorted(there) == [f"{label}.Observation.1.ndjson.pgp", "manifest.json"]
    assert b"Observation/" not in there[f"{label}.Observation.1.ndjson.pgp"]
    found = await gnupg.opened(there[f"{label}.Observation.1.ndjson.pgp"], theirs, (await pgp.ours(clinic.gate.house)).public)
    assert found.signer == (await pgp.ours(clinic.gate.house)).fingerprint
    assert f"Patient/{one}".encode() in found.content
    assert b'"encrypted": "OpenPGP"' in there["manifest.json"]


async def test_a_bomb_is_not_unpacked_and_a_key_that_is_none_is_not_taken() -> None:
    one, other = await gnupg.make("One", "one"), await gnupg.make("Other", "two")
    bomb = await gnupg.encrypted(b"\0" * 5_000_000, one.public, other)
    assert len(bomb) < 50_000
    with pytest.raises(gnupg.NotGood):
        await gnupg.opened(bomb, one, other.public, most=1_000_000)
    for wrong in ("nothing", one.secret, one.public + other.public):
        with pytest.raises(gnupg.NotGood):
            await gnupg.fingerprint(wrong)
