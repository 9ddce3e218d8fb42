"""MLLP, Release 1: one message between two marks in a stream of bytes. Pure."""

from __future__ import annotations

from typing import Final

START, END, RETURN = b"\x0b", b"\x1c", b"\r"
_SKIPPED: Final = 64 * 1024
"""Bytes outside of any block that are passed over before the sender is given up."""


class NotFramed(ValueError):
    """The stream holds no MLLP."""


class TooLarge(ValueError):
    """A block is larger than this receiver takes. begun: its first bytes, from which its sender's id may be read."""

    def __init__(self, begun: bytes) -> None:
        super().__init__("A block is larger than this receiver takes.")
        self.begun = begun


def framed(content: bytes) -> bytes:
    """A message in its block."""
    return START + content + END + RETURN


class Blocks:
    """Takes bytes as they come and gives whole blocks. A block ends with 0x1C, whether or not the carriage return stands after it."""

    def __init__(self, most: int) -> None:
        """most: bytes of the largest block that is taken."""
        self._most = most
        self._held = bytearray()
        self._inside = False
        self._looked = 0
        self._skipped = 0

    @property
    def waiting(self) -> bool:
        """Whether a block has begun and not ended."""
        return self._inside

    def feed(self, some: bytes) -> list[bytes]:
        """Blocks that these bytes complete. Raises NotFramed, TooLarge; the connection cannot be used after that."""
        self._held += some
        found: list[bytes] = []
        while True:
            if not self._inside:
                at = self._held.find(START)
                self._skipped += len(self._held if at < 0 else self._held[:at].strip(b"\r\n \x1c"))
                if self._skipped > _SKIPPED:
                    raise NotFramed
                del self._held[: at + 1 if at >= 0 else len(self._held)]
                if at < 0:
                    return found
                self._inside, self._looked = True, 0
            end = self._held.find(END, self._looked)
            if end < 0:
                if len(self._held) > self._most:
                    raise TooLarge(bytes(self._held[:4096]))
                self._looked = len(self._held)
                return found
            if end > self._most:
                raise TooLarge(bytes(self._held[:4096]))
            found.append(bytes(self._held[:end]))
            del self._held[: end + 1]
            self._inside, self._skipped = False, 0
