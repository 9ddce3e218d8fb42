"""One thing that waits, as a line of a list; rooms make them, Today shows them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Line(NamedTuple):
    """One thing that waits. path: where it is done. who: the client's name, for those who may see them. due: when, said as what remains."""

    text: str
    path: str
    who: str = ""
    due: str = ""
    tone: str = "plain"
    note: str = ""


def remaining(due: datetime | None, now: datetime) -> tuple[str, str]:
    """(words, tone) for a moment by which something is due; nothing for none."""
    if due is None:
        return "", "plain"
    minutes = int((due - now).total_seconds() // 60)
    late, size = minutes < 0, abs(minutes)
    said = f"{size} min" if size < 120 else f"{size // 60} h" if size < 48 * 60 else f"{size // 1440} days"
    return (f"{said} late", "red") if late else (f"in {said}", "amber" if minutes < 24 * 60 else "plain")
