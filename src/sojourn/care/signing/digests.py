"""What a signature binds to: the digest of bytes, and which bytes a document holds. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sojourn.base import crypto


def of(shown: bytes) -> str:
    """`sha-256:` and the digest of what was shown."""
    return f"sha-256:{crypto.sha256_hex(shown)}"


def of_targets(targets: Iterable[str]) -> str:
    """One digest over the names of all that is signed together: it binds to them, and names none to whoever may not see it."""
    return of("\n".join(sorted(targets)).encode())


def contents(resource: Mapping[str, Any]) -> Iterator[bytes]:
    """The bytes that a document or attachment holds itself."""
    holders = [resource] if resource.get("resourceType") == "Binary" else [c.get("attachment") or {} for c in resource.get("content") or () if isinstance(c, dict)]
    for holder in holders:
        try:
            data = base64.b64decode(str(holder.get("data") or ""), validate=True)
        except (binascii.Error, ValueError):
            continue
        if data:
            yield data


def held(resource: Mapping[str, Any]) -> frozenset[str]:
    """The digests of all of it."""
    return frozenset(of(data) for data in contents(resource))
