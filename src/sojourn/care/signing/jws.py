"""A statement under the server's signing key: compact JWS with EdDSA (RFC 7515, RFC 8037)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from sojourn.base import signing
from sojourn.base.signing import Signer

FORMAT = "application/jose"
"""Signature.sigFormat of what is made here."""
PURPOSE = "signature"
"""Of the key: another one than that of the trail."""


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def made(signer: Signer, statement: Mapping[str, Any]) -> bytes:
    """The statement, signed. `kid` is the beginning of the public key."""
    header = {"alg": "EdDSA", "kid": signer.public.hex()[:16]}
    head, body = (_encoded(json.dumps(part, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()) for part in (header, statement))
    said = f"{head}.{body}".encode()
    return said + b"." + _encoded(signer.sign(said)).encode()


def read(data: bytes, public: bytes) -> tuple[dict[str, Any], bool] | None:
    """What it says, and whether the holder of the key said it; None for what is no such statement."""
    try:
        said, _, signature = data.rpartition(b".")
        statement = json.loads(_decoded(said.partition(b".")[2].decode()))
        genuine = signing.genuine(public, said, _decoded(signature.decode()))
    except (ValueError, binascii.Error):
        return None
    return (statement, genuine) if isinstance(statement, dict) else None
