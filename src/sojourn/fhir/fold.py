"""Fold a text for searching: without case, accents and surplus white space."""

import unicodedata

INDEXED = 500
"""Characters of a text that can be searched; the rest is not indexed, and no search value may be longer."""


def fold(text: str) -> str:
    """The text as string search compares it: NFKD, case folded, combining marks removed, white space collapsed.

    https://hl7.org/fhir/R4/search.html#string: string search ignores case, accents and punctuation is kept.
    """
    if text.isascii():
        return " ".join(text.lower().split())[:INDEXED]
    plain = "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if not unicodedata.combining(c))
    return " ".join(unicodedata.normalize("NFKD", plain).split())[:INDEXED]
