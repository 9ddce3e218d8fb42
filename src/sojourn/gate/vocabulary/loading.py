"""Load a release: piece by piece, in force when all of it is there, and the same one only once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.record import vocabulary
from sojourn.wire.vocabulary.model import Concept, Edge, Part, Release

if TYPE_CHECKING:
    from hashlib import _Hash

    from sojourn.gate.access import Access

TYPE: Final = "Vocabulary"
"""What a role has to administer to load releases and keep maps."""
_PIECE: Final = 4000


async def load(access: Access, release: Release, on: Callable[[int], None] = lambda _: None) -> int | None:
    """Put a release in force: how many concepts it has; None where the very same was. `on` is told how many parts are there.

    What is asked goes by the release before until the new one is whole; stopped in the middle, nothing of it counts. Raises BadRelease for a
    damaged file, Invalid for one without a code, Conflict where somebody else loads the same system, Forbidden.
    """
    await access.check("administer", TYPE, release.system)
    db, number = access.house.db, access.tenant.number
    made = await vocabulary.begin(db, access.head, access.caller.account, release.system, release.version, release.published, release.source)
    done, whole = 0, hashlib.sha256(f"{release.system} {release.version}".encode())
    pieces = _pieces(release.parts, whole)
    try:
        while piece := await asyncio.to_thread(next, pieces, None):
            await _put(access, made, piece)
            done += len(piece)
            on(done)
        count = await vocabulary.finish(db, access.head, made, whole.digest())
        if count == 0:
            raise errors.Invalid("There is no code in it.")
    except BaseException:
        await asyncio.shield(vocabulary.abandon(db, number, made))
        raise
    if count is not None:
        await access.note(access.entry("vocabulary-load", TYPE, f"{release.system} {release.version}"))
    return count


def _pieces(parts: Iterator[Part], whole: _Hash) -> Iterator[list[Part]]:
    """As they come, each piece of one kind."""
    piece: list[Part] = []
    for part in parts:
        whole.update(repr(part).encode())
        if piece and (len(piece) == _PIECE or type(part) is not type(piece[0])):
            yield piece
            piece = []
        piece.append(part)
    if piece:
        yield piece


async def _put(access: Access, release: int, piece: list[Part]) -> None:
    db, head = access.house.db, access.head
    if isinstance(piece[0], Edge):
        await vocabulary.edges(db, head, release, [p.parent for p in piece if isinstance(p, Edge)], [p.child for p in piece if isinstance(p, Edge)])
        return
    rows = codec.dumps([_plain(p) for p in piece]).decode()
    await (vocabulary.concepts if isinstance(piece[0], Concept) else vocabulary.maps)(db, head, release, rows)


def _plain(part: Part) -> dict[str, object]:
    out = dict(part._asdict())
    for name in ("since", "until"):
        if out.get(name) is not None:
            out[name] = str(out[name])
    for name in ("names", "replaced"):
        if name in out:
            out[name] = list(out[name])
    return out
