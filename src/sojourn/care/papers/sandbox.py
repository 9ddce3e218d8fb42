"""Asks the reader of files (worker.py) in a process of its own; keeps what was just drawn or read."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sojourn.base import errors, ownprocess
from sojourn.care.papers import reading
from sojourn.care.papers.reading import MOST_BYTES, MOST_DOCUMENT
from sojourn.gate import documentmarks
from sojourn.wire.ccda.xml import BadDocument

MEMORY: Final = 2 * 1024**3
"""Bytes of address space that one file may take; libraries and the interpreter are in it."""
SECONDS: Final = 40
"""Of processor time that one file may take."""
_MORE: Final = 20
"""Seconds by the clock beside them."""
_AT_ONCE: Final = 3
_KEPT, _WORDS = 48 * 1024 * 1024, 4 * 1024 * 1024
SCREEN, PACKET = 110, 150
"""Dots an inch: on the screen, and in what leaves."""

Page = tuple[int, int]
Boxes = Mapping[int, Sequence[tuple[float, float, float, float]]]

_drawn: OrderedDict[tuple[str, int, int, int], bytes] = OrderedDict()
_read: OrderedDict[tuple[str, str, tuple[Page, ...] | None], list[str]] = OrderedDict()
_places: dict[int, asyncio.Semaphore] = {}


class Unreadable(errors.Malformed):
    """The file cannot be read."""

    def __init__(self, wrong: str, more: str = "") -> None:
        super().__init__(" ".join(filter(None, (reading.WRONG.get(wrong, reading.WRONG["broken"]), more))))
        self.wrong = wrong


async def checked(content: bytes, seconds: int = SECONDS) -> tuple[str, int]:
    """(media type by content, pages) of a file that may be taken. seconds: of processor time at most. Raises Unreadable, which says in words why not."""
    if not content:
        raise Unreadable("empty")
    media = reading.media_of(content) if len(content) <= MOST_DOCUMENT else ""
    if len(content) > (MOST_DOCUMENT if media == reading.CCDA else MOST_BYTES):
        raise Unreadable("large")
    if not media:
        raise Unreadable("kind")
    if media == reading.CCDA:
        return await _document(content)
    value, _ = await _ask({"do": "inspect", "media": media}, [content], seconds)
    return media, int(value["pages"])


async def _document(content: bytes) -> tuple[str, int]:
    """A C-CDA is read here: its reader opens nothing else and has limits of its own (wire/ccda/xml.py)."""
    try:
        await asyncio.to_thread(documentmarks.document, content)
    except BadDocument as error:
        raise Unreadable("ccda", f"Why: {error}.") from None
    return reading.CCDA, 1


async def drawn(content: bytes, media: str, pages: Sequence[Page], which: int, dots: int = SCREEN) -> bytes:
    """One page as PNG. pages: of the file; where their number is not known, more than it has. Raises NotFound for a page that there is not; Unreadable."""
    if not 0 <= which < len(pages):
        raise errors.NotFound()
    name = hashlib.sha256(content).hexdigest()
    key = (name, *pages[which], dots)
    if key not in _drawn:
        some = list(dict.fromkeys(pages[which : which + 6]))
        _, made = await _ask({"do": "draw", "media": media, "pages": some, "dots": dots}, [content])
        for (index, turned), picture in zip(some, made, strict=False):
            _drawn[name, index, turned, dots] = picture
        if key not in _drawn:
            raise errors.NotFound()
        picture = _drawn[key]
        while len(_drawn) > 1 and sum(map(len, _drawn.values())) > _KEPT:
            _drawn.popitem(last=False)
        return picture
    _drawn.move_to_end(key)
    return _drawn[key]


async def texts(content: bytes, media: str, pages: Sequence[Page] | None = None) -> list[str]:
    """The words of each page, '' where they are only drawn. Kept like pages: who looks at one file turns several of its pages."""
    key = (hashlib.sha256(content).hexdigest(), media, None if pages is None else tuple(pages))
    if key not in _read:
        value, _ = await _ask({"do": "texts", "media": media, "pages": None if pages is None else list(pages)}, [content])
        _read[key] = [str(v) for v in value]
        while len(_read) > 1 and sum(len(word) for words in _read.values() for word in words) > _WORDS:
            _read.popitem(last=False)
    _read.move_to_end(key)
    return list(_read[key])


async def found(content: bytes, media: str, words: str) -> list[tuple[int, tuple[float, float, float, float]]]:
    """Where words stand: (page, box)."""
    value, _ = await _ask({"do": "find", "media": media, "words": words}, [content])
    return [(int(page), (float(b[0]), float(b[1]), float(b[2]), float(b[3]))) for page, b in value]


async def composed(parts: Sequence[tuple[bytes, str, Sequence[Page]]], seconds: int = SECONDS) -> bytes:
    """One clean PDF of pages of several files. seconds: of processor time at most."""
    _, made = await _ask({"do": "compose", "parts": [(media, list(pages)) for _, media, pages in parts]}, [content for content, _, _ in parts], seconds)
    return made[0]


async def blacked(content: bytes, media: str, boxes: Boxes, which: int) -> bytes:
    """One page as it would leave, what is in the boxes painted over. Raises NotFound, Unreadable."""
    name = hashlib.sha256(content + json.dumps({str(k): list(v) for k, v in sorted(boxes.items())}).encode()).hexdigest()
    if (name, which, 0, SCREEN) not in _drawn:
        for n, picture in enumerate(await flattened(content, media, boxes, SCREEN)):
            _drawn[name, n, 0, SCREEN] = picture
    if (name, which, 0, SCREEN) not in _drawn:
        raise errors.NotFound()
    found = _drawn[name, which, 0, SCREEN]
    while len(_drawn) > 1 and sum(map(len, _drawn.values())) > _KEPT:
        _drawn.popitem(last=False)
    return found


async def flattened(content: bytes, media: str, boxes: Boxes, dots: int = PACKET) -> list[bytes]:
    """Every page as a picture, what is in the boxes gone."""
    _, made = await _ask({"do": "flatten", "media": media, "boxes": {str(k): [list(b) for b in v] for k, v in boxes.items()}, "dots": dots}, [content])
    return made


async def _ask(ask: dict[str, Any], parts: Sequence[bytes], seconds: int = SECONDS) -> tuple[Any, list[bytes]]:
    loop = id(asyncio.get_running_loop())
    place = _places.setdefault(loop, asyncio.Semaphore(_AT_ONCE))
    head = {**ask, "memory": MEMORY, "seconds": seconds, "sizes": [len(p) for p in parts]}
    async with place:
        process = await asyncio.create_subprocess_exec(
            *ownprocess.command("sojourn.care.papers.worker"),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env={}, cwd="/",
        )  # fmt: skip
        try:
            out, _ = await asyncio.wait_for(process.communicate(json.dumps(head).encode() + b"\n" + b"".join(parts)), seconds + _MORE)
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            raise Unreadable("bomb") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    first, _, rest = out.partition(b"\n")
    try:
        answer = json.loads(first)
    except ValueError:  # it was ended for what it used
        raise Unreadable("bomb") from None
    if "wrong" in answer:
        raise Unreadable(answer["wrong"])
    made, at = [], 0
    for size in answer["sizes"]:
        made.append(rest[at : at + size])
        at += size
    return answer.get("value"), made
