"""GET and POST /admissions/{task}/bed: choose a bed that is free, and hold it until somebody comes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sojourn.base.errors import Conflict, Malformed, NotFound
from sojourn.care.admissions import case as cases
from sojourn.care.census import moving, occupancy, places
from sojourn.care.staffing import zones
from sojourn.doors.staff.census.census import units
from sojourn.doors.staff.pages import PAGES
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.census.places import Bed


async def show(request: Request) -> Response:
    """The beds, free ones first to be chosen."""
    return await _page(request)


async def hold(request: Request) -> Response:
    """Hold one."""
    access = request.state.access
    case = await cases.one(access, request.path_params["task"])
    said = await sent(request)
    try:
        beds = {b.id: b for b in await places.beds(access)}
        expected = _moment(said.get("expected", ""), access.now, zone_of(beds.get(said.get("bed", ""))))
        stay, _ = await cases.stay_of(access, case)
        await moving.hold(access, patient=case.patient, episode=case.episode, organization=stay.organization, bed=said.get("bed", ""), expected=expected, program=case.program or None)
    except (Malformed, Conflict) as error:
        return await _page(request, error.message, 409 if isinstance(error, Conflict) else 422, said.get("expected", ""))
    except NotFound:
        return await _page(request, "Choose a bed.", 422, said.get("expected", ""))
    return redirect(request, f"/admissions/{case.id}", "saved")


def zone_of(bed: Bed | None) -> ZoneInfo:
    """By which clock a bed goes; where one works, if its place does not say."""
    return zones.named(bed.zone) if bed is not None and bed.zone else zones.here()


def _moment(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """When they are expected, by the clock of the place. Raises Malformed."""
    if not text:
        return now
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        raise Malformed("Write the day and the time at which they are expected.") from None


async def _page(request: Request, problem: str = "", status: int = 200, expected: str = "") -> Response:
    access = request.state.access
    case = await cases.one(access, request.path_params["task"])
    beds = await places.beds(access)
    board = units(access, beds, await occupancy.now(access, beds))
    return PAGES.render(request, "admissions/bed.html", status=status, case=case, board=board, problem=problem, expected=expected or access.now.astimezone(zones.here()).strftime("%Y-%m-%dT%H:%M"))
