"""Mail that comes: taken once, believed or refused, filed by what is in it, and answered."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import sys
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sojourn.base import clock
from sojourn.gate.exchange.keeping import PURPOSE, context
from sojourn.record.database import Dsn
from sojourn.wire import direct as wire
from sojourn.wire.direct import File, Letter, Notice
from tests import people
from tests.doors.direct.hisp import hisp
from tests.doors.direct.partner import THEM, US, Door, opened, read, ready, sealed
from tests.doors.hl7v2.lab import oru
from tests.people import MH, A, Clinic
from tests.wire import authorities as ca

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n"
CCDA = b'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Summary</title><recordTarget><patientRole><id extension="R1"/></patientRole></recordTarget></ClinicalDocument>'


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


def letter(n: int = 1, *files: File, asks: bool = True) -> Letter:
    """A letter of the partner."""
    return Letter(f"<m{n}@direct.cedar.test>", THEM, US, "Papers", "With this comes a document.", files or (File("letter.pdf", "application/pdf", PDF),), asks=asks)


def xdm(**documents: bytes) -> bytes:
    """Documents as IHE XDM lays them out."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("IHE_XDM/SUBSET01/METADATA.XML", "<a/>")
        for name, content in documents.items():
            packed.writestr(f"IHE_XDM/SUBSET01/{name}", content)
    return out.getvalue()


async def messages(clinic: Clinic) -> list[tuple[str, str, str]]:
    """(door, state, reason) of what is kept."""
    return [(r["door"], r["state"], r["reason"]) for r in await clinic.owner.fetch("SELECT door, state, reason FROM record.exchange_message ORDER BY seq")]


async def test_a_letter_is_filed_by_what_is_in_it_and_its_sender_is_told(clinic: Clinic) -> None:
    async with ready(clinic.gate, as_={"program": MH}) as (there, door):
        there.put(US, sealed(letter(1, File("a.pdf", "application/octet-stream", PDF), File("b.xml", "text/xml", CCDA), File("c.zip", "application/zip", xdm(D1=CCDA + b"\n", D2=PDF + b"%%EOF\n")), File("d.hl7", "text/plain", oru("M1")))))
        await door.look()
        notices = [read(raw).notice for raw in there.inbox(THEM)]
        assert there.inbox(US) == []
    assert notices == [Notice("<m1@direct.cedar.test>", "processed"), Notice("<m1@direct.cedar.test>", "dispatched", final=True)]
    assert await messages(clinic) == [("direct", "mapped", ""), ("hl7v2", "received", "")]
    assert [(r["door"], r["program"]) for r in await clinic.owner.fetch("SELECT door, program FROM record.paper")] == [("direct", MH)] * 4


async def test_what_comes_twice_is_there_once(clinic: Clinic) -> None:
    async with ready(clinic.gate) as (there, door):
        raw = sealed(letter(1, asks=False))
        there.put(US, raw)
        await door.look()
        there.put(US, raw)
        there.put(US, sealed(letter(1, asks=False), "another"))
        await door.look()
        assert len(there.inbox(THEM)) == 1, "one notice, and no second one"
        there.put(US, sealed(letter(1, File("a.pdf", "application/pdf", PDF + b"%more\n"), asks=False), "third"))
        await door.look()
    assert len(await messages(clinic)) == 2, "the same number with something else in it is another letter: nothing is lost"


async def test_what_is_not_believed_is_put_aside_with_a_reason_and_stops_nobody(clinic: Clinic) -> None:
    async with ready(clinic.gate) as (there, door):
        stranger = Letter("<s@x.test>", "someone@elsewhere.test", US, "x", "y")
        there.put(US, b"From: clinic@direct.cedar.test\r\nTo: records@direct.riverbend.test\r\n\r\nhello")
        there.put(US, sealed(letter(2), "u2", ca.address(THEM, "Other root")))
        there.put(US, wire.sealed(stranger, clock.now(), ca.address(stranger.sender), [ca.address(US).certificate], "u3"))
        there.put(US, sealed(letter(4), "u4", ca.issued("gone", ca.root(), mail=THEM, until=datetime(2021, 1, 1, tzinfo=UTC))))
        there.put(US, b"\xff" * 4000)
        there.put(US, sealed(letter(6, asks=False), "u6"))
        await door.look()
        assert (len(there.inbox(US)), len(there.boxes[US]["Sojourn-Refused"]), len(there.inbox(THEM))) == (0, 5, 1)
    assert [(state) for _, state, _ in await messages(clinic)] == ["mapped"]
    said = [(r["sender"], r["reason"].partition(".")[0]) for r in await clinic.owner.fetch("SELECT sender, reason FROM record.direct_refused ORDER BY at")]
    assert said == [
        ("", "It is not encrypted"), (THEM, "The certificate leads to no trust anchor of this partner"), (stranger.sender, "Nobody in the register of partners writes from this address"),
        (THEM, "The certificate has expired"), ("", "It is not encrypted"),
    ]  # fmt: skip


async def test_what_was_taken_back_is_not_believed_from_then_on(clinic: Clinic) -> None:
    async with ready(clinic.gate) as (there, door):
        await clinic.gate.house.db.call("SELECT gate.direct_revoke_certificate(1, 'cedar', 'c-address', 'test', 'lost', $1)", clock.now())
        there.put(US, sealed(letter()))
        await door.look()
    assert await clinic.owner.fetchval("SELECT reason FROM record.direct_refused") == "The certificate was revoked here. Ask the partner for a new one."


async def test_a_sender_who_cannot_be_told_now_is_told_later(clinic: Clinic) -> None:
    async with ready(clinic.gate) as (there, door):
        there.put(US, sealed(letter(asks=False)))
        there.down = True
        await door.look()
        assert [(d, s, r.partition(":")[0]) for d, s, r in await messages(clinic)] == [("direct", "received", "Its sender is still to be told that it came")]
        row = await clinic.owner.fetchrow("SELECT message, result FROM record.exchange_message")
        kept = json.loads(clinic.gate.house.key.decrypt(PURPOSE, row["result"], context(A, row["message"])))
        paper = await clinic.owner.fetchval("SELECT paper FROM record.paper")
        assert kept["became"] == [f"Paper/{paper}"], "whoever may not see what it became opens it no more from now on"
        there.down = False
        await clinic.owner.execute("UPDATE record.exchange_message SET due = now()")
        await door.look()
        assert len(there.inbox(THEM)) == 1
    assert await messages(clinic) == [("direct", "mapped", "")]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.paper") == 1


async def test_bombs_and_paths_in_a_zip_file_come_to_nothing(clinic: Clinic) -> None:
    async with ready(clinic.gate) as (there, door):
        there.put(US, sealed(letter(1, File("a.zip", "application/zip", xdm(D1=b"\0" * 60_000_000))), "u1"))
        there.put(US, sealed(letter(2, File("b.zip", "application/zip", xdm(**{"../../../etc/D": PDF}))), "u2"))
        await door.look()
    found = await messages(clinic)
    assert found[0][1:] == ("failed", "What is in it is larger than is read. Ask the sender to send it in parts.")
    assert found[1][1] == "failed"
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.paper") == 0


async def test_after_a_kill_each_letter_is_there_once(database: Dsn, tmp_path: Path) -> None:
    clinic = await people.open_clinic(database)
    async with hisp(US, THEM) as there:
        await opened(clinic.gate, there)
        for n in range(8):
            there.put(US, sealed(letter(n, File("a.pdf", "application/pdf", PDF + b"%" + bytes(str(n), "ascii") + b"\n"), asks=False), f"u{n}"))
        server = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.doors.direct.fetching_server", database.app, str(tmp_path), cwd=Path(__file__).parents[3])

        def end(uid: int) -> None:
            if uid == 6 and server.returncode is None:
                server.send_signal(signal.SIGKILL)

        there.seen = end
        await server.wait()
        assert len(there.inbox(US)) == 8, "nothing is removed that was not kept"
        await Door(clinic.gate).look()
        assert there.inbox(US) == []
    assert [s for _, s, _ in await messages(clinic)] == ["mapped"] * 8
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.paper") == 8
    await people.close_clinic(clinic)
