"""Large attachments leave the row and come back byte for byte; a Binary can be read raw."""

import base64
import hashlib
from typing import Any

from tests.people import Clinic, patient

WHO = "sys-mh"


def document(patient_id: str, *contents: bytes) -> dict[str, Any]:
    """A DocumentReference that holds its documents."""
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "subject": {"reference": f"Patient/{patient_id}"},
        "content": [{"attachment": {"contentType": "application/pdf", "data": base64.b64encode(data).decode()}} for data in contents],
    }


async def stored(clinic: Clinic, id_: str) -> bytes:
    """The bytes in the row."""
    found: bytes = await clinic.owner.fetchval("SELECT body FROM record.resource WHERE id = $1", id_)
    return found


async def test_large_data_leaves_the_row_and_comes_back_byte_for_byte(clinic: Clinic) -> None:
    ana = await clinic.make(WHO, patient())
    large, other, small = bytes(range(256)) * 400, b"\x00\xff" * 40_000, b"small"
    sent = document(ana.id, large, small, other, large)
    made = await clinic.make(WHO, sent)
    row = await stored(clinic, made.id)
    assert len(row) < 3000
    assert base64.b64encode(small) in row
    versions = [made.version]
    for url in (f"DocumentReference/{made.id}", f"DocumentReference/{made.id}/_history/{made.version}"):
        assert (await clinic.get(WHO, url)).json()["content"] == sent["content"]
    assert made.json()["content"] == sent["content"]
    assert (await clinic.get(WHO, f"DocumentReference?patient={ana.id}")).entries[0]["content"] == sent["content"]
    changed = await clinic.put(WHO, {**made.json(), "description": "the same documents"})
    versions.append(changed.version)
    assert len(await stored(clinic, made.id)) < 3000
    patched = await clinic.ask(WHO, "PATCH", f"DocumentReference/{made.id}", [{"op": "remove", "path": "/content/0"}], [("Content-Type", "application/json-patch+json")])
    assert patched.json()["content"] == sent["content"][1:]
    assert [r["content"] for r in (await clinic.get(WHO, f"DocumentReference/{made.id}/_history")).entries] == [sent["content"][1:], sent["content"], sent["content"]]


async def test_base64_with_line_breaks_is_given_back_as_it_was_sent(clinic: Clinic) -> None:
    ana = await clinic.make(WHO, patient())
    broken = "\r\n".join(base64.b64encode(b"x" * 57 * n).decode() for n in range(1, 60))
    flat = base64.encodebytes(bytes(range(256)) * 200).decode()
    for data in (flat, broken.replace("=", "A")):
        sent = document(ana.id)
        sent["content"] = [{"attachment": {"contentType": "text/plain", "data": data}}]
        reply = await clinic.ask(WHO, "POST", "DocumentReference", sent)
        if reply.status == 201:
            assert (await clinic.get(WHO, f"DocumentReference/{reply.id}")).json()["content"] == sent["content"]
        else:
            assert reply.status == 422


async def test_a_binary_can_be_read_raw_and_sent_raw(clinic: Clinic) -> None:
    data = hashlib.sha256(b"seed").digest() * 2000
    made = await clinic.make(WHO, {"resourceType": "Binary", "contentType": "application/pdf", "data": base64.b64encode(data).decode()})
    assert len(await stored(clinic, made.id)) < 1000
    whole = await clinic.get(WHO, f"Binary/{made.id}", ("Accept", "application/fhir+json"))
    assert base64.b64decode(whole.json()["data"]) == data
    raw = await clinic.get(WHO, f"Binary/{made.id}", ("Accept", "application/pdf"))
    assert (raw.status, raw.header("content-type"), raw.body) == (200, "application/pdf", data)
    assert raw.header("x-content-type-options") == "nosniff"
    assert raw.header("etag") == whole.header("etag")
    assert (await clinic.get(WHO, f"Binary/{made.id}")).json()["resourceType"] == "Binary"
    assert (await clinic.get(WHO, f"Binary/{made.id}/_history/{made.version}", ("Accept", "application/pdf"))).body == data
    sent = await clinic.ask(WHO, "POST", "Binary", data, [("Content-Type", "application/pdf")])
    assert sent.status == 201
    assert (await clinic.get(WHO, f"Binary/{sent.id}", ("Accept", "application/pdf"))).body == data
    replaced = await clinic.ask(WHO, "PUT", f"Binary/{sent.id}", b"short", [("Content-Type", "text/plain")])
    assert replaced.status == 200
    assert (await clinic.get(WHO, f"Binary/{sent.id}", ("Accept", "text/plain"))).body == b"short"
    assert (await clinic.ask(WHO, "POST", "Patient", data, [("Content-Type", "application/pdf")])).status == 415


async def test_data_that_is_not_base64_is_refused(clinic: Clinic) -> None:
    for data in ("!" * 20_000, "blob:abc", "AAA", "A" * 20_001):
        reply = await clinic.ask(WHO, "POST", "Binary", {"resourceType": "Binary", "contentType": "text/plain", "data": data})
        assert reply.status == 422, data[:10]
