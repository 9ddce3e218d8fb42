"""The body of a clinical document that is a file or text instead of sections, and how it is read.

An Unstructured Document of C-CDA (HL7 C-CDA R2.1, 1.2.10) carries a PDF, pictures or text. A file is drawn as every paper is, in the reader of files
(care/papers/sandbox.py): nothing of it reaches a browser. What is neither is kept as it came, and said to be.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections import OrderedDict
from typing import Final, NamedTuple

from sojourn.care.papers import reading, sandbox
from sojourn.care.papers.reading import JPEG, MOST_BYTES, PDF, PNG, TEXT, TIFF
from sojourn.care.summaries import elements
from sojourn.wire.ccda.facts import Document

HTML: Final = "text/html"
LONGEST: Final = 200_000
"""Characters of a text that are shown."""
_DRAWN: Final = (PDF, PNG, JPEG, TIFF)
_OWN_FORM: Final = ("text/rtf", "application/rtf")
_BREAKS: Final = frozenset("address blockquote br dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre section table tr ul".split())
_CELLS: Final = ("td", "th")
_TAG: Final = re.compile(r"(/?)([A-Za-z][A-Za-z0-9]*|[!?])")
_MOST_HTML: Final = 2_000_000
_SILENT: Final = frozenset(("script", "style", "title", "template"))
_CONTROLS: Final = frozenset(map(chr, range(32))) - set("\t\n\f\r")
_KEPT: Final = 64
_counted: OrderedDict[str, int] = OrderedDict()


class Body(NamedTuple):
    """A body. said: the content type that its sender gave; media: what is drawn, by content, or ''; words: of a text, or ''; data: its bytes, none where they did not come."""

    said: str
    media: str
    words: str
    data: bytes

    @property
    def called(self) -> str:
        """What it is, in words."""
        if not self.data:
            return "a file that did not come with it"
        return "text" if self.words else f"a file ({reading.NAMES.get(self.media) or self.said or 'of a kind that it does not name'})"

    @property
    def cut(self) -> bool:
        """Whether more words are in it than are shown."""
        return len(self.words) > LONGEST


def of(document: Document) -> Body | None:
    """The body of a document that has one instead of sections."""
    if document.unstructured is None:
        return None
    said, data = document.unstructured
    said = elements.words(said.partition(";")[0].strip().lower())[:60]
    found = reading.media_of(data) if data else ""
    if found in _DRAWN and len(data) <= MOST_BYTES:
        return Body(said, found, "", data)
    return Body(said, "", _words(said, found, data), data)


def _words(said: str, found: str, data: bytes) -> str:
    if data.startswith(b"{\\rtf") or said in _OWN_FORM or not (found == TEXT or said.startswith("text/")):
        return ""
    # What is no UTF-8 is what Windows writes; a file of another kind has control characters in it.
    text = data.decode("utf-8-sig") if found == TEXT else data.decode("cp1252", "replace")
    if any(c in _CONTROLS for c in text):
        return ""
    return text if said != HTML else _plain(text) if len(text) <= _MOST_HTML else ""


def _plain(text: str) -> str:
    """The words of HTML, a line for each block, and nothing of its markup. In one pass, whatever stands in it."""
    first, *rest = text.split("<")
    parts, silent = [first], ""
    for piece in rest:
        tag = _TAG.match(piece)
        if tag is None:
            parts.append("" if silent else f"<{piece}")
            continue
        name, closing = tag[2].lower(), bool(tag[1])
        if name in _SILENT:
            silent = "" if closing and name == silent else silent or ("" if closing else name)
        parts.append("" if silent else ("\n" if name in _BREAKS else " " if name in _CELLS else "") + piece.partition(">")[2])
    lines = (" ".join(line.split()) for line in html.unescape("".join(parts)).splitlines())
    return "\n".join(line for line in lines if line)


async def pages(body: Body) -> list[str]:
    """The words of each page of a file that is drawn, '' where they are only drawn. Raises Unreadable."""
    if body.media == PDF:
        return await sandbox.texts(body.data, PDF)
    name = hashlib.sha256(body.data).hexdigest()
    if name not in _counted:
        _, _counted[name] = await sandbox.checked(body.data)
        while len(_counted) > _KEPT:
            _counted.popitem(last=False)
    _counted.move_to_end(name)
    return [""] * _counted[name]


def uncoded(document: Document) -> str:
    """Of a document without one coded statement, what it is in words; '' for one that has any."""
    if document.facts():
        return ""
    body = of(document)
    return f"Its body is {body.called}." if body else "Its sections are words only." if document.sections else "It has no sections."
