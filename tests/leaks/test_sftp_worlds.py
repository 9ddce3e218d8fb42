"""SFTP in two worlds: receipts, boxes, what is out and the pages are the same whatever is hidden from who looks.

One side looks from outside, as a partner; the other from a desk, as somebody who may not know whom a file is about.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import asyncssh
import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate.bulk import running
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests import people
from tests.care.reported import house, visitor
from tests.doors.hl7v2.lab import MRN, done, oru
from tests.doors.hl7v2.lab import listener as hl7
from tests.doors.sftp.partner import brought, connected, door, looked, opened, receipts
from tests.doors.sftp.test_out import a_client, put_out, taken, tick
from tests.doors.sftp.test_routes import service
from tests.leaks.drawn import Drawn, without
from tests.people import MH, START, SUD, A, Clinic, consent, encounter, patient
from tests.web.real import HASH

CHANGING = Drawn("csrf")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """On a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        yield made
        await people.close_clinic(made)


async def look(client: asyncssh.SFTPClient, label: str) -> tuple[object, ...]:
    """Everything that a partner finds, without what is another each time."""
    manifest = json.loads(await taken(client, "manifest.json"))["files"]
    found = [(m["name"].replace(label, "L"), m["size"], m["sha256"], m["kind"], await taken(client, m["name"])) for m in manifest]
    return sorted(n.replace(label, "L") for n in await client.listdir("/out")), found


async def test_what_is_told_of_a_file_is_the_same_whoever_it_is_about(clinic: Clinic) -> None:
    """Two worlds: the message is about a client of SUD, or about nobody here."""
    await clinic.make("sys-sud", patient("Quillfeather", identifier=[{"system": MRN, "value": "R1"}]))
    await opened(clinic.gate, as_={"authorities": {"RIVER": MRN}, "program": SUD})
    told = []
    async with door(clinic.gate) as listener:
        for mrn, family, born in (("R1", "Quillfeather", "19880304"), ("X1", "Othersurname", "19700101")):
            async with connected(listener) as client:
                await brought(client, "result.hl7", oru("M1", mrn=mrn, family=family, born=born))
                await looked(listener, clinic.gate)
                await done(hl7(clinic.gate), clinic.gate)
                names = sorted(await client.listdir("/in")), len(await client.listdir("/receipts"))
                said = (await receipts(client))["result.hl7"]
                told.append((names, {k: v for k, v in said.items() if k not in ("sha256", "received", "number")}))
            states = [r["state"] for r in await clinic.owner.fetch("SELECT state FROM record.exchange_message WHERE door = 'hl7v2'")]
            told.append((states,))
            await clinic.owner.execute("DELETE FROM record.exchange_message; DELETE FROM record.sftp_file; DELETE FROM record.sftp_part")
    assert told[0] == told[2]
    assert told[1] != told[3], "one was matched, the other was not"


async def test_what_is_out_does_not_depend_on_what_is_hidden(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LINES", 3)
    await service(clinic, "county-app", whose="outside", organization="Organization/tpo", role="", programs=())
    for n in range(3):
        await clinic.make("sys-sud", consent(await a_client(clinic, f"Rivera{n}"), "tpo"))
    tick()
    async with door(clinic.gate) as listener:
        label = await put_out(clinic)
        async with connected(listener) as client:
            before = await look(client, label)
        await clinic.owner.execute("DELETE FROM record.sftp_drop")
        for n in range(4):
            await a_client(clinic, f"Hidden{n}")
        await clinic.make("sys-sud", consent(await a_client(clinic, "Elsewhere"), "elsewhere"))
        label = await put_out(clinic)
        async with connected(listener) as client:
            after = await look(client, label)
    assert before == after
    assert "Hidden" not in str(after)


async def test_whom_a_file_is_about_changes_no_page_of_who_may_not_know_them(database: Dsn) -> None:
    """A file is about a client of SUD, or about nobody here; an integration manager of MH tells them apart by nothing."""
    async with house(database) as clinic:
        client = (await clinic.make("sys-sud", patient("Quillfeather", identifier=[{"system": MRN, "value": "R1"}]))).id
        await clinic.make("sys-sud", encounter(client))
        await opened(clinic.gate, as_={"authorities": {"RIVER": MRN}, "program": SUD})
        row = organization.AccountRow("ivo", "staff", "ivo", "Ivo", HASH, "Practitioner/ivo", "integration-manager", [MH], MH, [])
        await organization.account(clinic.owner, A, row, clock.now())
        browser = await visitor(clinic, "ivo")
        pages = []
        async with door(clinic.gate) as listener:
            for mrn, family, born in (("R1", "Quillfeather", "19880304"), ("X1", "Othersurname", "19700101")):
                async with connected(listener) as sent:
                    await brought(sent, f"{family}.hl7", oru("M1", mrn=mrn, family=family, born=born).ljust(400))
                await looked(listener, clinic.gate)
                id_, control = await clinic.owner.fetchrow("SELECT message, control FROM record.exchange_message WHERE door = 'sftp'")
                found = []
                for path in ("/exchange/partners/county/sftp", "/exchange/partners/county/files", f"/exchange/messages/{id_}", f"/exchange/messages/{id_}/content", f"/exchange/messages/{id_}/file"):
                    answer = await browser.get(path)
                    said = CHANGING.out(answer.text.replace(id_, "ID").replace(control, "NO"))
                    found.append((path.replace(id_, "ID"), answer.status_code, without("size and age", said)))
                pages.append(found)
                await clinic.owner.execute("DELETE FROM record.exchange_message; DELETE FROM record.exchange_event; DELETE FROM record.sftp_file; DELETE FROM record.sftp_part")
        assert pages[0] == pages[1]
        assert [status for _, status, _ in pages[0]] == [200, 200, 200, 404, 404]
        assert "uillfeather" not in str(pages)
