"""Imports in bulk: NDJSON line by line, in constant memory; what is refused is said for each line."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.fhir.outcome import Issue
from sojourn.gate import takingback
from sojourn.gate.bulk import asking
from sojourn.gate.importing import Arrival, NotTaken, bring_in

if TYPE_CHECKING:
    from sojourn.gate.access import Access

LINE: Final = 16 << 20
"""Bytes of one line, at most."""
TOLD: Final = 500
"""Refused lines that are told of one by one."""
ENOUGH: Final = 20_000
"""Refused lines after which the rest is not looked at: it is not what its sender thinks that it is."""
GROWS: Final = 200
"""Times its size that something may grow when it is unpacked, once it is larger than ROOM: records grow ten to thirty times, zeros a thousand times."""
ROOM: Final = 64 << 20
_STEP = 1 << 20  # bytes that are unpacked at once, however much would come of them

Read = Callable[[], Awaitable[bytes]]


@dataclass
class Brought:
    """What became of an import. refused: how many; issues: of the first of them, each with its line; clients: in whose records the rest is."""

    written: int = 0
    unchanged: int = 0
    refused: int = 0
    deleted: int = 0
    issues: list[Issue] = field(default_factory=list)
    clients: set[str] = field(default_factory=set)


async def check(access: Access) -> None:
    """Raise Forbidden unless the caller may import: the right of the role, and nothing of the record is closed to them.

    Whoever imports chooses ids. From somebody who may not see everything, an id that is taken would have to be refused, which tells of it.
    """
    await asking.check(access, "import")
    whole = not access.decision.redacted and all(access.may("*", action) for action in ("read", "search", "create", "update"))
    if not whole:
        await access.refuse("import", "Bulk", "")
        raise errors.Forbidden("An import takes an account that sees everything: one that works in all programs, within scopes for everything (system/*.cruds).")


def program(access: Access, key: str) -> int | None:
    """The program that made what comes in: the one named, else the one under which the caller writes. Raises Malformed for one that is not theirs."""
    if not key:
        return access.caller.acting
    number = next((p.number for p in access.programs if p.key == key), None)
    if number is None:
        raise errors.Malformed("program is the key of a program that the caller works in.")
    return number


async def bring(access: Access, read: Read, made_by: int | None, *, packed: bool = False, came: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> Brought:
    """Import lines as they come. read: the next bytes, none at the end. packed: by gzip; came: puts on each what it came with. What was written stays, whatever comes later; the same again
    changes nothing. Raises TooLarge for a line that is, and Malformed for what is not gzip."""
    brought, loop = Brought(), asyncio.get_running_loop()
    pieces = _unpacked(read) if packed else _pieces(read)
    async with aclosing(bring_in(access, _arrivals(pieces, made_by, loop, came))) as outcomes:
        async for outcome in outcomes:
            brought.written += outcome.written
            brought.unchanged += outcome.unchanged
            brought.deleted += outcome.deleted
            brought.clients |= outcome.clients
            brought.refused += len(outcome.refused)
            for one in outcome.refused[: max(0, TOLD - len(brought.issues))]:
                first = one.issues[0]
                brought.issues.append(Issue("error", first.code, first.expression, f"Line {one.place}: {first.diagnostics}"))
            if brought.refused >= ENOUGH:
                brought.issues.insert(0, Issue("error", "incomplete", "", f"{brought.refused:,} lines were refused, so the rest was not looked at. Look at the first of them, and send it again."))
                break
    return brought


def _arrivals(pieces: AsyncIterator[bytes], made_by: int | None, loop: asyncio.AbstractEventLoop, came: Callable[[dict[str, Any]], dict[str, Any]] | None) -> Iterator[Arrival]:
    """Lines as arrivals; read in a thread while the loop runs."""
    number, rest = 0, b""
    while piece := asyncio.run_coroutine_threadsafe(anext(pieces, b""), loop).result():
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > LINE:
            raise errors.TooLarge(f"A line is larger than {LINE >> 20} MB.")
        for line in lines:
            number += 1
            if line.strip():
                yield _arrival(number, line, made_by, came)
    if rest.strip():
        yield _arrival(number + 1, rest, made_by, came)


def _arrival(number: int, line: bytes, made_by: int | None, came: Callable[[dict[str, Any]], dict[str, Any]] | None) -> Arrival:
    if codec.crowded(line):
        return Arrival(str(number), made_by, f"it holds more than {codec.MAX_VALUES:,} values")
    try:
        value = codec.loads(line)
    except codec.BadJson as error:
        return Arrival(str(number), made_by, str(error))
    if not isinstance(value, dict):
        return Arrival(str(number), made_by, "a resource is an object")
    if came is not None and takingback.is_one(value):
        return Arrival(str(number), made_by, NotTaken("Deletions are not taken from files of partners: which of them brought what cannot be told apart afterwards. Delete it here, if it is to go."))
    return Arrival(str(number), made_by, came(value) if came is not None else value)


async def _pieces(read: Read) -> AsyncIterator[bytes]:
    while piece := await read():
        yield piece


async def _unpacked(read: Read) -> AsyncIterator[bytes]:
    """What gzip packed (RFC 1952), of one member or several, as programs write it that pack in pieces. Raises TooLarge for what grows as records do not."""
    unpacker, came, gave = zlib.decompressobj(31), 0, 0
    try:
        while piece := await read():
            came += len(piece)
            while piece:
                if unpacker.eof:
                    if not (piece := piece.lstrip(b"\0")):
                        break  # filled up with zeros, as tapes and some programs do
                    unpacker = zlib.decompressobj(31)
                if data := await asyncio.to_thread(unpacker.decompress, piece, _STEP):
                    gave += len(data)
                    if gave > max(ROOM, GROWS * came):
                        raise errors.TooLarge("What is packed grows far more than records do. Send it as it is, or in parts.")
                    yield data
                piece = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    except zlib.error:
        raise errors.Malformed("The body is not gzip.") from None
    if came and not unpacker.eof:
        raise errors.Malformed("The end of the gzip is missing: send it again.")
