"""Single documents that are put out for a partner: there while they may be, taken once as they were looked at, and a way like the others."""

from __future__ import annotations

import json

import asyncssh
import pytest

from sojourn.base import crypto
from sojourn.care.handoff import referral
from sojourn.doors.sftp.dropping import Dropping
from sojourn.gate import disclosurelog
from sojourn.gate.exchange import ways
from sojourn.gate.exchange.keeping import ASIDE, MAPPED, RECEIVED, REVIEW
from sojourn.gate.exchange.ways import Way
from sojourn.wire.ccda.reader import read
from tests.care import reach
from tests.care.test_handoff import at, clinic  # noqa: F401 - a fixture
from tests.doors.sftp.partner import COUNTY, OTHER, connected, door, opened
from tests.doors.sftp.test_out import taken
from tests.people import Clinic, labelled, observation

SFTP = Way(ways.SFTP, "referrals", "one")


async def out(clinic: Clinic) -> tuple[str, str, str]:  # noqa: F811
    """(consent, hand-off, delivery): one that is put out for Lakeside, which has boxes, beside somebody else who has."""
    _, agreed, handoff, delivery = await reach.queued(clinic, SFTP)
    kept = json.loads(await clinic.owner.fetchval("SELECT facts FROM record.exchange_partner WHERE partner = 'lakeside' AND known_to = 'infinity'"))
    await opened(clinic.gate, as_={"id": "lakeside", "name": "Lakeside Primary Care", "organization": kept["organization"], "reached": kept["reached"]}, login="lakeside")
    await opened(clinic.gate, COUNTY, login="cedar-county", key=OTHER)
    return agreed, handoff, delivery


async def brought(clinic: Clinic) -> None:  # noqa: F811
    await reach.brought(clinic, {ways.SFTP: Dropping(clinic.gate)})


async def test_it_is_out_with_its_digest_until_it_is_taken_and_then_it_arrived(clinic: Clinic) -> None:  # noqa: F811
    _, handoff, delivery = await out(clinic)
    async with door(clinic.gate) as listener, connected(listener, login="lakeside") as client, connected(listener, key=OTHER) as other:
        assert sorted(await client.listdir("/out")) == [".", "..", "manifest.json"], "it is not put out yet"
        await brought(clinic)
        assert await reach.state(clinic, delivery) == (RECEIVED, "sftp", "It is put out for them; they have not taken it yet.")
        (name,) = set(await client.listdir("/out")) - {".", "..", "manifest.json"}
        assert name.startswith("referrals.document-2026")
        assert name.endswith(".xml")
        assert sorted(await other.listdir("/out")) == [".", "..", "manifest.json"], "nobody else finds it"
        with pytest.raises(asyncssh.SFTPError):
            await other.open(f"/out/{name}", "rb")
        (said,) = json.loads(await taken(client, "manifest.json"))["files"]
        p = await clinic.owner.fetchval("SELECT patient FROM record.disclosure_patient")
        await clinic.make("sys-sud", labelled(observation(p, 99), "HIV"))
        assert json.loads(await taken(client, "manifest.json"))["files"] == [said], "what stays changes nothing of it"
        content = await taken(client, name)
        assert (said["name"], said["size"], said["sha256"], said["kind"]) == (name, len(content), crypto.sha256_hex(content), "C-CDA")
        await brought(clinic)
        assert (await reach.state(clinic, delivery))[:2] == (MAPPED, "sftp")
        assert sorted(await client.listdir("/out")) == [".", "..", "manifest.json"]
    assert read(content).marks.notice
    after = await referral.one(await at(clinic), handoff)
    row, payload = await disclosurelog.payload(await at(clinic), after.sent[0])
    assert (after.step, row["channel"], payload) == ("sent", "release-sftp", content)
    assert after.notes[-1][2].startswith("Arrived. SFTP drop: They took it to its end on 20")
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 1


async def test_what_may_not_leave_any_more_is_not_there_and_what_is_removed_goes_on_by_the_next_way(clinic: Clinic) -> None:  # noqa: F811
    agreed, _, delivery = await out(clinic)
    consent = (await clinic.ask("sys-sud", "GET", f"Consent/{agreed}")).json()
    await brought(clinic)
    async with door(clinic.gate) as listener, connected(listener, login="lakeside") as client:
        (name,) = set(await client.listdir("/out")) - {".", "..", "manifest.json"}
        half = await client.open(f"/out/{name}", "rb")
        assert (await clinic.put("sys-sud", {**consent, "status": "inactive"})).status == 200
        with pytest.raises(asyncssh.SFTPError):
            await half.read()
        assert sorted(await client.listdir("/out")) == [".", "..", "manifest.json"]
        with pytest.raises(asyncssh.SFTPError):
            await client.open(f"/out/{name}", "rb")
        await brought(clinic)
    assert (await reach.state(clinic, delivery))[0] == ASIDE, "taken back, and nothing of it left"


async def test_a_partner_who_removes_it_gets_it_by_hand(clinic: Clinic) -> None:  # noqa: F811
    _, _, delivery = await out(clinic)
    await brought(clinic)
    async with door(clinic.gate) as listener, connected(listener, login="lakeside") as client:
        (name,) = set(await client.listdir("/out")) - {".", "..", "manifest.json"}
        await client.remove(f"/out/{name}")
        assert sorted(await client.listdir("/out")) == [".", "..", "manifest.json"]
    await brought(clinic)
    await brought(clinic)
    assert (await reach.state(clinic, delivery))[0] == REVIEW
