"""What whoever operates may know without being anybody here: that it works, and how much waits."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sojourn.record import operating

if TYPE_CHECKING:
    from sojourn.gate.gate import House


class Waiting(NamedTuple):
    """Messages of one door and direction that are in one state, and when the oldest came."""

    door: str
    direction: str
    state: str
    n: int
    oldest: datetime


async def waiting(house: House) -> list[Waiting]:
    """What is not done yet, of all organizations together. Raises Unavailable."""
    return [Waiting(*row) for row in await operating.messages(house.db)]


class Queue(NamedTuple):
    """What is in one state of another queue, and since when the oldest; None where an age says nothing."""

    queue: str
    state: str
    n: int
    oldest: datetime | None


async def queues(house: House, now: datetime) -> list[Queue]:
    """What else waits, of all organizations together. Raises Unavailable."""
    return [Queue(*row) for row in await operating.queues(house.db, now)]


async def ready(house: House) -> None:
    """Whether requests can be answered. Raises Unavailable when they cannot."""
    await operating.answers(house.db)


def connections(house: House) -> dict[str, int]:
    """How many connections to the database are open and idle, and how many requests wait for one. Raises Unavailable before the start."""
    return house.db.pool.numbers()
