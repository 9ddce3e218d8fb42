"""Signed and enveloped data (RFC 5652) as mail uses them (RFC 8551), made and opened.

Making is done by `cryptography`; opening here, because that package verifies no signatures and reads DER only. Algorithms that are too weak
to be believed (MD5, SHA-1, DES, RC2) are refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options, PKCS7SignatureBuilder

from sojourn.base import ids
from sojourn.wire import ber
from sojourn.wire.ber import OCTETS, OID, SEQUENCE, SET, BadBer, Bytes, Node

_DATA, _SIGNED, _ENVELOPED = (ber.oid(f"1.2.840.113549.1.7.{n}") for n in (1, 2, 3))
_CONTENT_TYPE, _DIGEST = ber.oid("1.2.840.113549.1.9.3"), ber.oid("1.2.840.113549.1.9.4")
_HASHES: Final[dict[bytes, hashes.HashAlgorithm]] = {
    ber.oid("2.16.840.1.101.3.4.2.1"): hashes.SHA256(), ber.oid("2.16.840.1.101.3.4.2.2"): hashes.SHA384(), ber.oid("2.16.840.1.101.3.4.2.3"): hashes.SHA512(),
}  # fmt: skip
_SHA1: Final = ber.oid("1.3.14.3.2.26")
_RSA, _OAEP, _PSS = (ber.oid(f"1.2.840.113549.1.1.{n}") for n in (1, 7, 10))
_CIPHERS: Final = {ber.oid(f"2.16.840.1.101.3.4.1.{n}"): size for n, size in ((2, 16), (22, 24), (42, 32))}
"""AES-CBC by its object identifier, with the bytes of its key."""
_BLOCK: Final = 16
_PIECE: Final = 1 << 20
MOST: Final = 64 << 20
"""Bytes of one message, signed or encrypted."""


class NotGood(ValueError):
    """It cannot be opened or believed; the message says why, without a word of what is in it."""


class Signed(NamedTuple):
    """What was signed, in place, by whom, and every certificate that came along."""

    content: Bytes
    signer: x509.Certificate
    others: tuple[x509.Certificate, ...]


class Holder(NamedTuple):
    """Who a certificate and its key are ours."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


def signed(content: bytes, holder: Holder, chain: Sequence[x509.Certificate] = (), *, detached: bool = True) -> bytes:
    """A signature of the content with SHA-256, as DER. chain: certificates that lead from ours to an anchor."""
    builder = PKCS7SignatureBuilder().set_data(content).add_signer(holder.certificate, holder.key, hashes.SHA256())
    for certificate in chain:
        builder = builder.add_certificate(certificate)
    return builder.sign(Encoding.DER, [PKCS7Options.Binary, *([PKCS7Options.DetachedSignature] if detached else [])])


def encrypted(content: bytes, recipients: Sequence[x509.Certificate]) -> bytes:
    """The content, to be opened by these recipients only: AES-256 in CBC mode, as DER."""
    builder = PKCS7EnvelopeBuilder().set_data(content).set_content_encryption_algorithm(algorithms.AES256)
    for certificate in recipients:
        builder = builder.add_recipient(certificate)
    return builder.encrypt(Encoding.DER, [PKCS7Options.Binary])


def verified(data: Bytes, content: Bytes | None = None) -> Signed:
    """What was signed, if the signature is good. content: of a detached one. Whether the signer is to be trusted is asked elsewhere. Raises NotGood."""
    try:
        return _verified(_inside(data, _SIGNED), content)
    except (BadBer, ValueError, TypeError) as error:
        raise error if isinstance(error, NotGood) else NotGood("The signature cannot be read.") from None


def _inside(data: Bytes, kind: bytes) -> Node:
    if len(data) > MOST:
        raise NotGood("It is larger than a message may be.")
    info = ber.read(data)
    if info.tag != SEQUENCE or info.child(0, OID).content != kind:
        raise NotGood("It is not what its headers say.")
    return info.child(1, 0xA0).child(0, SEQUENCE)


def _verified(data: Node, content: Bytes | None) -> Signed:
    inner = data.child(2, SEQUENCE)
    if len(inner.children) > 1:
        content = inner.child(1, 0xA0).child(0).octets
    if content is None:
        raise NotGood("There is a signature and nothing that was signed.")
    held = [x509.load_der_x509_certificate(ber.again(c)) for n in data.children[3:] if n.tag == 0xA0 for c in n.children if c.tag == SEQUENCE]  # noqa: PLR2004 - [0]
    infos = data.children[-1]
    if infos.tag != SET or len(infos.children) != 1:
        raise NotGood("It is to be signed by one sender.")
    info = infos.children[0]
    signer = next((c for c in held if _is(info.child(1), c)), None)
    if signer is None:
        raise NotGood("The certificate of who signed it did not come along.")
    _check(info, signer, content, inner.child(0, OID).content)
    return Signed(content, signer, tuple(c for c in held if c != signer))


def _is(name: Node, certificate: x509.Certificate) -> bool:
    """Whether a certificate is the one named, by issuer and number or by its key."""
    if name.tag == SEQUENCE:
        return ber.again(name.child(0, SEQUENCE)) == certificate.issuer.public_bytes() and name.child(1).number == certificate.serial_number
    if name.tag & 0x9F != 0x80:  # noqa: PLR2004 - [0] SubjectKeyIdentifier
        return False
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest == name.octets
    except x509.ExtensionNotFound:
        return False


def _check(info: Node, signer: x509.Certificate, content: Bytes, kind: Bytes) -> None:
    digest = _HASHES.get(bytes(info.child(2, SEQUENCE).child(0, OID).content))
    if digest is None:
        raise NotGood("It is signed with a digest that is not accepted; SHA-256 is.")
    rest = list(info.children[3:])
    if rest and rest[0].tag == 0xA0:  # noqa: PLR2004 - [0] signedAttrs
        said = {a.child(0, OID).content: a.child(1, SET).child(0) for a in rest[0].children}
        hasher = hashes.Hash(digest)
        hasher.update(content)
        if _DIGEST not in said or said[_DIGEST].octets != hasher.finalize() or _CONTENT_TYPE not in said or said[_CONTENT_TYPE].content != kind:
            raise NotGood("It was changed after it was signed.")
        attributes = rest.pop(0)
        content = bytes((SET,)) + ber.again(attributes)[1:]
    algorithm, signature = rest[0].child(0, OID).content, bytes(rest[1].octets)
    key = signer.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            how = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO) if algorithm == _PSS else padding.PKCS1v15()
            key.verify(signature, bytes(content), how, digest)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, bytes(content), ec.ECDSA(digest))
        else:
            raise NotGood("It is signed with a kind of key that is not accepted.")
    except InvalidSignature:
        raise NotGood("It was changed after it was signed.") from None


def decrypted(data: Bytes, holders: Sequence[Holder]) -> Bytes:
    """What was encrypted to one of ours, piece by piece: it is in memory once. Raises NotGood, in the same words whatever is wrong with what is inside."""
    try:
        envelope = _inside(data, _ENVELOPED)
    except BadBer:
        raise NotGood("It cannot be read as an encrypted message.") from None
    try:
        return _decrypted(envelope, holders)
    except (BadBer, ValueError, TypeError) as error:
        raise error if isinstance(error, NotGood) else NotGood("It cannot be decrypted.") from None


def _decrypted(envelope: Node, holders: Sequence[Holder]) -> Bytes:
    n = next(i for i, c in enumerate(envelope.children) if c.tag == SET) if any(c.tag == SET for c in envelope.children) else -1
    recipients, inner = envelope.child(n, SET), envelope.child(n + 1, SEQUENCE)
    algorithm = inner.child(1, SEQUENCE)
    size = _CIPHERS.get(bytes(algorithm.child(0, OID).content))
    if size is None:
        raise NotGood("It is encrypted with an algorithm that is not accepted; AES in CBC mode is.")
    vector, sealed = algorithm.child(1, OCTETS).content, inner.child(2).octets
    if inner.child(0, OID).content != _DATA or inner.child(2).tag & 0x9F != 0x80 or len(vector) != _BLOCK or len(sealed) % _BLOCK:  # noqa: PLR2004 - [0]
        raise BadBer
    for one in recipients.children:
        holder = next((h for h in holders if one.tag == SEQUENCE and len(one.children) == 4 and _is(one.child(1), h.certificate)), None)  # noqa: PLR2004 - KeyTransRecipientInfo
        if holder is not None:
            key = _key(one, holder.key, size)
            return _opened(memoryview(sealed), Cipher(algorithms.AES(key), modes.CBC(bytes(vector))).decryptor())
    raise NotGood("It is not encrypted to a certificate of ours.")


def _opened(sealed: memoryview, cipher: CipherContext) -> memoryview:
    unpad, found = PKCS7(_BLOCK * 8).unpadder(), bytearray()
    for start in range(0, len(sealed), _PIECE):
        found += unpad.update(cipher.update(sealed[start : start + _PIECE]))
    found += unpad.update(cipher.finalize()) + unpad.finalize()
    return memoryview(found).toreadonly()


def _key(one: Node, key: rsa.RSAPrivateKey, size: int) -> bytes:
    """The key of the content. One that cannot be had is as one that opens nothing: nobody learns which of the two it was (RFC 3218)."""
    algorithm = one.child(2, SEQUENCE)
    how: padding.AsymmetricPadding
    if algorithm.child(0, OID).content == _OAEP:
        digest = _oaep(algorithm)
        how = padding.OAEP(padding.MGF1(digest), digest, None)
    elif algorithm.child(0, OID).content == _RSA:
        how = padding.PKCS1v15()
    else:
        raise NotGood("Its key is encrypted in a way that is not accepted; RSA is.")
    sealed = bytes(one.child(3, OCTETS).content)
    other = hashlib.sha256(ids.new_token().encode()).digest()[:size]
    try:
        found = key.decrypt(sealed, how)
    except ValueError:
        return other
    return found if len(found) == size else other


def _oaep(algorithm: Node) -> hashes.HashAlgorithm:
    """The digest of RSAES-OAEP (RFC 8017, A.2.1)."""
    said = [p for p in algorithm.children[1].children if p.tag == 0xA0] if len(algorithm.children) > 1 else []  # noqa: PLR2004 - [0] hashAlgorithm
    if not said:
        return hashes.SHA1()  # noqa: S303 - as a mask, where it is sound
    name = bytes(said[0].child(0, SEQUENCE).child(0, OID).content)
    if name == _SHA1:
        return hashes.SHA1()  # noqa: S303 - as above
    if name not in _HASHES:
        raise NotGood("Its key is encrypted in a way that is not accepted; RSA is.")
    return _HASHES[name]
