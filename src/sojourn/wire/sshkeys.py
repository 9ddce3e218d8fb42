"""Keys of SSH: public ones read and named by fingerprints, private ones made (RFC 4253, 8709)."""

from __future__ import annotations

import base64
import hashlib
from typing import Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_ssh_public_key

LEAST_RSA: Final = 2048
"""Bits (NIST SP 800-57, part 1, revision 5, table 2: until 2030)."""
_LONGEST: Final = 4000


class BadKey(ValueError):
    """This is no key that is taken. The message says why."""


class Public(NamedTuple):
    """A public key. text: as OpenSSH writes it, without a comment; fingerprint: as `SHA256:…`; kind: in words."""

    text: str
    fingerprint: str
    kind: str


def public(text: str) -> Public:
    """The key that somebody pasted, as in `ssh-ed25519 AAAA… comment`. Raises BadKey."""
    words = text.strip().split()
    if "PRIVATE" in text:
        raise BadKey("This is a private key. It must never leave its owner: ask for a new one, and for its public half (the file that ends in .pub).")
    if len(words) < 2 or len(text) > _LONGEST:  # noqa: PLR2004 - its kind and itself
        raise BadKey("A public key is a line as in the file that ends in .pub: ssh-ed25519 AAAA…")
    try:
        key = load_ssh_public_key(f"{words[0]} {words[1]}".encode())
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey("This line is no public key of SSH.") from None
    if isinstance(key, ed25519.Ed25519PublicKey):
        kind = "Ed25519"
    elif isinstance(key, ec.EllipticCurvePublicKey):
        kind = f"ECDSA, {key.curve.key_size} bits"
    elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA:
        kind = f"RSA, {key.key_size} bits"
    else:
        raise BadKey(f"Keys are taken that are Ed25519, ECDSA, or RSA of at least {LEAST_RSA} bits.")
    written = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return Public(written, fingerprint(written), kind)


def fingerprint(text: str) -> str:
    """As OpenSSH shows it: `SHA256:` and 43 letters."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(base64.b64decode(text.split()[1])).digest()).rstrip(b"=").decode()


def new_private() -> bytes:
    """A new Ed25519 key, as OpenSSH keeps it."""
    return ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
