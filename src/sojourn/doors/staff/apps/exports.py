"""/apps/exports: bulk exports under way and done, for those who administer apps; and stopping one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time
from sojourn.gate.bulk import overseeing
from sojourn.gate.trail import words
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

COLUMNS = (("who", "Who", ""), ("what", "What", ""), ("state", "State", ""), ("lines", "Resources", "number"), ("size", "Size", "number"), ("times", "Asked, and over", ""), ("act", "What can be done", ""))
_LEVELS = {"system": "Everything that it may see", "patient": "Patients' records", "group": "Records of a group"}
_STATES = {"waiting": ("waits", "plain"), "running": ("being made", "blue"), "done": ("can be downloaded", "green"), "failed": ("failed", "red")}
_KILO = 1000


def size_text(size: float) -> str:
    """Bytes as people say them."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < _KILO:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"  # noqa: PLR2004 - two digits say enough
        size /= _KILO
    return f"{size:,.1f} TB"


def _row(one: overseeing.Listed) -> dict[str, Any]:
    name, tone = _STATES[one.state]
    far = f", {one.done} of {one.kinds} kinds" if one.state == "running" else ""
    what = f"{_LEVELS[one.level]}, {one.types} {'kind' if one.types == 1 else 'kinds'}" + (", changes only" if one.since else "")
    times = (day_and_time(one.begun.isoformat()), day_and_time(one.expires.isoformat()))
    return {"id": one.id, "who": one.name, "account": one.account, "why": words.purpose(one.purpose), "what": what, "state": (name + far, tone), "lines": f"{one.lines:,}", "unit": "resource" if one.lines == 1 else "resources", "size": size_text(one.size), "times": times}


async def show(request: Request) -> Response:
    """GET /apps/exports."""
    return PAGES.render(request, "apps/exports.html", rows=[_row(one) for one in await overseeing.every(request.state.access)], columns=COLUMNS)


async def stop(request: Request) -> Response:
    """POST /apps/exports: end one."""
    await overseeing.stop(request.state.access, (await sent(request)).get("export", ""))
    return redirect(request, "/apps/exports", "export-stopped")
