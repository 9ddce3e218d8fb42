"""How lines of the trail become hashes, a Merkle root, a chain and a text to sign. Pure.

gate.seal does the same in SQL (functions/11_audit.sql).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

NOTHING = bytes(32)
"""What the first seal names as the one before."""

_START = datetime(1970, 1, 1, tzinfo=UTC)


def _micros(moment: datetime) -> int:
    return (moment - _START) // timedelta(microseconds=1)


def _text(values: list[Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(", ", ": ")).encode()


def leaf(line: Mapping[str, Any]) -> bytes:
    """The hash of one line: a JSON array in the order of the columns, after a zero byte (RFC 9162, 2.1.1)."""
    rules = line["rules"]
    fields = [
        line["tenant"], line["stamp"], line["n"], _micros(line["recorded"]), *(line[c] for c in (
            "request", "account", "role", "door", "purpose", "action", "outcome", "type", "query")),
        list(line["patients"]), list(line["shown"]), rules.hex() if rules is not None else "",
    ]  # fmt: skip
    return sha256(b"\0" + _text(fields)).digest()


def seal(row: Mapping[str, Any]) -> bytes:
    """The hash of a seal: what it says, its root, and the hash of the one before."""
    said = ["sojourn seal 1", *(row[c] for c in ("tenant", "number", "stamp", "n", "lines", "total", "keys")), _micros(row["sealed"])]
    return sha256(_text(said) + row["root"] + row["previous"]).digest()


def checkpoint(tenant: str, number: int, total: int, sealed: datetime, digest: bytes) -> str:
    """What is signed and sent outside: six lines that a person can read, too. It says nothing of anybody."""
    moment = sealed.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return f"sojourn trail checkpoint 1\norganization {tenant}\nseal {number}\nlines {total}\nsealed {moment}\nhash {digest.hex()}\n"


class Tree:
    """A Merkle root over lines as they come, in memory that grows with the logarithm of their number (RFC 9162, 2.1)."""

    def __init__(self) -> None:
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, digest: bytes) -> None:
        """The next leaf."""
        size = 1
        while self._peaks and self._peaks[-1][0] == size:
            digest = sha256(b"\1" + self._peaks.pop()[1] + digest).digest()
            size *= 2
        self._peaks.append((size, digest))

    @property
    def root(self) -> bytes:
        """The root so far; 32 zero bytes of nothing."""
        if not self._peaks:
            return NOTHING
        digest = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            digest = sha256(b"\1" + left + digest).digest()
        return digest
