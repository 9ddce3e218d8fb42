"""Files by what is in them: to the messages, to the papers, to the import, or to somebody; and what their senders are told."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from sojourn.base import clock, crypto
from sojourn.gate.apps import registry
from sojourn.gate.apps.registry import App
from sojourn.record.database import Dsn
from tests import people
from tests.doors.hl7v2.lab import MRN, done, oru
from tests.doors.hl7v2.lab import listener as hl7
from tests.doors.sftp.partner import KEY, brought, connected, door, looked, opened, receipts
from tests.people import MH, SUD, A, Clinic, patient

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


async def service(clinic: Clinic, client: str = "mover", **more: object) -> None:
    """A service of ours that was registered and approved: it may import."""
    facts = {"whose": "inside", "account": f"app-{client}", "role": "system", "programs": (SUD, MH, 3)} | more
    app = App(client, client, ("service",), method="private_key_jwt", scopes="system/*.cruds", **facts)  # type: ignore[arg-type]
    now = clock.now()
    kind, role, programs, agent, keys = ("organization", "outside", [], app.organization, [app.organization]) if app.whose == "outside" else ("system", app.role, list(app.programs), None, [])
    await clinic.owner.execute("SELECT gate.make_app_account($1, $2, $3, $4, $5, $6, $7, NULL, $8, 'test', $9)", A, app.account, kind, client, agent, role, programs, keys, now)
    await clinic.owner.execute("SELECT gate.put_app($1, $2, $3, 'active', NULL, 'test', '', $4)", A, client, registry.facts(app), now)


async def test_a_batch_of_messages_becomes_messages_that_become_results(clinic: Clinic) -> None:
    await clinic.make("sys-mh", patient(identifier=[{"system": MRN, "value": "R1"}]))
    await opened(clinic.gate, as_={"authorities": {"RIVER": MRN}, "program": MH, "applications": ("CEDAR",)})
    batch = b"FHS|^~\\&|CEDAR\rBHS|^~\\&|CEDAR\r" + b"".join(oru(f"M{n}", filler=f"F{n}") for n in range(3)) + oru("M9", application="OTHER") + b"BTS|4\rFTS|1\r"
    async with door(clinic.gate) as listener, connected(listener) as client:
        await brought(client, "results.hl7", batch)
        await brought(client, "one.hl7", oru("M0", filler="F0"))
        await looked(listener, clinic.gate)
        told = await receipts(client)
    assert (told["results.hl7"]["state"], told["results.hl7"]["messages"], told["results.hl7"]["taken"]) == ("accepted", 4, 3)
    assert told["results.hl7"]["faults"] == [{"message": 4, "reason": "It names another sender than was agreed (MSH-3, MSH-4)."}]
    assert told["one.hl7"]["state"] == "accepted"
    await done(hl7(clinic.gate), clinic.gate)
    rows = await clinic.owner.fetch("SELECT door, state, control FROM record.exchange_message ORDER BY seq")
    assert [(r["door"], r["state"]) for r in rows] == [("sftp", "failed"), ("sftp", "mapped"), *[("hl7v2", "mapped")] * 3], "what came alone had come in the batch"
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.resource WHERE type = 'DiagnosticReport'") == 3


async def test_pages_go_to_the_tray_and_what_nobody_can_read_is_refused(clinic: Clinic) -> None:
    await opened(clinic.gate, as_={"program": MH})
    async with door(clinic.gate) as listener, connected(listener) as client:
        await brought(client, "letter.pdf", PDF)
        await brought(client, "broken.pdf", b"%PDF-1.4 nothing")
        await brought(client, "claims.x12", b"ISA*00*          *00*          *ZZ*A              *ZZ*B              *260301*0800*^*00501*000000001*0*T*:~")
        await looked(listener, clinic.gate)
        told = {name: (r["state"], r["kind"]) for name, r in (await receipts(client)).items()}
    assert told == {"letter.pdf": ("accepted", "PDF"), "broken.pdf": ("refused", "PDF"), "claims.x12": ("waits", "X12")}
    assert [(r["door"], r["program"]) for r in await clinic.owner.fetch("SELECT door, program FROM record.paper")] == [("sftp", MH)]


async def test_a_clinical_document_goes_to_the_tray_as_what_it_is(clinic: Clinic) -> None:
    await opened(clinic.gate, as_={"program": MH})
    document = b'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Summary</title><recordTarget><patientRole><id extension="R1"/></patientRole></recordTarget></ClinicalDocument>'
    async with door(clinic.gate) as listener, connected(listener) as client:
        await brought(client, "summary.xml", document)
        await looked(listener, clinic.gate)
        told = (await receipts(client))["summary.xml"]
    assert (told["state"], told["kind"]) == ("accepted", "C-CDA"), told
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.paper WHERE door = 'sftp'") == 1


async def test_records_are_imported_under_the_right_that_was_named_and_under_no_other(clinic: Clinic) -> None:
    await opened(clinic.gate, as_={"program": MH})
    lines = b"".join(json.dumps({"resourceType": "Patient", "id": f"p{n}", "name": [{"family": "Rivera"}]}).encode() + b"\n" for n in range(5))
    bundle = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": "Patient", "id": "q1"}}, {"resource": {"resourceType": "Patient", "id": "q2", "birthDate": "soon"}}]}).encode()
    async with door(clinic.gate) as listener, connected(listener) as client:
        await brought(client, "early.ndjson", lines)
        await looked(listener, clinic.gate)
        assert (await receipts(client))["early.ndjson"]["state"] == "waits"
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.resource WHERE type = 'Patient'") == 0
        await service(clinic)
        await clinic.owner.execute("UPDATE record.sftp_account SET facts = replace(facts, '\"brings\": \"\"', '\"brings\": \"mover\"')")
        await clinic.owner.execute("UPDATE record.exchange_message SET state = 'received', due = now()")
        await brought(client, "more.ndjson.gz", gzip.compress(lines.replace(b'"p', b'"r')))
        await brought(client, "bundle.json", bundle)
        await looked(listener, clinic.gate)
        told = {name: (r["state"], r.get("records")) for name, r in (await receipts(client)).items()}
    assert told == {"early.ndjson": ("accepted", 5), "more.ndjson.gz": ("accepted", 5), "bundle.json": ("accepted", 2)}
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.resource WHERE type = 'Patient'") == 11
    reasons = [r["reason"] for r in await clinic.owner.fetch("SELECT reason FROM record.exchange_message ORDER BY seq")]
    assert reasons == ["", "", "1 of 2 records in it were refused. Open it to see why; what could be written was."]


async def test_after_a_kill_each_file_is_there_once_or_not_at_all(database: Dsn, tmp_path: Path) -> None:
    clinic = await people.open_clinic(database)
    await opened(clinic.gate)
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.doors.sftp.listening_server", database.app, str(tmp_path), cwd=Path(__file__).parents[3], stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    port = int(await server.stdout.readline())
    content = {n: f"{n},b,c\n".encode() * 50_000 for n in range(12)}
    believed: list[int] = []

    with suppress(Exception):  # whatever the end of the connection looks like
        async with connected(SimpleNamespace(port=port)) as client:  # type: ignore[arg-type]
            for n, what in content.items():
                if n == 8:
                    server.send_signal(signal.SIGKILL)
                await brought(client, f"{n}.csv", what)
                believed.append(n)
    await server.wait()
    assert len(believed) >= 8
    async with door(clinic.gate) as listener, connected(listener, key=KEY) as client:
        for n, what in content.items():
            if n not in believed:
                await brought(client, f"{n}.csv", what)
        told = await receipts(client)
        await looked(listener, clinic.gate)
    assert {name: r["sha256"] for name, r in told.items()} == {f"{n}.csv": crypto.sha256_hex(c) for n, c in content.items()}
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.exchange_message") == len(content)
    await people.close_clinic(clinic)
