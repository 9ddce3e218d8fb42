"""The notice of 42 CFR 2.32 in the words of a paper that came: it marks all of it."""

from __future__ import annotations

from typing import Final

from sojourn.care.papers import reading, sandbox
from sojourn.care.papers.sandbox import Page
from sojourn.wire.ccda import marks

_WITH_WORDS: Final = (reading.PDF, reading.TEXT)
PART2: Final = ("R", "42CFRPart2")


async def marks_of(content: bytes, media: str, pages: list[Page] | None = None) -> tuple[str, ...]:
    """Codes that follow from the notice in a paper's words; nothing for one whose words are only drawn. A paper that cannot be read again is marked."""
    if media not in _WITH_WORDS:
        return ()
    try:
        said = " ".join(" ".join(await sandbox.texts(content, media, pages)).split())
    except sandbox.Unreadable:
        return PART2
    return PART2 if marks.notice(said) else ()
