"""kill -9 between sending and the answer: it goes again with the same number. TLS: nobody else gets it."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sojourn.base import crypto
from sojourn.doors.hl7v2.out.client import Identity, Line, NotReached
from sojourn.record.database import Dsn
from tests import people
from tests.doors.hl7v2.counterpart import SENDS, Counterpart, agreed, due, envelopes, follow, sent
from tests.doors.hl7v2.test_orders_out import laid_out, order


async def test_what_was_sent_and_not_answered_goes_again_with_the_same_number(database: Dsn, tmp_path: Path) -> None:
    clinic = await people.open_clinic(database)
    lab = await Counterpart(codes=[""]).open()  # the first is not answered
    client, place = await laid_out(clinic)
    partner = await agreed(clinic, lab, place, "ORM^O01", timeout=60)
    await clinic.make("sys-mh", order(client, place))
    await follow(clinic)
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.doors.hl7v2.sending_server", database.app, str(tmp_path), cwd=Path(__file__).parents[3], stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        await lab.arrived.wait()
    server.send_signal(signal.SIGKILL)
    await server.wait()
    assert [s for _, s, _ in await envelopes(clinic)] == ["received"], "it waits, and that can be seen"
    await due(clinic)
    await sent(clinic, partner)
    assert lab.got == [lab.got[0]] * 2
    assert [s for _, s, _ in await envelopes(clinic)] == ["mapped"]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 1
    await sent(clinic, partner)
    assert len(lab.got) == 2
    await lab.close()
    await people.close_clinic(clinic)


def certificate(folder: Path, name: str) -> tuple[Path, str]:
    """A certificate with its key in one file, and its SHA-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(named).issuer_name(named).public_key(key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2)).sign(key, hashes.SHA256())
    file = folder / f"{name}.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return file, crypto.sha256_hex(made.public_bytes(serialization.Encoding.DER))


async def test_tls_goes_to_the_agreed_certificate_only_and_plain_text_nowhere_without_a_reason(tmp_path: Path) -> None:
    file, fingerprint = certificate(tmp_path, "lab")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    lab = await Counterpart(tls=context).open()

    async def reached(**more: object) -> str:
        line = Line(replace(SENDS, **{"port": lab.port, "tls": True, **more}), Identity())  # type: ignore[arg-type]
        try:
            await line.open()
            return (await line.say(b"MSH|^~\\&|A|B|C|D|20260101||ADT^A08|K1|P|2.5.1\r", "K1")).code
        except NotReached as error:
            return error.why
        finally:
            await line.close()

    assert await reached(certificate=fingerprint) == "AA"
    assert "another certificate" in await reached(certificate="0" * 64)
    assert "not one that we know" in await reached()
    assert "no administrator wrote down why" in await reached(tls=False, host="192.0.2.9")
    assert len(lab.got) == 1, "whoever is not them was told nothing"
    await lab.close()
