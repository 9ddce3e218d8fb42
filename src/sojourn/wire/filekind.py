"""What a file is, by its first bytes and never by its name."""

from __future__ import annotations

import re
from typing import Final

HL7, CCDA, XML, FHIR, NDJSON, JSON, X12, EDIFACT, CSV, TEXT = "HL7 v2", "C-CDA", "XML", "FHIR", "FHIR NDJSON", "JSON", "X12", "EDIFACT", "CSV", "Text"
PDF, TIFF, PNG, JPEG, ZIP, GZIP, PGP, EMPTY, OTHER = "PDF", "TIFF", "PNG", "JPEG", "ZIP", "gzip", "PGP", "Empty", "Other"
PAPERS: Final = (PDF, TIFF, PNG, JPEG)
"""Kinds that are pages to look at."""

_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", PNG), (b"\xff\xd8\xff", JPEG), (b"II*\x00", TIFF), (b"MM\x00*", TIFF), (b"PK\x03\x04", ZIP), (b"\x1f\x8b", GZIP),
    (b"-----BEGIN PGP MESSAGE-----", PGP),
)  # fmt: skip
_HL7: Final = re.compile(rb"(?:FHS|BHS|MSH)[^A-Za-z0-9\s]")
_CDA: Final = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?ClinicalDocument[\s>]")
_FHIR: Final = re.compile(rb'"resourceType"\s*:\s*"[A-Za-z]+"')
_X12: Final = re.compile(rb"ISA.\d{2}.{10,}", re.DOTALL)
_PGP_TAGS: Final = frozenset({1, 3, 9, 18})  # RFC 4880, 4.3: encrypted session keys and encrypted data
_CONTROLS: Final = frozenset(range(32)) - {9, 10, 11, 12, 13, 28, 29, 30, 31}


def of(begins: bytes) -> str:
    """The kind of a file that begins so; a few thousand bytes are enough. Never raises."""
    if not begins:
        return EMPTY
    if b"%PDF-" in begins[:1024]:
        return PDF
    for magic, kind in _MAGIC:
        if begins.startswith(magic):
            return kind
    if _pgp(begins):
        return PGP
    said = begins.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x0b \t\r\n")
    if _HL7.match(said):
        return HL7
    if _X12.match(said):
        return X12
    if said.startswith((b"UNA", b"UNB+", b"UIB+")):
        return EDIFACT
    if said.startswith(b"<"):
        return CCDA if _CDA.search(said) else XML
    if said.startswith(b"{"):
        first = said.split(b"\n", 1)[0]
        return NDJSON if _FHIR.search(first) and first.rstrip().endswith(b"}") and b"\n" in said else FHIR if _FHIR.search(said) else JSON
    if any(c in _CONTROLS for c in said[:2048]):
        return OTHER
    line = said.split(b"\n", 1)[0]
    return CSV if max(line.count(b","), line.count(b"\t"), line.count(b";"), line.count(b"|")) > 1 else TEXT


def _pgp(begins: bytes) -> bool:
    """Whether it begins with a packet of something encrypted."""
    first = begins[0]
    if not first & 0x80 or len(begins) < 16:  # noqa: PLR2004 - no packet of these kinds is shorter
        return False
    tag = first & 0x3F if first & 0x40 else (first & 0x3F) >> 2
    return tag in _PGP_TAGS and (tag not in (1, 3) or 2 <= begins[2 if first & 0x40 or not first & 3 else 3] <= 6)  # noqa: PLR2004 - versions of RFC 4880 and 9580
