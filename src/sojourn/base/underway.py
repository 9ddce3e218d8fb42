"""How many statements a request has under way, so that questions asked together wait for each other.

Whoever gathers questions puts itself into the context of its request (`watch`); the database tells it of each statement that begins and ends in that
context. Nothing else is told: neither which statement, nor what it found.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Watcher(Protocol):
    """Who is told."""

    def began(self) -> None:
        """One statement more is under way."""
        ...

    def ended(self) -> None:
        """One less."""
        ...


_watcher: ContextVar[Watcher | None] = ContextVar("sojourn_underway", default=None)


def watch(watcher: Watcher) -> None:
    """From now on, and in every task that begins here, statements are told to this one."""
    _watcher.set(watcher)


@contextmanager
def statement() -> Iterator[None]:
    """A statement, or whatever else a request waits for that is not its own work."""
    watcher = _watcher.get()
    if watcher is None:
        yield
        return
    watcher.began()
    try:
        yield
    finally:
        watcher.ended()
