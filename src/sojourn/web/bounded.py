"""Read what another server answers, as it comes: no more than is taken, nothing packed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


class TooMuch(ValueError):
    """More came than is taken."""


class Packed(ValueError):
    """It came in a coding, though none was asked for (RFC 9110, 8.4)."""


async def body(answer: httpx.Response, most: int) -> bytes:
    """The body of an answer that is streamed, of at most so many bytes. Raises TooMuch and Packed."""
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise Packed
    found = bytearray()
    async for piece in answer.aiter_bytes():
        found += piece
        if len(found) > most:
            raise TooMuch
    return bytes(found)
