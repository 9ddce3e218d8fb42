"""Cursors that tell nothing: internal positions, encrypted and bound to caller and question."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from sojourn.base import crypto, errors

if TYPE_CHECKING:
    from sojourn.gate.access import Access


_SIZE = 96
"""Positions are padded to multiples of this, bytes: how many digits a number has tells how much was written by others."""


def cursor(access: Access, question: str, position: list[Any]) -> str:
    """Seal a position. Only the same caller can use it, and only for the same question."""
    data = msgspec.json.encode(position)
    padded = data.ljust(-(-len(data) // _SIZE) * _SIZE)
    return access.house.key.seal("cursor", padded, _context(access, question))


def open_cursor(access: Access, question: str, sealed: str) -> list[Any]:
    """The position in a cursor. Raises Malformed for anything this server did not seal for this caller and question."""
    try:
        position = msgspec.json.decode(access.house.key.open("cursor", sealed, _context(access, question)))
    except (crypto.BadSeal, ValueError, msgspec.DecodeError):
        raise errors.Malformed("The page link is not valid here; start the search again.") from None
    return list(position)


def _context(access: Access, question: str) -> bytes:
    return f"{access.tenant.number}\0{access.caller.account}\0{question}".encode()
