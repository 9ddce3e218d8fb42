"""Batches and files of HL7 v2 messages: FHS, BHS, messages, BTS, FTS taken apart (HL7 v2.8, 2.10.3)."""

from __future__ import annotations

import re
from itertools import islice
from typing import Final, NamedTuple

from sojourn.base.digits import digits
from sojourn.wire.hl7v2 import decoded, delimiters

_HEADERS: Final = re.compile(rb"(?:^|[\r\n\x0b])[ \t]*MSH[^A-Za-z0-9\s]")
_BEGINS: Final = re.compile(r"(?:^|[\r\n\x0b])[ \t]*(FHS|BHS|MSH|BTS|FTS)(?=[^A-Za-z0-9\s])")


class Batch(NamedTuple):
    """What a file holds. messages: each as it stands, from its MSH on; odd: what does not fit, without any content."""

    messages: list[str]
    odd: list[str]


def split(raw: bytes | str, usual: str = "") -> Batch:
    """The messages of a file or batch, or of a stream of messages without headers. Nothing in it raises: what is no message is said to be odd."""
    text = decoded(raw, usual)[0] if isinstance(raw, bytes) else raw
    marks = [(m.start(1), m[1]) for m in _BEGINS.finditer(text)]
    odd: list[str] = []
    if text[: marks[0][0] if marks else None].strip("\x0b\x1c\r\n \t\ufeff"):
        odd.append("There is something before the first header.")
    messages, counts, since = [], [], 0
    for n, (at, name) in enumerate(marks):
        piece = text[at : marks[n + 1][0] if n + 1 < len(marks) else None].strip("\x0b\x1c\r\n")
        if name == "MSH":
            messages.append(piece)
            since += 1
        elif name == "BTS":
            counts.append((_count(piece), since))
        elif name == "BHS":
            since = 0
        elif name == "FTS" and (said := _count(piece)) is not None and said != max(1, len(counts)):
            odd.append("FTS-1 says another number of batches than there are.")
    odd += ["BTS-1 says another number of messages than there are." for said, found in counts if said is not None and said != found]
    return Batch(messages, odd)


def many(raw: bytes, most: int) -> bool:
    """Whether more messages than these are in it: asked before it is taken apart, for a few bytes are a message that is answered."""
    return next(islice(_HEADERS.finditer(raw), most, None), None) is not None


def batched(raw: bytes) -> bool:
    """Whether it holds more than one message, or headers of a batch."""
    head = raw[:64].lstrip(b"\xef\xbb\xbf\x0b \t\r\n")[:3].upper()
    return head in (b"FHS", b"BHS") or many(raw, 1)


def _count(piece: str) -> int | None:
    by = piece[3:4] or "|"
    if by != "|":
        try:
            by = delimiters("MSH" + by + "^~\\&").field
        except ValueError:
            return None
    parts = re.split(r"[\r\n]", piece)[0].split(by)
    return int(parts[1]) if len(parts) > 1 and digits(parts[1].strip()) and len(parts[1]) < 10 else None
