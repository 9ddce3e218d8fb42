"""Signatures that others can verify: Ed25519 (RFC 8032)."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sojourn.base.crypto import ServerKey


class Signer:
    """Signs for one purpose with a key of its own, derived from the server's. The public key may go anywhere."""

    def __init__(self, key: ServerKey, purpose: str) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(key.derive("ed25519:" + purpose, 32))
        self.public = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        """32 bytes."""

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._private.sign(data)


def pem(public: bytes) -> str:
    """A public key as others read it (RFC 8410)."""
    return Ed25519PublicKey.from_public_bytes(public).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def genuine(public: bytes, data: bytes, signature: bytes) -> bool:
    """Whether the holder of the key's other half signed exactly this."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
