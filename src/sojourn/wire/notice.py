"""The notice of 42 CFR 2.32 in words, however its sender writes the section. Pure.

https://www.ecfr.gov/current/title-42/section-2.32. A text that names the regulation, or prohibits redisclosure, is read as one: withholding too much is mended, releasing too much is not.
"""

from __future__ import annotations

import re
from typing import Final

_TITLE: Final = r"42\s*(?:c\.?\s*f\.?\s*r\.?|code\s+of\s+federal\s+regulations)"
_NOTICE: Final = re.compile(rf"{_TITLE}[\s,]*(?:part\b|pt\b\.?|§{{1,2}}|\.)?\s*2\b|42cfrpart2|prohibit\w*[^.]{{0,80}}re-?\s?disclos", re.IGNORECASE)


def stands_in(text: str) -> bool:
    """Whether the notice stands in a text, broken into lines as it may be."""
    return _NOTICE.search(" ".join(text.split())) is not None
