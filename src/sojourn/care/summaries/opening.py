"""Opening a document: who it says it is about and where it comes from; parsed once for many looks."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from sojourn.care.exchange.matching import Person
from sojourn.care.papers.reading import CCDA
from sojourn.care.summaries import elements
from sojourn.gate import documentmarks
from sojourn.wire.ccda.facts import Document
from sojourn.wire.ccda.narrative import Shown
from sojourn.wire.ccda.xml import BadDocument

__all__ = ["CCDA", "BadDocument", "about", "opened", "person", "shown", "source"]
_SEX: Final = {"M": "male", "F": "female", "UN": "other"}


async def opened(content: bytes) -> Document:
    """The document in some bytes that the caller was given by the gate. Raises BadDocument."""
    return await asyncio.to_thread(documentmarks.document, content)


async def shown(content: bytes) -> list[Shown]:
    """Its sections as they are read. Raises BadDocument."""
    return await asyncio.to_thread(documentmarks.shown, content)


def person(document: Document) -> Person:
    """Whom it says it is about, as people are matched here."""
    p = document.patient
    identifiers = tuple((i["system"], i["value"]) for text in p.identifiers if (i := elements.identifier(text)) and i["system"] != elements.URI)
    return Person(identifiers, elements.words(p.family), tuple(filter(None, map(elements.words, p.given))), p.born[:10], _SEX.get(p.gender, ""))


def source(document: Document) -> str:
    """Where it comes from: its custodian, else its first author; '' where it names neither."""
    return next((w for w in map(elements.words, (document.custodian, *document.authors)) if w), "")


def about(document: Document) -> str:
    """Source and day in words, as lines of a list name it."""
    day = document.made[:10]
    return ", ".join(filter(None, (source(document) or "A document that names no source", day if re.match(r"\d{4}", day) else "")))[:200]
