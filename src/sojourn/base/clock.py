"""The only place the time comes from."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Something that tells the time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, from an arbitrary zero: for measuring how long something took."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The machine's time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since the machine's own zero."""
        return time.monotonic()


class FakeClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("A clock needs an aware time.")
        self._now = start.astimezone(UTC)
        self._seconds = 0.0

    def now(self) -> datetime:
        """The time last set."""
        return self._now

    def monotonic(self) -> float:
        """Seconds by which the clock was moved since it was made."""
        return self._seconds

    def set(self, moment: datetime) -> None:
        """Jump to a moment, forward or back."""
        self._seconds += max(0.0, (moment - self._now).total_seconds())
        self._now = moment.astimezone(UTC)

    def advance(self, step: timedelta) -> None:
        """Move forward."""
        self.set(self._now + step)


_clock: Clock = SystemClock()


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _clock.now()


def monotonic() -> float:
    """Seconds for measuring durations; only differences mean anything."""
    return _clock.monotonic()


def set_clock(clock: Clock) -> Clock:
    """Replace the clock of this process and return the one before. For tests and for replaying a script of steps."""
    global _clock  # noqa: PLW0603 - one clock per process is the point of this module
    before, _clock = _clock, clock
    return before


@contextmanager
def using(clock: Clock) -> Iterator[Clock]:
    """Use a clock within a `with` block, in every task and thread of the process."""
    before = set_clock(clock)
    try:
        yield clock
    finally:
        set_clock(before)
