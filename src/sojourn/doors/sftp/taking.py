"""A file that a partner takes: made while it is read, from its beginning or from where they left off."""

from __future__ import annotations

import hashlib
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final

import asyncssh

from sojourn.gate.bulk.leaving import Changed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sojourn.gate.exchange.outbox import Stream

_BEHIND: Final = 8 << 20
"""Bytes that are held for requests that come again."""


class Taking:
    """Reads follow each other; what was read is forgotten. The end is told only of what is what it was when it was opened."""

    def __init__(self, stream: Stream) -> None:
        self._stream, self.size, self.at = stream, stream.size, stream.out.created
        self._lines: AsyncIterator[bytes] | None = None
        self._held, self._start, self._whole = bytearray(), 0, False
        self._hash = hashlib.sha256()

    async def read(self, offset: int, size: int) -> bytes:
        """Some of it; nothing at its end."""
        if offset >= self.size:
            return b""
        if self._lines is None:
            self._begin(offset)
        if offset < self._start:
            raise asyncssh.SFTPFailure("Take it again from its beginning, or from where you left off.")
        until = min(offset + size, self.size)
        while self._end < until:
            await self._more()
        return bytes(self._held[offset - self._start : until - self._start])

    @property
    def _end(self) -> int:
        return self._start + len(self._held)

    def _begin(self, offset: int) -> None:
        self._start, self._whole = offset, offset == 0
        self._lines = self._stream.lines(offset)

    async def _more(self) -> None:
        assert self._lines is not None  # noqa: S101 - it was begun
        try:
            piece = await anext(self._lines, b"")
        except Changed:
            piece = b""
        if not piece:
            raise asyncssh.SFTPFailure("It changed while it was read. Take it again from its beginning.")
        self._held += piece
        self._hash.update(piece)
        if self._end >= self.size:
            if self._end > self.size or (self._whole and self._hash.hexdigest() != self._stream.sha256):
                self._held.clear()
                raise asyncssh.SFTPFailure("It changed while it was read. Take it again from its beginning.")
            await self._stream.over()
        if (over := len(self._held) - _BEHIND) > 0:
            del self._held[:over]
            self._start += over

    async def close(self) -> None:
        """Make no more of it."""
        if self._lines is not None:
            with suppress(Exception):
                async with aclosing(self._lines):  # type: ignore[type-var]
                    pass
