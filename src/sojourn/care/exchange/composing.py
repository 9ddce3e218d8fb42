"""Makes one clean PDF of the files of a message and reads their words; only its person waits.

It is done beside the doing of messages: no transaction is open meanwhile, other messages go on, and a partner has one file at work at a time. A file has a few seconds; what takes longer is begun
again where only what takes long waits for it, with all the time that care/papers/sandbox.py gives. So what one of them sends holds up the documents of another
for these few seconds at most, and the pages that draw a paper not at all.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import crypto
from sojourn.care.exchange.following import digest_of
from sojourn.care.papers import sandbox
from sojourn.care.papers.reading import CCDA
from sojourn.gate import filemarks
from sojourn.wire import filekind

if TYPE_CHECKING:
    from sojourn.gate.exchange.doing import Taken

Files = Mapping[tuple[str, ...], tuple[bytes, ...]]

READ: Final = "read"
"""Begins the key of files that are only read: of a result, or of a document that is there already."""
_MOST: Final = 32  # messages of which files wait, or wait to be fetched
_MOST_BYTES: Final = 64 << 20
QUICK: Final = 5
"""Seconds of processor time of a file, and twice as many by the clock for all files of a message, before it is one that takes long."""
_LONG: Final = 180.0
"""Seconds by the clock that the files of one message may take where they take long."""


def digest(files: tuple[bytes, ...]) -> str:
    """Of what a document is made from."""
    return crypto.sha256_hex(b"\0".join(files))


def same(resource: dict[str, Any], source: str) -> bool:
    """Whether a document was made from just these bytes."""
    return digest_of(resource) == source


class Made(NamedTuple):
    """What became of the files of a message, by the key of their piece: (digest of what it was made from, PDF); or why nothing did. noticed: whether one of them holds the notice of 42 CFR 2.32."""

    clean: dict[tuple[str, ...], tuple[str, bytes]]
    noticed: bool = False
    wrong: str = ""
    error: Exception | None = None


class Composer:
    """The documents of one process that are being made. wake: called when one is done."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sizes: dict[str, int] = {}
        self._later: set[str] = set()
        self._made: OrderedDict[str, Made] = OrderedDict()
        self._turns: dict[str, asyncio.Lock] = {}
        self._quick, self._long = asyncio.Semaphore(1), asyncio.Semaphore(1)
        self._begun = False

    @property
    def busy(self) -> list[str]:
        """Messages that are not to be taken now."""
        return [*self._tasks, *self._later]

    def made(self, message: str, files: Files) -> Made | None:
        """What became of these files of a message, once that is known."""
        found = self._made.get(message)
        if found is None or found.wrong or found.error is not None:
            return found
        return found if all(found.clean.get(key, ("", b""))[0] == digest(some) for key, some in files.items()) else None

    def begin(self, taken: Taken, files: Files) -> None:
        """Make them; where much waits already, when the message is taken the next time."""
        if taken.id in self._tasks:
            return
        size = sum(len(f) for some in files.values() for f in some)
        if self._tasks and (len(self._tasks) >= _MOST or sum(self._sizes.values()) + size > _MOST_BYTES):
            self._later.add(taken.id)
            return
        self._begun = True
        self._sizes[taken.id] = size
        self._tasks[taken.id] = asyncio.create_task(self._make(taken.id, taken.partner, dict(files)))

    def forget(self, message: str) -> None:
        """It is done."""
        self._made.pop(message, None)

    async def finished(self) -> bool:
        """Wait until all that was begun is made; whether anything was since this was asked last."""
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()))
        begun, self._begun = self._begun, False
        return begun

    async def stop(self) -> None:
        """End, whatever is under way: it is begun again by whoever takes the message next."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tried(self, files: Files) -> Made:
        """What becomes of them: at once, or where what takes long waits. Raises Unreadable."""
        try:
            async with self._quick, asyncio.timeout(2 * QUICK):
                return await _all(files, QUICK)
        except TimeoutError:
            pass
        except sandbox.Unreadable as error:
            if error.wrong != "bomb":
                raise
        try:
            async with self._long, asyncio.timeout(_LONG):
                return await _all(files, sandbox.SECONDS)
        except TimeoutError:
            raise sandbox.Unreadable("bomb") from None

    async def _make(self, message: str, partner: str, files: Files) -> None:
        try:
            async with self._turns.setdefault(partner, asyncio.Lock()):
                made = await self._tried(files)
        except sandbox.Unreadable as error:
            made = Made({}, wrong=error.message)
        except Exception as error:  # noqa: BLE001 - of any kind: it is raised again where the message is done, which then fails alone
            made = Made({}, error=error)
        finally:
            self._tasks.pop(message, None)
            self._sizes.pop(message, None)
            self._later.clear()
            self._wake()
        self._made[message] = made
        while len(self._made) > _MOST:  # another process did it
            self._made.popitem(last=False)


async def _all(files: Files, seconds: int) -> Made:
    clean = {key: (digest(some), b"" if key[0] == READ else await _composed(some, seconds)) for key, some in files.items()}
    noticed = [await filemarks.of(f) for some in files.values() for f in some if filekind.of(f[:4096]) != filekind.CCDA]  # that says itself what it is
    return Made(clean, any(noticed))


async def _composed(files: tuple[bytes, ...], seconds: int) -> bytes:
    parts = [(content, *await sandbox.checked(content, seconds)) for content in files]
    if len(parts) == 1 and parts[0][1] == CCDA:
        return parts[0][0]  # it stays as it is, and is read where somebody reconciles it
    return await sandbox.composed([(content, media, [(n, 0) for n in range(pages)]) for content, media, pages in parts], seconds)
