"""What a path that a client sends means here: one of three folders, or a file in one."""

from __future__ import annotations

import posixpath
import unicodedata
from typing import Final, NamedTuple

IN, OUT, RECEIPTS = "in", "out", "receipts"
BOXES: Final = (IN, OUT, RECEIPTS)
LONGEST: Final = 200
"""Letters of a file's name."""
_UNFINISHED: Final = (".part", ".tmp", ".temp", ".filepart", ".partial", ".uploading", ".crdownload", "~")


class NotHere(Exception):
    """There can be nothing of that name."""


class Place(NamedTuple):
    """A place. box '' is the root; name '' the folder itself."""

    box: str = ""
    name: str = ""


def shown(path: bytes) -> bytes:
    """A path from the root, without anything that goes up or stays. Raises NotHere."""
    if b"\0" in path or len(path) > 4096:  # noqa: PLR2004 - PATH_MAX
        raise NotHere
    return posixpath.normpath(b"/" + path.lstrip(b"/"))


def place(path: bytes) -> Place:
    """Where a path leads. Raises NotHere."""
    try:
        parts = shown(path).decode("utf-8").split("/")[1:]
    except UnicodeDecodeError:
        raise NotHere from None
    if parts == [""]:
        return Place()
    if parts[0] not in BOXES or len(parts) > 2:  # noqa: PLR2004 - a box and a name
        raise NotHere
    return Place(parts[0], name(parts[1]) if len(parts) > 1 else "")


def name(text: str) -> str:
    """A file's name as it may be. Raises NotHere for one that hides something or means another place elsewhere."""
    if not text or text in (".", "..") or len(text) > LONGEST or len(text.encode()) > 255:  # noqa: PLR2004 - NAME_MAX
        raise NotHere
    if any(c in '/\\:*?"<>|' or unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in text) or text != text.strip():
        raise NotHere
    return text


def unfinished(text: str) -> bool:
    """Whether a name says that its file is still being written: it is picked up when it gets another."""
    return text.startswith(".") or text.lower().endswith(_UNFINISHED)
