"""What stands at the top of every page: emergencies in force, and reviews that wait."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import clock
from sojourn.gate import emergency

if TYPE_CHECKING:
    from starlette.requests import Request


class InForce(NamedTuple):
    """One emergency of the person signed in. `left`: how long it lasts still, in words."""

    id: str
    patient: str
    left: str


class AtTheTop(NamedTuple):
    """For the frame of every page."""

    emergencies: list[InForce]
    waiting: int


async def look(request: Request) -> None:
    """Ask where the caller stands; on a chart that an emergency of theirs opened, ask for everything under that emergency."""
    request.state.plain_access = access = request.state.access
    found = await emergency.standing(access)
    request.state.standing = AtTheTop([InForce(id_, patient, left(until)) for id_, patient, until in found.emergencies], found.waiting)
    here = request.path_params.get("id")
    if request.url.path.startswith("/patients/") and any(patient == here for _, patient, _ in found.emergencies):
        request.state.access = emergency.opened(access)


def left(until: datetime) -> str:
    """`3 h 58 min`."""
    minutes = max(0, int((until - clock.now()).total_seconds() // 60))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
