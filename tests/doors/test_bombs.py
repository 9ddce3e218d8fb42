"""What is small on the wire and would not be small here: packed, with entities, nested, or of a million pieces. Refused with a reason, by every door that reads such a thing."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest

from sojourn.doors.fax.gateways import Http, NotThere
from sojourn.fhir import codec
from sojourn.gate.bulk import arriving
from sojourn.record.database import Dsn
from sojourn.web.outbound import NotReached, Outbound
from sojourn.wire import xdm
from tests import people
from tests.doors.api.test_bulk import brought as imported
from tests.doors.api.test_bulk import told
from tests.doors.hl7v2 import lab
from tests.doors.hl7v2.lab import NEAR, code, listener, sent
from tests.doors.messaging.sender import message, person, sends
from tests.doors.mhd.submission import bundle
from tests.doors.sftp.partner import brought, connected, door, looked, opened, receipts
from tests.doors.sftp.test_routes import service
from tests.people import MH, Clinic, patient

PACKED = ("content-encoding", "gzip")
LAUGHS = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a0 "ha">' + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)) + b']><ClinicalDocument xmlns="urn:hl7-org:v3"><title>&a9;</title></ClinicalDocument>'
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><ClinicalDocument xmlns="urn:hl7-org:v3"><title>&x;</title></ClinicalDocument>'
DEEP_XML = b'<ClinicalDocument xmlns="urn:hl7-org:v3">' + b"<a>" * 200_000 + b"</a>" * 200_000 + b"</ClinicalDocument>"
DEEP = b'{"resourceType":"Bundle","type":"batch","entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
DEEP_OBJECTS = b'{"resourceType":"Patient","contact":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001
WIDE = b'{"resourceType":"Bundle","type":"batch","entry":[' + b"{}," * codec.MAX_VALUES + b"{}]}"


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


def packed(piece: bytes, times: int) -> bytes:
    """A piece many times, by gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(piece) for _ in range(times)) + packer.flush()


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(f"IHE_XDM/SUBSET01/{name}", content)
    return out.getvalue()


@pytest.mark.parametrize("letter", [b"\0", b"\n"])
async def test_gzip_that_grows_without_end_is_not_imported(clinic: Clinic, monkeypatch: pytest.MonkeyPatch, letter: bytes) -> None:
    assert arriving.ROOM <= 64 << 20
    monkeypatch.setattr(arriving, "ROOM", 2 << 20)
    reply = await imported(clinic, "sys-mh", packed(letter * (1 << 20), 40), PACKED)
    assert reply.status == 413, reply.body[:300]
    assert reply.json()["issue"][0]["diagnostics"] in ("A line is larger than 16 MB.", "What is packed grows far more than records do. Send it as it is, or in parts.")


async def test_an_import_of_nothing_but_what_is_refused_ends(clinic: Clinic) -> None:
    lines = told(await imported(clinic, "sys-mh", json.dumps(patient(id="p1")).encode() + b"\n" + b"{}\n" * 100_000))
    assert lines["written"] == 1
    assert arriving.ENOUGH <= lines["refused"] < 30_000
    assert "the rest was not looked at" in lines["outcome"]["issue"][0]["diagnostics"]


async def test_gzip_of_records_is_taken_whole_or_refused(clinic: Clinic) -> None:
    first, second = (json.dumps({**patient(), "id": f"p{n}"}).encode() + b"\n" for n in range(2))
    assert told(await imported(clinic, "sys-mh", gzip.compress(first) + gzip.compress(second) + b"\0" * 512, PACKED))["written"] == 2, "of every member"
    cut = await imported(clinic, "sys-mh", gzip.compress(first * 1000)[:-9], PACKED)
    assert cut.status == 400
    assert "The end of the gzip is missing" in cut.json()["issue"][0]["diagnostics"]
    alike = b"".join(json.dumps({**patient(), "id": f"q{n}"}).encode() + b"\n" for n in range(20_000))
    assert len(alike) / len(gzip.compress(alike)) < arriving.GROWS, "records that are almost the same grow less than is refused"


async def test_a_body_that_is_packed_is_refused_where_none_is_unpacked(clinic: Clinic) -> None:
    await sends(clinic)
    body = gzip.compress(json.dumps(patient()).encode())
    for who, path, media in (("sys-mh", "Patient", "application/fhir+json"), ("sys-mh", "", "application/fhir+json"), ("mercy", "$process-message", "application/fhir+json"), ("sys-mh", "DocumentReference/$import-ccda", "application/xml")):
        reply = await clinic.ask(who, "POST", path, body, (PACKED, ("content-type", media)))
        assert (reply.status, "without Content-Encoding" in reply.json()["issue"][0]["diagnostics"]) == (415, True), path


async def test_files_that_grow_without_end_are_refused_by_their_receipt(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "ROOM", 2 << 20)
    await opened(clinic.gate, as_={"program": MH})
    await service(clinic)
    await clinic.owner.execute("UPDATE record.sftp_account SET facts = replace(facts, '\"brings\": \"\"', '\"brings\": \"mover\"')")
    zeros = b"\0" * (60 << 20)
    files = {
        "records.ndjson.gz": gzip.compress(json.dumps(patient()).encode() + b"\n") + packed(b"\n" * (1 << 20), 40), "cut.ndjson.gz": gzip.compress((json.dumps(patient()).encode() + b"\n") * 1000)[:-9],
        "xdm.zip": zipped(**{"A.XML": zeros}), "many.zip": zipped(**{f"{n}.XML": b"" for n in range(12_000)}), "laughs.xml": LAUGHS, "outside.xml": OUTSIDE, "deep.xml": DEEP_XML,
        "deep.json": DEEP, "wide.json": WIDE, "messages.hl7": b"MSH|^~\\&|CEDAR|LAB\r" * 60_000,
    }  # fmt: skip
    async with door(clinic.gate) as there, connected(there) as client:
        for name, content in files.items():
            await brought(client, name, content)
        await looked(there, clinic.gate)
        said = await receipts(client)
    assert {name: r["state"] for name, r in said.items()} == dict.fromkeys(files, "refused")
    reasons = {name: r["reason"] for name, r in said.items()}
    large = "Files of this kind may not be so large. Send it in parts."
    assert {n for n, why in reasons.items() if why == large} == {"records.ndjson.gz", "wide.json", "messages.hl7"}
    assert "The end of the gzip is missing" in reasons["cut.ndjson.gz"]
    assert reasons["xdm.zip"] == "What is in it is larger than is read. Ask the sender to send it in parts."
    assert reasons["many.zip"] == "It holds more files than are read."
    assert all("document type or entities" in reasons[n] for n in ("laughs.xml", "outside.xml"))
    assert "deep" in reasons["deep.xml"]


async def test_a_word_file_is_not_opened(clinic: Clinic) -> None:
    await opened(clinic.gate, as_={"program": MH})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("[Content_Types].xml", LAUGHS)
        made.writestr("word/document.xml", b"<w>" * (20 << 20))
    async with door(clinic.gate) as there, connected(there) as client:
        await brought(client, "letter.docx", out.getvalue())
        await looked(there, clinic.gate)
        assert (await receipts(client))["letter.docx"]["state"] == "waits", "it is kept, and for somebody to open"


def test_a_directory_of_a_million_files_is_counted_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    content = zipped(**{f"{n}": b"" for n in range(11_000)})

    def read(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(zipfile.ZipFile, "infolist", read)
    with pytest.raises(xdm.BadZip, match="more files than are read"):
        xdm.documents(content)


@pytest.mark.parametrize("document", [LAUGHS, OUTSIDE, DEEP_XML])
async def test_xml_with_entities_is_refused_by_each_door_that_reads_some(clinic: Clinic, document: bytes) -> None:
    taken_in = await clinic.ask("sys-mh", "POST", "DocumentReference/$import-ccda", document, (("content-type", "application/xml"),))
    provided = await clinic.ask("tpo", "POST", "", bundle(document))
    for reply in (taken_in, provided):
        assert reply.status in (400, 422), reply.body
        assert "root:" not in reply.body.decode()
        said = reply.json()["issue"][0]["diagnostics"]
        assert "document type or entities" in said or "deep" in said, said
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.paper") == 0
    div = document.decode().replace("ClinicalDocument", "div").replace("urn:hl7-org:v3", "http://www.w3.org/1999/xhtml")
    narrated = await clinic.ask("sys-mh", "POST", "Patient", patient(text={"status": "generated", "div": div}))
    assert narrated.status in (400, 422), "a narrative"
    attached = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {"contentType": "application/xml", "data": base64.b64encode(document).decode()}}]}
    reply = await clinic.ask("sys-mh", "POST", "DocumentReference", attached)
    assert reply.status in (201, 400, 422), "kept as it is and not opened, or refused"
    if reply.status == 201:
        got = await clinic.get("sys-mh", f"DocumentReference/{reply.id}")
        assert base64.b64decode(got.json()["content"][0]["attachment"]["data"]) == document


@pytest.mark.parametrize(("body", "status"), [(DEEP, 400), (DEEP_OBJECTS, 400), (WIDE, 413)])
async def test_json_that_is_deep_or_of_a_million_pieces_is_refused_by_each_door(clinic: Clinic, body: bytes, status: int) -> None:
    await sends(clinic)
    for who, path in (("sys-mh", ""), ("sys-mh", "Patient"), ("tpo", ""), ("sys-mh", "$export"), ("mercy", "$process-message"), ("sys-mh", "ValueSet/$expand"), ("tpo", "Patient/$match")):
        reply = await clinic.ask(who, "POST", path, body, (("prefer", "respond-async"),))
        assert reply.status in (status, 413), (path, reply.body[:200])
        assert reply.json()["issue"][0]["diagnostics"], path
    lines = told(await imported(clinic, "sys-mh", body + b"\n" + json.dumps(patient(id="p1")).encode()))
    assert (lines["written"], lines["refused"]) == (1, 1)
    assert "nested" in lines["outcome"]["issue"][0]["diagnostics"] or "values" in lines["outcome"]["issue"][0]["diagnostics"]
    assert (await clinic.ask("mercy", "POST", "$process-message", message("A04", person()))).status == 200


async def test_answers_of_others_that_are_deep_or_packed_are_no_answers() -> None:
    async def there(host: str, port: int) -> list[str]:  # noqa: ARG001 - part of the protocol
        return ["93.184.216.34"]

    content = packed(b"\0" * (1 << 20), 100)

    def deep(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"[" * 100_000 + b"]" * 100_000)

    def zeros(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=[PACKED], stream=httpx.ByteStream(content))

    for answer in (deep, zeros):
        transport = httpx.MockTransport(answer)
        outbound, fax = Outbound(resolver=there, transport=transport), Http("https://fax.example/api", transport=transport)
        with pytest.raises(NotReached):
            await outbound.get("https://keys.example/jwks")
        with pytest.raises(NotThere):
            await fax.ready()
    for ask in (Outbound(resolver=there, transport=httpx.MockTransport(zeros)).fetch("GET", "https://x.example/"), Http("https://fax.example/api", transport=httpx.MockTransport(zeros)).take("a")):
        with pytest.raises((NotReached, NotThere)):
            await ask


async def test_a_block_of_a_million_messages_is_answered_once(clinic: Clinic) -> None:
    await lab.registered(clinic.gate, program=MH)
    listening = listener(clinic.gate)
    answer = await sent(listening, b"MSH|^~\\&|CEDAR|LAB|SOJOURN|RIVER|20260302083000||ORU^R01|M1|P|2.5.1\r" + b"MSH|^~\\&|\r" * 200_000, NEAR)
    assert code(answer) == "AR"
    assert "at most 1000 messages" in answer.encode()
    assert [s.v(2) for s in answer.all("MSA")] == ["M1"]
