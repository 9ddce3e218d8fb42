"""Direct messages: what OpenSSL makes is read, what we make OpenSSL reads; and nothing is believed that should not be.

OpenSSL's command line is the second opinion; where it is not there, those tests are skipped.
"""

from __future__ import annotations

import random
import subprocess
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.wire import ber, cms, direct, mime, trust
from sojourn.wire.cms import Holder, NotGood
from sojourn.wire.direct import File, Letter, Notice
from sojourn.wire.mime import NotMail
from sojourn.wire.trust import Trust, Untrusted
from tests.shared import needs_command
from tests.wire import authorities as ca

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
US, THEM = "records@direct.riverbend.test", "clinic@direct.cedar.test"
LETTER = Letter("<m1@direct.riverbend.test>", US, THEM, "Papers for you", "A document comes with this.\r\n", (File("summary.xml", "application/xml", b"<a>\r\nb\n</a>"), File("Brief é.pdf", "application/pdf", b"%PDF-1.4\0\xff")), asks=True)
openssl = needs_command("openssl")


def read(raw: bytes, holder: Holder) -> tuple[Letter, cms.Signed]:
    """A message as its recipient reads it."""
    out = direct.outside(raw)
    found = direct.opened(cms.decrypted(out.sealed, [holder]))
    return direct.letter(found.content, out), found


def ours(letter: Letter = LETTER) -> bytes:
    """A message of ours to them."""
    return direct.sealed(letter, AT, ca.address(US), [ca.domain("direct.cedar.test").certificate], "u1")


def keep(folder: Path, name: str, holder: Holder) -> Path:
    """A certificate and its key as files."""
    (folder / f"{name}.key").write_bytes(holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / f"{name}.pem").write_text(trust.pem(holder.certificate))
    return folder / f"{name}.pem"


def run(*words: str | Path, given: bytes = b"") -> bytes:
    """OpenSSL."""
    return subprocess.run(["openssl", *map(str, words)], input=given, capture_output=True, check=True).stdout  # noqa: S603, S607


def test_a_message_comes_back_as_it_was_written_and_outside_it_says_nothing() -> None:
    raw = ours()
    letter, signed = read(raw, ca.domain("direct.cedar.test"))
    assert letter == LETTER
    assert signed.signer == ca.address(US).certificate
    head = raw.split(b"\r\n\r\n", 1)[0]
    assert b"Subject: Direct message" in head
    assert not any(word in raw for word in (b"Papers", b"summary", b"Brief")), "names of files and the subject are sealed"


@openssl
def test_openssl_opens_what_we_seal(tmp_path: Path) -> None:
    them, authority = keep(tmp_path, "them", ca.domain("direct.cedar.test")), keep(tmp_path, "root", ca.root())
    inside = run("cms", "-decrypt", "-recip", them, "-inkey", tmp_path / "them.key", given=ours())
    entity = run("cms", "-verify", "-CAfile", authority, "-purpose", "any", given=inside)
    assert entity.startswith(b"Content-Type: message/rfc822")
    assert b"Subject: Papers for you" in entity
    assert b"Disposition-Notification-Options: X-DIRECT-FINAL-DESTINATION-DELIVERY=optional,true" in entity


@openssl
@pytest.mark.parametrize(("sign", "encrypt"), [((), ("-aes256",)), (("-nodetach",), ("-aes128", "-stream")), (("-nodetach", "-stream"), ("-aes192",)), (("-keyid",), ("-aes256", "-keyid")), (("-md", "sha512"), ("-aes256", "-keyopt", "rsa_padding_mode:oaep")), (("-keyopt", "rsa_padding_mode:pss"), ("-aes256",))])
def test_what_openssl_seals_is_opened(tmp_path: Path, sign: tuple[str, ...], encrypt: tuple[str, ...]) -> None:
    us, them = keep(tmp_path, "us", ca.address(US)), keep(tmp_path, "them", ca.domain("direct.cedar.test"))
    before = [] if "-keyopt" in encrypt else [us]
    recipient = ["-recip", us] if not before else []
    inner = direct.written(LETTER._replace(sender=THEM, recipient=US), AT)
    entity = b"Content-Type: message/rfc822\r\n\r\n" + inner
    keyopt = sign[sign.index("-keyopt") :] if "-keyopt" in sign else ()
    others = [w for w in sign if w not in keyopt]
    signed = run("cms", "-sign", "-binary", *others, "-signer", them, "-inkey", tmp_path / "them.key", *keyopt, given=entity)
    oaep = encrypt[encrypt.index("-keyopt") :] if "-keyopt" in encrypt else ()
    raw = run("cms", "-encrypt", *[w for w in encrypt if w not in oaep], "-from", THEM, "-to", US, "-subject", "x", *recipient, *oaep, *before, given=signed)
    letter, found = read(raw, ca.address(US))
    assert (letter.sender, letter.subject, letter.files) == (THEM, LETTER.subject, LETTER.files)
    assert found.signer == ca.domain("direct.cedar.test").certificate


@openssl
def test_weak_digests_and_ciphers_are_refused(tmp_path: Path) -> None:
    us, them = keep(tmp_path, "us", ca.address(US)), keep(tmp_path, "them", ca.domain("direct.cedar.test"))
    signed = run("cms", "-sign", "-binary", "-md", "sha1", "-signer", them, "-inkey", tmp_path / "them.key", given=b"Content-Type: text/plain\r\n\r\nx")
    with pytest.raises(NotGood, match="digest"):
        direct.opened(signed)
    raw = run("cms", "-encrypt", "-des3", "-from", THEM, "-to", US, us, given=signed)
    with pytest.raises(NotGood, match="algorithm"):
        cms.decrypted(direct.outside(raw).sealed, [ca.address(US)])


def test_what_was_changed_or_is_for_somebody_else_or_unsigned_is_not_opened() -> None:
    raw = ours()
    out = direct.outside(raw)
    with pytest.raises(NotGood, match="certificate of ours"):
        cms.decrypted(out.sealed, [ca.address(US)])
    entity = cms.decrypted(out.sealed, [ca.domain("direct.cedar.test")])
    with pytest.raises(NotGood, match="changed"):
        direct.opened(bytes(entity).replace(b"Papers for you", b"Papers for him"))
    for unsigned in (b"Content-Type: text/plain\r\n\r\nhello", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"):
        with pytest.raises(NotGood, match="not signed"):
            direct.opened(unsigned)
    with pytest.raises(NotMail, match="not encrypted"):
        direct.outside(b"From: a@b.test\r\nTo: c@d.test\r\n\r\nhello")
    other = raw.replace(b"From: " + US.encode(), b"From: someone@direct.riverbend.test", 1)
    with pytest.raises(NotMail, match="somebody else"):
        read(other, ca.domain("direct.cedar.test"))
    assert direct.opened(bytes(entity).replace(b"\r\n", b"\n")).content == direct.opened(entity).content, "a host on the way may write lines another way"


def test_nothing_that_a_client_could_write_makes_another_header() -> None:
    for bad in ("clinic@direct.cedar.test\r\nBcc: all@there.test", "clinic@direct.cedar.test, all@there.test", "Clinic <clinic@direct.cedar.test>"):
        with pytest.raises(ValueError):
            direct.written(LETTER._replace(recipient=bad), AT)
    with pytest.raises(ValueError):
        direct.written(LETTER._replace(subject="x\r\nBcc: all@there.test"), AT)
    assert mime.part(b'Content-Disposition: attachment; filename="../../etc/pass\\wd\x00"\r\n\r\n').name == "wd"
    assert mime.plain("=?utf-8?q?a=0D=0ABcc=3A_b?=") == "a  Bcc: b"


@pytest.mark.parametrize("notice", [Notice("<m1@x.test>", "processed"), Notice("<m1@x.test>", "dispatched", final=True), Notice("<m1@x.test>", "failed", why="There is no such address.")])
def test_a_notice_comes_back_as_it_was_written(notice: Notice) -> None:
    letter, _ = read(ours(Letter("<n1@direct.riverbend.test>", US, THEM, "Notice", "It was processed.", notice=notice)), ca.domain("direct.cedar.test"))
    assert (letter.notice, letter.files) == (notice, ())


def test_a_delivery_status_is_a_notice_too() -> None:
    raw = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nSorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns;x\r\nX-Original-Message-ID: <m1@x.test>\r\n\r\nFinal-Recipient: rfc822;a@b.test\r\nAction: failed\r\nDiagnostic-Code: smtp; 550 no\r\n--b--\r\n"
    assert direct.letter(raw, direct.Outside("<n@x.test>", THEM, (US,), b"")).notice == Notice("<m1@x.test>", "failed", why="smtp; 550 no")


# --- who is believed ---------------------------------------------------------------------------------------------------------------


def test_a_certificate_is_believed_for_its_address_or_its_domain_up_to_an_anchor() -> None:
    middle = ca.issued("Middle", ca.root(), ca=True, path=0)
    leaf = ca.issued("leaf", middle, mail=THEM)
    here = Trust([ca.root().certificate])
    assert len(here.check(leaf.certificate, [middle.certificate], THEM, AT, signs=True)) == 3
    assert len(here.check(ca.domain("direct.cedar.test").certificate, [], THEM, AT, signs=False)) == 2
    assert len(Trust([leaf.certificate]).check(leaf.certificate, [], THEM, AT, signs=False)) == 1, "an anchor may be the certificate itself"


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        (ca.address("other@direct.cedar.test"), "another address"),
        (ca.address(THEM, "Other root"), "no trust anchor"),
        (ca.issued("old", ca.root(), mail=THEM, until=AT - timedelta(days=1)), "expired"),
        (ca.issued("early", ca.root(), mail=THEM, since=AT + timedelta(days=1)), "not valid yet"),
        (ca.issued("an authority", ca.root(), mail=THEM, ca=True), "of an authority"),
        (ca.issued("signs", ca.root(), mail=THEM, encrypts=False), "not meant to encrypt"),
        (ca.issued("under a leaf", ca.address(US), mail=THEM), "may not issue"),
        (ca.issued("too deep", ca.issued("M2", ca.issued("M1", ca.root(), ca=True, path=0), ca=True), mail=THEM), "may not issue"),
    ],
)
def test_a_certificate_is_refused_with_a_reason(holder: Holder, words: str) -> None:
    others = [ca.address(US).certificate, ca.issued("M2", ca.issued("M1", ca.root(), ca=True, path=0), ca=True).certificate, ca.issued("M1", ca.root(), ca=True, path=0).certificate]
    with pytest.raises(Untrusted, match=words):
        Trust([ca.root().certificate]).check(holder.certificate, others, THEM, AT, signs=False)


def test_many_that_issue_each_other_keep_nobody_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    real = trust._issued
    monkeypatch.setattr(trust, "_issued", lambda *pair: looked.append(1) or real(*pair))
    ring = ca.issued("Ring", ca=True)
    many = [ca.issued("Ring", ring, ca=True).certificate for _ in range(12)]
    leaf = ca.issued("of the ring", ring, mail=THEM)
    with pytest.raises(Untrusted, match="many certificates"):
        Trust([ca.root().certificate]).check(leaf.certificate, many, THEM, AT, signs=True)
    assert len(looked) <= 60


def test_what_was_taken_back_is_refused() -> None:
    leaf, anchors = ca.address(THEM).certificate, [ca.root().certificate]
    with pytest.raises(Untrusted, match="revoked here"):
        Trust(anchors, {trust.fingerprint(leaf)}).check(leaf, [], THEM, AT, signs=True)
    with pytest.raises(Untrusted, match="by its authority"):
        Trust(anchors, lists=[ca.revocations(ca.root(), leaf.serial_number)]).check(leaf, [], THEM, AT, signs=True)
    with pytest.raises(Untrusted, match="out of date"):
        Trust(anchors, lists=[ca.revocations(ca.root(), until=AT - timedelta(days=1))]).check(leaf, [], THEM, AT, signs=True)
    forged = ca.revocations(Holder(ca.root().certificate, ca.key("Forger")), leaf.serial_number)
    assert Trust(anchors, lists=[ca.revocations(ca.root(), 7), forged]).check(leaf, [], THEM, AT, signs=True), "a list that the authority did not sign is none"


# --- what anybody may send ---------------------------------------------------------------------------------------------------------

WHOLE = ours()
ENTITY = bytes(cms.decrypted(direct.outside(WHOLE).sealed, [ca.domain("direct.cedar.test")]))
SIGNATURE = cms.signed(b"x", ca.address(US), detached=False)


def careful(raw: bytes) -> None:
    """Read it in every way; only what is said to be raised is raised."""
    for reader in (lambda: read(raw, ca.domain("direct.cedar.test")), lambda: direct.opened(raw), lambda: direct.letter(raw, direct.Outside("<a@b>", THEM, (US,), b"")), lambda: cms.verified(raw), lambda: cms.decrypted(raw, [ca.address(US)])):
        with suppress(NotMail, NotGood):
            reader()


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    careful(raw)
    careful(b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" + raw + b"\r\n--b--")


@given(st.sampled_from([WHOLE, ENTITY, SIGNATURE]), st.lists(st.tuples(st.integers(0, 6000), st.binary(max_size=6), st.integers(0, 6)), max_size=4))
@settings(max_examples=150, deadline=None)
def test_changed_messages_are_read_or_refused(raw: bytes, changes: list[tuple[int, bytes, int]]) -> None:
    for at, new, old in changes:
        here = at % len(raw)
        raw = raw[:here] + new + raw[here + old :]
    careful(raw)


def test_what_is_deep_or_endless_is_refused_at_once() -> None:
    deep = b"x"
    for n in range(40):
        deep = f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n".encode() + deep + f"\r\n--b{n}--\r\n".encode()
    for raw in (deep, b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5000, b"A: " + b"x" * 200_000):
        with pytest.raises(NotMail):
            direct.letter(raw, direct.Outside("<a@b>", THEM, (US,), b""))
    for bad in (b"\x30\x80" * 5000, b"\x30\x84\xff\xff\xff\xff", ber.der(0x30, b"\x05\x00" * 60_000)):
        with pytest.raises(ber.BadBer):
            ber.read(bad)


def test_a_large_letter_is_read_where_it_lies() -> None:
    raw = ours(LETTER._replace(files=(File("scan.pdf", "application/pdf", b"%PDF-1.4" + random.Random(5).randbytes(4 << 20)),)))
    holder = ca.domain("direct.cedar.test")
    tracemalloc.start()
    try:
        letter, _ = read(raw, holder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(letter.files[0].content) == (4 << 20) + 8
    assert peak < 3 * len(raw), "with the letter itself no more than four times its size"


def test_parts_end_at_lines_and_not_within_them() -> None:
    body = b"--b\r\n\r\none --b and\n--bc\n--b\n\ntwo\n--b--\nafter"
    whole = mime.part(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body)
    assert [p.content for _, p in mime.parts(whole)] == [b"one --b and\n--bc", b"two"]
    empty = mime.part(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n\r\nx\r\n--b--")
    assert [bytes(raw) for raw, _ in mime.parts(empty)] == [b"", b"\r\nx"]


def test_a_key_that_is_too_short_is_not_believed() -> None:
    small, name = rsa.generate_private_key(public_exponent=65537, key_size=1024), x509.Name([])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(ca.root().certificate.subject).public_key(small.public_key()).serial_number(5)
    made = made.not_valid_before(ca.FROM).not_valid_after(ca.UNTIL).add_extension(x509.SubjectAlternativeName([x509.RFC822Name(THEM)]), critical=False)
    leaf = made.sign(ca.root().key, hashes.SHA256())
    with pytest.raises(Untrusted, match="too short"):
        Trust([ca.root().certificate]).check(leaf, [], THEM, AT, signs=True)
