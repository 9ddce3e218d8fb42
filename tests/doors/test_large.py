"""A partner who sends a hundred megabytes, by each door that takes something: taken in pieces or refused with a reason, while others are answered, in little memory."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncssh
import pytest

from sojourn.gate.exchange.sftp import MOST as LARGEST
from sojourn.record.database import Dsn
from sojourn.wire.direct import File, Letter
from tests.care import outside
from tests.conftest import Cluster
from tests.doors.direct.hisp import HOST, hisp
from tests.doors.direct.partner import THEM, US, opened, sealed
from tests.doors.hl7v2.lab import Client, code, oru, registered
from tests.doors.house import House, house
from tests.doors.messaging.sender import message, person, sends
from tests.doors.mhd.submission import bundle
from tests.doors.sftp import partner as sftp
from tests.people import MH, Clinic, patient

SIZE = 100_000_000
PIECE = 1_000_000
BOUND = 256 << 20
"""Bytes that the server may hold more than when it began, whatever is sent to it: the largest body that is taken, once in pieces and once whole, is 128 MiB."""
PATIENCE = 90


class Gateway:
    """A fax gateway on a socket, where a fax of a hundred megabytes waits before a small one."""

    def __init__(self) -> None:
        self.kept = {"big": "2026-03-01T08:00:00Z", "small": "2026-03-01T08:01:00Z"}
        self.asked: list[str] = []
        self.taken = asyncio.Event()
        self.port = self.sent = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path, _ = head.split(" ", 2)
            self.asked.append(f"{method} {path}")
            one = path.rpartition("/")[2]
            body = json.dumps([{"id": k, "from": "+15125550199", "to": "+15125550100", "received": at} for k, at in self.kept.items()]).encode() if one == "received" else b"A page of a fax.\n"
            if method == "DELETE":
                self.kept.pop(one, None)
                self.taken.set()
            size = SIZE if one == "big" else len(body)
            writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n".encode())
            for _ in range(SIZE // PIECE if one == "big" else 0):
                writer.write(b"A" * PIECE)
                await writer.drain()
                self.sent += PIECE
            writer.write(b"" if one == "big" else body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class Mail(bytes):
    """A mail that is as large as it says, and is nowhere."""

    def __len__(self) -> int:
        return SIZE


@asynccontextmanager
async def _gateway() -> AsyncIterator[Gateway]:
    made = Gateway()
    listening = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield made


@pytest.fixture(scope="module")
async def fax() -> AsyncIterator[Gateway]:
    """What receives faxes for us."""
    async with _gateway() as made:
        yield made


async def partners(clinic: Clinic) -> None:
    """Who sends, and who sends meanwhile."""
    await sends(clinic)
    await registered(clinic.gate, program=MH)
    await sftp.opened(clinic.gate)
    await sftp.opened(clinic.gate, as_={"id": "state", "name": "State"}, login="state", key=sftp.OTHER)


@pytest.fixture(scope="module")
async def large(cluster: Cluster, template: str, tmp_path_factory: pytest.TempPathFactory, fax: Gateway) -> AsyncIterator[House]:
    """One server for all doors."""
    name = f"test_{uuid4().hex}"
    await asyncio.to_thread(cluster.copy, name, template)
    dsn, settings = Dsn(app=cluster.app(name), owner=cluster.owner(name)), {"SOJOURN_FAX_GATEWAY": f"http://127.0.0.1:{fax.port}/api", "SOJOURN_FAX_LINES": "+15125550100=a/mh", "SOJOURN_OUTBOUND_HOSTS": HOST}
    async with house(dsn, tmp_path_factory.mktemp("large"), partners, **settings) as made:
        yield made
    await asyncio.to_thread(cluster.drop, name)


@asynccontextmanager
async def modest(large: House) -> AsyncIterator[None]:
    """What happens here takes little memory."""
    async with asyncio.timeout(PATIENCE):
        yield
    assert large.peak - large.began < BOUND, f"{(large.peak - large.began) >> 20} MiB more"


class Half:
    """A body that stops in its middle until somebody else was answered."""

    def __init__(self, begin: bytes, piece: Callable[[int], bytes], end: bytes = b"") -> None:
        self._begin, self._piece, self._end = begin, piece, end
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._begin
        for n in range(SIZE // PIECE):
            if n == SIZE // PIECE // 2:
                self.reached.set()
                await self.go_on.wait()
            yield self._piece(n)
        yield self._end


def a(n: int) -> bytes:
    """A megabyte of one letter."""
    return b"A" * PIECE


def resource(n: int) -> bytes:
    """A megabyte of NDJSON: one line."""
    line = json.dumps({"resourceType": "Binary", "id": f"large-{n}", "contentType": "application/octet-stream", "data": ""}).encode()
    data = base64.b64encode(b"\0" * ((PIECE - len(line) - 1) // 4 * 3))
    return line.replace(b'"data": ""', b'"data": "' + data + b'"') + b"\n"


IN_A_BUNDLE = (b'{"resourceType":"Bundle","type":"%s","entry":[{"resource":{"resourceType":"Binary","contentType":"application/octet-stream","data":"', b'"},"request":{"method":"POST","url":"Binary"}}]}')
PROVIDE = (b'{"meta":{"profile":["https://profiles.ihe.net/ITI/MHD/StructureDefinition/IHE.MHD.Minimal.ProvideBundle"]},' + IN_A_BUNDLE[0][1:] % b"transaction", IN_A_BUNDLE[1])
CCDA = ("DocumentReference/$import-ccda", "application/hl7-cda+xml")

BODIES: dict[str, tuple[str, str, bytes, Callable[[int], bytes], bytes, int]] = {
    # by name: path, media type, the body's beginning, pieces and end, and what is answered
    "$import": ("$import", "application/fhir+ndjson", b"", resource, b"", 200),
    "$import of one line": ("$import", "application/fhir+ndjson", b'{"resourceType":"Binary","data":"', a, b'"}', 413),
    "$process-message": ("$process-message", "application/fhir+json", IN_A_BUNDLE[0] % b"message", a, IN_A_BUNDLE[1], 413),
    "batch": ("", "application/fhir+json", IN_A_BUNDLE[0] % b"batch", a, IN_A_BUNDLE[1], 413),
    "resource": ("Binary", "application/fhir+json", b'{"resourceType":"Binary","contentType":"application/octet-stream","data":"', a, b'"}', 413),
    "provided documents": ("", "application/fhir+json", PROVIDE[0], a, PROVIDE[1], 413),
    "C-CDA": (*CCDA, b"<ClinicalDocument xmlns='urn:hl7-org:v3'><title>", a, b"</title></ClinicalDocument>", 413),
}
SENDERS = {"$process-message": "mercy", "provided documents": "tpo"}
SMALL: dict[str, tuple[str, Any, int]] = {"$process-message": ("mercy", message("A04", person()), 200), "provided documents": ("tpo", bundle(outside.ccd().encode() if isinstance(outside.ccd(), str) else outside.ccd()), 200)}


@pytest.mark.parametrize("door", BODIES)
async def test_a_body(large: House, door: str) -> None:
    path, media, begin, piece, end, status = BODIES[door]
    async with modest(large), large.as_(SENDERS.get(door, "sys-mh")) as sender, large.as_(SMALL.get(door, ("mh-service",))[0]) as other:
        body = Half(begin, piece, end)
        sent = asyncio.create_task(sender.post(path, content=body, headers={"content-type": media}))
        await body.reached.wait()
        who, small, good = SMALL.get(door, ("", patient(), 201))
        answered = await other.post(path if who else "Patient", json=small)
        assert answered.status_code == good, answered.text
        body.go_on.set()
        reply = await sent
        assert reply.status_code == status, reply.text
        if status == 200:
            said = {p["name"]: p.get("valueInteger") for p in reply.json()["parameter"]}
            assert said["written"] == SIZE // PIECE, reply.text
        else:
            assert reply.json()["issue"][0]["code"] == "too-long", reply.text


@pytest.mark.parametrize("ends", [True, False])
async def test_a_message_by_mllp(large: House, *, ends: bool) -> None:
    async with modest(large):
        big, small = await Client(large.mllp).open(), await Client(large.mllp).open()
        big.writer.write(b"\x0b" + oru("BIG", obx="OBX|1|ED|PDF^Report||^application^pdf^Base64^"))
        refused = asyncio.create_task(big.hear())
        for n in range(SIZE // PIECE):
            if n in (SIZE // PIECE // 10, SIZE // PIECE // 2):
                said = await small.say(oru(f"S{ends}{n}", filler=f"F{ends}{n}"))
                assert said is not None
                assert code(said) == "AA"
            big.writer.write(b"A" * PIECE)
            try:
                await big.writer.drain()
            except ConnectionError:
                break
        if ends:
            big.writer.write(b"||||||F\r\x1c\r")
        answer = await refused
        assert answer is not None
        assert code(answer) == "AR"
        assert answer.one("MSA").v(2) == "BIG", "which message it was stands in the answer"  # type: ignore[union-attr]
        assert "larger than the 20000000 bytes" in answer.encode()


async def answered(client: asyncssh.SFTPClient, name: str) -> None:
    """Wait until a file has its receipt: a list, which waits for somebody."""
    while (said := (await sftp.receipts(client))[name]["state"]) == "received":  # noqa: ASYNC110 - another process does it
        await asyncio.sleep(0.1)
    assert said == "waits"


async def test_a_file_by_sftp(large: House) -> None:
    @asynccontextmanager
    async def session(login: str, key: asyncssh.SSHKey) -> AsyncIterator[asyncssh.SFTPClient]:
        async with asyncssh.connect("127.0.0.1", large.sftp, username=login, client_keys=[key], known_hosts=None, config=None, agent_path=None) as conn, conn.start_sftp_client() as client:
            yield client

    async with modest(large), session("cedar-county", sftp.KEY) as county, session("state", sftp.OTHER) as state:
        async with county.open("/in/big.csv", "wb") as file:
            for n in range(SIZE // PIECE):
                await file.write(b"a,b,c\n1,2,3\n" * (PIECE // 12) + b"\n" * (PIECE % 12))
                if n == SIZE // PIECE // 2:
                    await sftp.brought(state, "small.csv", b"a,b\n1,2\n")
                    await answered(state, "small.csv")
        await answered(county, "big.csv")
        file = await county.open("/in/more.csv", "wb")
        for _ in range(LARGEST // PIECE):
            await file.write(b"b" * PIECE)
        with pytest.raises(asyncssh.SFTPFailure, match="larger than was agreed"):
            await file.write(b"b" * (LARGEST % PIECE + 1))
        with pytest.raises(asyncssh.SFTPFailure, match="missing"):
            await file.close()
        assert "more.csv" not in await sftp.receipts(county)


async def test_a_letter_by_direct(large: House) -> None:
    async with hisp(US, THEM) as there, modest(large):
        there.boxes[US]["INBOX"][1] = Mail()
        there._next = 2
        there.put(US, sealed(Letter("<s1@direct.cedar.test>", THEM, US, "Papers", "With this comes a document.", (File("letter.txt", "text/plain", b"Seen for a cough.\n"),))))
        await opened(large.clinic.gate, there)
        while there.boxes[US]["INBOX"]:  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.1)
        assert len(there.boxes[US]["Sojourn-Refused"]) == 1
        assert await large.clinic.owner.fetchval("SELECT count(*) FROM record.exchange_message WHERE door = 'direct'") == 1


async def test_a_fax(large: House, fax: Gateway) -> None:
    async with asyncio.timeout(PATIENCE):
        while "small" in fax.kept:
            await fax.taken.wait()
            await asyncio.sleep(0.05)
    assert 0 < fax.sent < SIZE // 2, "it is not read to its end"
    assert "big" in fax.kept, "it is not lost"
