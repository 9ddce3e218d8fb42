"""What the trail keeps of signatures: the hash of each, in the line of the write that made it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sojourn.base import crypto

PREFIX = "signature:"


def marks(resources: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """` signature:<sha-256>` of each signature in Provenances that are about to be written."""
    for resource in resources:
        if resource.get("resourceType") == "Provenance":
            for signature in resource.get("signature") or ():
                if isinstance(signature, dict) and (found := digest(signature)):
                    yield f" {PREFIX}{found}"


def digest(signature: Mapping[str, Any]) -> str:
    """The hash of one signature's data; empty where there is none."""
    try:
        data = base64.b64decode(str(signature.get("data") or ""), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return crypto.sha256_hex(data) if data else ""
