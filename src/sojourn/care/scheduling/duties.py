"""What scheduling does by the clock: days followed, double bookings found, reminders queued."""

from __future__ import annotations

from sojourn.care import policies
from sojourn.care.scheduling import collisions, members, reminders
from sojourn.gate.access import Access


async def follow(access: Access) -> None:
    """Members' appointments follow days of their group that changed; what collides goes before those who may see both sides."""
    rules = await policies.of(access)
    await members.align(access, rules)
    await collisions.look(access, rules)


async def remind(access: Access) -> None:
    """Reminders for what comes up."""
    await reminders.queue(access, await policies.of(access))


async def send(access: Access) -> None:
    """Reminders that a channel sends, and the end of those that are too late."""
    await reminders.send(access)
