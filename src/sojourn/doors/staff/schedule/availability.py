"""/schedule/availability: the ordinary week of the people of one's programs, for who plans."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

from sojourn.base.errors import Malformed, VersionConflict
from sojourn.care.scheduling import availability
from sojourn.care.scheduling.availability import Hours
from sojourn.care.scheduling.series import NAMES
from sojourn.doors.staff.schedule import frame
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def show(request: Request) -> Response:
    """GET."""
    return await _page(request)


async def change(request: Request) -> Response:
    """POST: one person's week."""
    access, form = request.state.access, await sent(request)
    try:
        worker = (await availability.every(access)).get(form.get("who", ""))
        if worker is None:
            raise Malformed("Choose one of the people below.")
        try:
            hours = [Hours(n, time.fromisoformat(form[f"start{n}"]), time.fromisoformat(form[f"end{n}"])) for n in range(7) if form.get(f"start{n}") and form.get(f"end{n}")]
        except ValueError:
            raise Malformed("Write the hours as times, such as 08:30.") from None
        await availability.change(access, worker, hours)
    except (Malformed, VersionConflict) as error:
        return await _page(request, error.message, 422)
    return redirect(request, "/schedule/availability", "saved")


async def _page(request: Request, problem: str = "", status: int = 200) -> Response:
    access = request.state.access
    workers = await availability.every(access)
    names = await frame.staff_names(access, [w.removeprefix("Practitioner/") for w in workers])
    rows = sorted(((names[who], worker, {h.day: (f"{h.start:%H:%M}", f"{h.end:%H:%M}") for h in worker.hours}) for who, worker in workers.items() if who in names), key=lambda row: row[0])
    return frame.render(request, "/schedule/availability", "availability.html", status=status, rows=rows, days=list(enumerate(n[:3] for n in NAMES)), problem=problem)
