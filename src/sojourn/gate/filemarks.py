"""What the words of a file from outside say of it: the notice of 42 CFR 2.32 marks all of it.

The one place that looks for it in files: of papers (care/papers), of messages (doors/hl7v2), and of what comes by the API or an import
(documentmarks.py). A file that has words and cannot be read is marked: what it would have said is not known. Words that are only drawn, as on a scan, are not read.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import subprocess
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from sojourn.base import ownprocess
from sojourn.gate import bases
from sojourn.wire import filewords, notice
from sojourn.wire.filewords import MOST_BYTES

PART2: Final = ("R", "42CFRPart2")
"""The codes that follow from a notice."""
SECONDS: Final = 10
"""Of processor time that the words of one file may take."""
_MORE: Final = 20
"""Seconds by the clock beside them."""
_AT_ONCE: Final = 3
_KEPT: Final = 2048
CODINGS: Final = {"R": {"system": bases.CONFIDENTIALITY, "code": "R"}, "42CFRPart2": {"system": bases.ACT_CODE, "code": "42CFRPart2"}}
"""These codes as labels."""
_known: OrderedDict[str, tuple[str, ...]] = OrderedDict()
_pool: Final = ThreadPoolExecutor(_AT_ONCE, "words")


async def of(content: bytes) -> tuple[str, ...]:
    """As now(), with nothing else waiting while a long file is read, and of these at most a few at once."""
    return await asyncio.get_running_loop().run_in_executor(_pool, now, content)


def now(content: bytes) -> tuple[str, ...]:
    """The codes that follow from a file's words, by its content whatever it is called; nothing for one that has none. Call it in a thread."""
    kind = filewords.kind_of(content)
    if not kind:
        return ()
    key = hashlib.sha256(content).hexdigest()
    if (found := _known.get(key)) is None:
        found = _known[key] = _read(content, kind)
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    return found


def added(labels: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Labels with those that follow from a notice; R is in V."""
    known = {c.get("code") for c in labels}
    return [*map(dict, labels), *(dict(c) for c in CODINGS.values() if c["code"] not in known and not (c["code"] == "R" and "V" in known))]


def attached(resource: Any) -> list[bytes]:
    """The files in a resource or a part of one: whatever has `data` in base64, wherever it stands."""
    out: list[bytes] = []
    stack: list[Any] = [resource]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack += value
        elif isinstance(value, dict):
            stack += value.values()
            data = value.get("data")
            if isinstance(data, str) and data:
                try:
                    out.append(base64.b64decode("".join(data.split())))
                except (binascii.Error, ValueError):
                    continue
    return out


def _read(content: bytes, kind: str) -> tuple[str, ...]:
    if len(content) > MOST_BYTES:
        return PART2
    if kind == filewords.TEXT:
        return PART2 if notice.stands_in(filewords.text_of(content)) else ()
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            ownprocess.command("sojourn.wire.filewords"), input=b"%d\n" % SECONDS + content, capture_output=True, env={}, cwd="/", timeout=SECONDS + _MORE, check=False
        )
    except (subprocess.TimeoutExpired, OSError):
        return PART2
    if done.returncode:
        return PART2
    return PART2 if notice.stands_in(done.stdout.decode("utf-8", "replace")) else ()
