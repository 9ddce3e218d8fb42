"""How much of a note stands word for word in an earlier one: shingles of five words, compared as sets."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
SIZE = 5
"""Words of a shingle."""
LEAST = 20
"""Words that a text must have: less says too little to be a copy."""


class Likeness(NamedTuple):
    """An earlier note and the share (0 to 1) of the new text that is in it. date: its day, as it was written."""

    id: str
    patient: str
    date: str
    share: float


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Every run of five words."""
    words = [w.casefold() for w in _WORD.findall(text)]
    return frozenset(tuple(words[n : n + SIZE]) for n in range(len(words) - SIZE + 1))


def share(new: str, old: str) -> float:
    """Which part of the new text is in the old one; 0 for one that is too short to tell."""
    if len(_WORD.findall(new)) < LEAST:
        return 0.0
    mine = shingles(new)
    return len(mine & shingles(old)) / len(mine) if mine else 0.0


def closest(text: str, earlier: Iterable[Mapping[str, Any]]) -> Likeness | None:
    """The earlier document that has most of the text; None where there is none to compare."""
    found = [_likeness(text, document) for document in earlier]
    return max(found, key=lambda like: (like.share, like.date), default=None)


def _likeness(text: str, document: Mapping[str, Any]) -> Likeness:
    patient = str(document.get("subject", {}).get("reference", "")).removeprefix("Patient/")
    return Likeness(str(document["id"]), patient, str(document.get("date", "")), share(text, body_of(document)))


def plain_text(document: Mapping[str, Any]) -> str | None:
    """The exact text of a document; None for one that is no text."""
    attachment: Mapping[str, Any] = next((c.get("attachment", {}) for c in document.get("content", ())), {})
    if not str(attachment.get("contentType", "")).startswith("text/plain") or "data" not in attachment:
        return None
    try:
        return base64.b64decode(str(attachment["data"])).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def body_of(document: Mapping[str, Any]) -> str:
    """The text without the head of the session, which is alike in all notes of a client."""
    text = plain_text(document) or ""
    return text.partition("\n\n")[2] or text
