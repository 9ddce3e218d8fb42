"""The clock on the wall by which a request or duty goes: set once, read wherever days are compared."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DEFAULT: Final = "America/New_York"
"""Where nobody says."""
_HERE: ContextVar[tuple[str, bool] | None] = ContextVar("sojourn_wall", default=None)


def enter(name: str, *, said: bool) -> None:
    """From here on, in this task and those that begin in it. name: of a zone (IANA). said: whether a place says so, not only the organization's rule."""
    _HERE.set((name, said))


def here() -> ZoneInfo:
    """The zone of this request or duty; the default where none was set."""
    at = _HERE.get()
    return named(at[0] if at else DEFAULT)


def said() -> bool:
    """Whether a place says the zone of this request or duty."""
    at = _HERE.get()
    return bool(at and at[1])


def entered() -> bool:
    """Whether one was set."""
    return _HERE.get() is not None


def named(name: str) -> ZoneInfo:
    """The zone of that name; the default for one that nobody knows."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(DEFAULT)


def day(moment: datetime, house: str = DEFAULT) -> date:
    """Which day a moment is by the clock of this request or duty; by that of `house`, the name of a zone, where none was set."""
    return moment.astimezone(here() if entered() else named(house)).date()
