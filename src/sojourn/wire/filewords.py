"""The words of a file as far as they are written and not only drawn: plain text, HTML, RTF, PDF.

What it is, its content says. `main` does it in a process of its own (base/ownprocess.py): its reader is asked there alone, since such files come from anybody.
"""

from __future__ import annotations

import sys
from typing import Final

from sojourn.base import ownprocess
from sojourn.wire import plaintext

TEXT, HTML, RTF, PDF = "text", "html", "rtf", "pdf"
MOST_BYTES: Final = 10 * 1024 * 1024
"""Of one file, as of every paper (care/papers/reading.py)."""
MOST_PAGES: Final = 300
MOST_WORDS: Final = 32 * 1024 * 1024
MEMORY: Final = 2 * 1024**3
"""Bytes of address space; libraries and the interpreter are in it."""
_CONTROLS: Final = frozenset(range(32)) - {9, 10, 12, 13}
_MARKUP: Final = (b"<!doctype html", b"<html", b"<head", b"<body", b"<p>", b"<div", b"<table")


class Unread(Exception):  # noqa: N818 - not an error of ours
    """It has words and nobody can read them: locked, damaged, too large, or it takes too long."""


def kind_of(content: bytes) -> str:
    """TEXT, HTML, RTF or PDF; '' for what has no words, as a picture. A PDF may have up to 1,024 bytes before its header (ISO 32000-1, Annex H)."""
    if b"%PDF-" in content[:1024]:
        return PDF
    begins = content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if begins.startswith(b"{\\rtf"):
        return RTF
    if begins[:64].lower().startswith(_MARKUP):
        return HTML
    return TEXT if begins and not any(c in _CONTROLS for c in _flat(content[:4096])) else ""


def text_of(content: bytes) -> str:
    """Plain text, in whatever way it is encoded."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _flat(begins: bytes) -> bytes:
    return begins.replace(b"\0", b"") if begins[:2] in (b"\xff\xfe", b"\xfe\xff") else begins


def words(content: bytes) -> str:
    """The words. Raises Unread."""
    match kind_of(content):
        case "pdf":
            return _pdf(content)
        case "rtf":
            return plaintext.rtf(content.decode("latin-1"))
        case "html":
            return plaintext.html(text_of(content))
        case "text":
            return text_of(content)
    return ""


def _pdf(content: bytes) -> str:
    import pypdfium2 as pdfium

    try:
        document = pdfium.PdfDocument(content)
        if len(document) > MOST_PAGES:
            raise Unread
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)
    except pdfium.PdfiumError:
        raise Unread from None


def main() -> None:
    """A line with the seconds of processor time and a file in, its words out; the status says whether it could be read."""
    ownprocess.limit(MEMORY, int(sys.stdin.buffer.readline()))
    try:
        said = words(sys.stdin.buffer.read()).encode("utf-8", "replace")
    except Exception:  # noqa: BLE001 - whatever a file does to its reader, it is a file that cannot be read
        sys.exit(3)
    if len(said) > MOST_WORDS:
        sys.exit(3)
    sys.stdout.buffer.write(said)
