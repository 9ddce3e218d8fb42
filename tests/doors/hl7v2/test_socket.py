"""MLLP on a socket: an independent client, garbage, what is too large, slow partners beside quick ones, TLS with a certificate, and a crash."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import hl7.mllp
import pytest

from sojourn.base import crypto
from sojourn.doors.hl7v2.listen import Listener, Place
from sojourn.doors.hl7v2.receiving import Peer
from sojourn.record.database import Dsn
from sojourn.wire import hl7v2
from sojourn.wire.mllp import Blocks, framed
from tests import people
from tests.doors.hl7v2.lab import MRN, Client, code, done, listener, oru, registered, sent, states
from tests.people import MH, Clinic, patient


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await people.open_clinic(database)
    await made.make("sys-mh", patient(identifier=[{"system": MRN, "value": "R1"}]))
    yield made
    await people.close_clinic(made)


async def test_python_hl7s_client_is_answered(clinic: Clinic) -> None:
    await registered(clinic.gate, program=MH)
    door = listener(clinic.gate)
    await door.open()
    reader, writer = await hl7.mllp.open_hl7_connection("127.0.0.1", door.port)
    for n in range(3):
        writer.writemessage(hl7.parse(oru(f"M{n}", filler=f"F{n}").decode()))
        await writer.drain()
        answer = await reader.readmessage()
        assert (str(answer.segment("MSA")(1)), str(answer.segment("MSA")(2))) == ("AA", f"M{n}")
    writer.close()
    await door.stop()
    await done(door, clinic.gate)
    assert [s for s, _ in await states(clinic.gate, clinic.owner)] == ["mapped"] * 3


async def test_garbage_silence_and_size_stop_nobody_else(clinic: Clinic) -> None:
    await registered(clinic.gate, program=MH)
    door = listener(clinic.gate, most=200_000)
    await door.open()
    silent = await Client(door.port).open()
    silent.writer.write(b"\x0bMSH|^~\\&|CEDAR|half a mess")
    noisy = await Client(door.port).open()
    noisy.writer.write(b"GET / HTTP/1.1\r\n" * 20_000)
    huge = await Client(door.port).open()
    huge.writer.write(b"\x0b" + oru("BIG").partition(b"OBX")[0] + b"OBX|1|TX|T^T||" + b"x" * 3_000_000)
    quick = await Client(door.port).open()
    for n in range(3):
        answer = await quick.say(oru(f"M{n}", filler=f"F{n}"))
        assert answer is not None
        assert code(answer) == "AA"
    refused = await huge.hear()
    assert refused is not None
    assert (code(refused), refused.one("MSA").v(2)) == ("AR", "BIG")  # type: ignore[union-attr]
    assert await noisy.hear() is None, "what is no MLLP is hung up on"
    unknown = await quick.say(oru("M9", application="STRANGER"))
    assert unknown is not None
    assert code(unknown) == "AR"
    broken = await quick.say(b"this is nothing")
    assert broken is not None
    assert code(broken) == "AR"
    for one in (silent, noisy, huge, quick):
        one.close()
    await door.stop()
    assert len(await states(clinic.gate, clinic.owner)) == 3


async def test_off_this_machine_nobody_connects_plainly_unless_somebody_wrote_down_why(clinic: Clinic) -> None:
    far = Peer("192.0.2.7")
    door = listener(clinic.gate)
    await registered(clinic.gate, program=MH)
    assert not await door._receiver.welcome(far)
    assert code(await sent(door, oru(), far)) == "AR"
    other = listener(clinic.gate)
    await registered(clinic.gate, id="tunnel", applications=("TUNNEL",), addresses=("192.0.2.0/28",), plain="A private line that the county looks after.")
    assert await other._receiver.welcome(far)
    assert code(await sent(other, oru(application="TUNNEL"), far)) == "AA"
    assert code(await sent(other, oru(), far)) == "AR", "the other partner still may not"
    assert not await other._receiver.welcome(Peer("192.0.2.200"))


async def test_tls_takes_the_certificate_that_is_registered_and_no_other(clinic: Clinic, tmp_path: Path) -> None:
    for name in ("server", "client", "other"):
        subprocess.run(  # noqa: ASYNC221 - nothing else runs yet
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem"], check=True, capture_output=True,
        )  # fmt: skip
    (tmp_path / "clients.pem").write_text((tmp_path / "client.pem").read_text() + (tmp_path / "other.pem").read_text())
    fingerprint = crypto.sha256_hex(ssl.PEM_cert_to_DER_cert((tmp_path / "client.pem").read_text()))
    await registered(clinic.gate, program=MH, certificate=fingerprint)
    door = Listener(clinic.gate, Place("127.0.0.1", 0, 100_000, tmp_path / "server.pem", tmp_path / "server.key", tmp_path / "clients.pem"))
    await door.open()
    answers = {}
    for name in ("client", "other"):
        context = ssl.create_default_context(cafile=str(tmp_path / "server.pem"))
        context.load_cert_chain(tmp_path / f"{name}.pem", tmp_path / f"{name}.key")
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port, ssl=context)
        writer.write(framed(oru(name)))
        blocks = Blocks(100_000)
        found: list[bytes] = []
        while not found:
            some = await reader.read(65536)
            assert some
            found = blocks.feed(some)
        answers[name] = code(hl7v2.parse(found[0]))
        writer.close()
    bare = ssl.create_default_context(cafile=str(tmp_path / "server.pem"))
    heard = b""
    with suppress(ssl.SSLError, OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port, ssl=bare)
        writer.write(framed(oru("bare")))
        heard = await reader.read(10)
    assert heard == b"", "without a certificate nobody is listened to"
    await door.stop()
    assert answers == {"client": "AA", "other": "AR"}


async def test_what_stops_between_writing_and_saying_so_leaves_nothing_and_is_done_once(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a kill at that point would: the transaction does not commit."""
    from sojourn.gate.exchange import doing

    await registered(clinic.gate, program=MH)
    door = listener(clinic.gate)
    await sent(door, oru("M1"))
    before = await clinic.owner.fetchval("SELECT count(*) FROM record.version")

    class Killed(BaseException):
        pass

    async def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(doing.Round, "settle", dies)
        with pytest.raises(Killed):
            await door.working.round(clinic.gate.house.tenants[1])
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.version") == before
    assert await states(clinic.gate, clinic.owner) == [("received", "")]
    await done(listener(clinic.gate), clinic.gate)
    assert await states(clinic.gate, clinic.owner) == [("mapped", "")]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.resource WHERE type = 'DiagnosticReport'") == 1
