"""New ids and opaque tokens."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import shake_256
from typing import Protocol

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BIASED = bytes(range(248, 256))  # 248 = 4 * 62: bytes from here on would favour the first letters, so they are dropped
_TABLE = bytes(_ALPHABET[byte % 62] for byte in range(256))


class Source(Protocol):
    """Where random bytes come from. `purpose` keeps streams apart, so that drawing a token never shifts the next id."""

    def draw(self, purpose: str, size: int) -> bytes:
        """`size` bytes that nobody can predict (or, seeded, that the seed and step decide)."""
        ...


class SystemSource:
    """The operating system's random bytes."""

    def draw(self, purpose: str, size: int) -> bytes:  # noqa: ARG002 - part of the protocol
        """Fresh bytes; the purpose does not matter."""
        return os.urandom(size)


class SeededSource:
    """Bytes that follow from (seed, step label, purpose, how many were drawn for that purpose within the step).

    Two runs of one script of steps draw the same bytes in each step, also when one of them leaves other steps out.
    Only for tests and generated samples: whoever knows the seed knows every id.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._label = ""
        self._drawn: dict[str, int] = {}

    def step(self, label: str) -> None:
        """Begin a step. A label used twice draws the same bytes twice: give each step its own."""
        self._label, self._drawn = label, {}

    def draw(self, purpose: str, size: int) -> bytes:
        """The next bytes of this purpose in this step."""
        count = self._drawn.get(purpose, 0)
        self._drawn[purpose] = count + 1
        return shake_256("\x1f".join((self._seed, self._label, purpose, str(count))).encode()).digest(size)


_source: Source = SystemSource()


def set_source(source: Source) -> Source:
    """Replace the random source of this process and return the one before."""
    global _source  # noqa: PLW0603 - one source per process is the point of this module
    before, _source = _source, source
    return before


@contextmanager
def using(source: Source) -> Iterator[Source]:
    """Draw from a source within a `with` block, in every task and thread of the process."""
    before = set_source(source)
    try:
        yield source
    finally:
        set_source(before)


def random_bytes(purpose: str, size: int) -> bytes:
    """Bytes for a nonce or key."""
    return _source.draw(purpose, size)


def new_id(purpose: str = "id") -> str:
    """A FHIR id of 22 letters and digits, 131 random bits (https://hl7.org/fhir/R4/datatypes.html#id). Tells nothing about order or number."""
    return _letters(purpose, 22)


def new_version() -> str:
    """An opaque version id: unique, and no counter, so that it does not tell how often or when something changed."""
    return _letters("version", 22)


def new_token(purpose: str = "token") -> str:
    """A bearer secret of 43 letters and digits, 256 random bits. Store its hash, never itself."""
    return _letters(purpose, 43)


def _letters(purpose: str, length: int) -> str:
    letters = b""
    while len(letters) < length:  # one round nearly always suffices: a third more bytes are drawn than needed, 3 % are dropped
        letters += _source.draw(purpose, length + length // 3 + 4).translate(_TABLE, _BIASED)
    return letters[:length].decode()
