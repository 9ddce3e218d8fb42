"""How long ago something was, as the pages of the exchange say it."""

from __future__ import annotations

from datetime import datetime


def age(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that says it."""
    minutes = max(0, int((now - then).total_seconds() // 60))
    if minutes < 1:
        return "just now"
    for unit, size in (("day", 1440), ("hour", 60), ("minute", 1)):
        if minutes >= size:
            n = minutes // size
            return f"{n} {unit}{'' if n == 1 else 's'}"
    raise AssertionError
