"""Unusual looking: signals worth asking about, and what may explain each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.care.staffing import zones
from sojourn.doors.staff.desk.frame import DeskPage, render
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.desk.trail import choosing
from sojourn.gate.trail import outliers
from sojourn.gate.trail.words import role
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

PAGE = DeskPage("/desk/unusual", "Unusual looking", "Who opened many charts, their own, a colleague's, a neighbour's, or those of nobody they treat.")
_SHOWN = 12


async def show(request: Request) -> Response:
    """GET /desk/unusual: the last seven days. POST: other days."""
    access: Access = request.state.access
    form = await sent(request) if request.method == "POST" else {}
    since, until, problem = choosing.days(form, access.now, back=7)
    found = None if problem else await outliers.outliers(access, since, until)
    signals = found.signals if found else []
    names = await patient_names(access, {p for s in signals for p in s.patients[:_SHOWN]})
    rows = [(s, role(s.role), [(p, names.get(p, "a patient")) for p in s.patients[:_SHOWN]], max(0, len(s.patients) - _SHOWN)) for s in signals]
    return render(request, PAGE, "desk/trail/unusual.html", found=found, rows=rows, problem=problem, since=form.get("since") or f"{since.astimezone(zones.here()):%Y-%m-%d}", until=form.get("until") or f"{access.today:%Y-%m-%d}")
