"""What a file is, by its content and never by its name, and what is wrong with it in words."""

from __future__ import annotations

import re
from typing import Final

from sojourn.wire.ccda import xml

PDF, PNG, JPEG, TIFF, TEXT = "application/pdf", "image/png", "image/jpeg", "image/tiff", "text/plain"
CCDA: Final = "application/hl7-cda+xml"
"""A clinical document of HL7 (C-CDA): no pages, but sections that are read and taken over (care/summaries)."""
NAMES: Final = {PDF: "PDF", PNG: "PNG image", JPEG: "JPEG image", TIFF: "TIFF image", TEXT: "Plain text", CCDA: "Clinical document (C-CDA)"}
MOST_BYTES: Final = 10 * 1024 * 1024
"""Of one file of pages."""
MOST_DOCUMENT: Final = xml.MAX_BYTES
"""Of one clinical document, which has no pages to draw."""
MOST_PAGES: Final = 300
MOST_PIXELS: Final = 60_000_000
"""Of one picture: an A4 page scanned at 600 dots an inch has 35 million."""

WRONG: Final = {
    "empty": "The file is empty.",
    "large": f"The file is larger than {MOST_BYTES // (1024 * 1024)} MB, or {MOST_DOCUMENT // (1024 * 1024)} MB for a clinical document. Scan it with fewer dots an inch, or in parts.",
    "kind": "This is not a PDF, a PNG, JPEG or TIFF image, a clinical document (C-CDA), or plain text. What a file is called does not matter; what is in it does.",
    "encrypted": "This PDF is locked with a password. Ask its sender for one that is not, or print it and scan it.",
    "broken": "The file is damaged and cannot be read. Ask for it again.",
    "pages": f"The file has more than {MOST_PAGES} pages. Send it in parts.",
    "ccda": "It is a clinical document (C-CDA) that cannot be read.",
    "blank": "The file has no pages.",
    "bomb": "The file asks for far more memory than its pages need. It is not opened.",
}
"""Why a file is not taken, by what the reader of files calls it."""

_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
)
_DOCUMENT: Final = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?ClinicalDocument[\s>]")
_CONTROLS: Final = frozenset(range(32)) - {9, 10, 12, 13}


def media_of(content: bytes) -> str:
    """The media type of some bytes, or ''. A PDF may have up to 1,024 bytes before its header (ISO 32000-1, Annex H)."""
    if b"%PDF-" in content[:1024]:
        return PDF
    if b"<" in content[:64] and _DOCUMENT.search(content, 0, 65_536):
        return CCDA
    for magic, media in _MAGIC:
        if content.startswith(magic):
            return media
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ""
    return TEXT if text.strip() and not any(ord(c) in _CONTROLS for c in text) else ""
