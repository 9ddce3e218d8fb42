"""GET /apps: what there is to use; GET /apps/mine: what one has allowed; opening one from a chart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sojourn.base.errors import NotFound
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import code_text, day_text
from sojourn.gate.apps import asking, ending, registering, registry, scopewords
from sojourn.gate.apps.registry import App
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

STATES = {"active": ("active", "plain"), "requested": ("waits for approval", "amber"), "stopped": ("stopped", "plain")}
COLUMNS = (("name", "Name", ""), ("uses", "Used by", ""), ("whose", "Whose", ""), ("state", "State", ""))
_WHOSE = {"inside": "ours or under contract", "chosen": "patients' choice", "outside": "outside organization"}
_USES = {"patient": "patients", "staff": "people who work here", "service": "no person"}
_VISITS = 5


def may_administer(access: Access) -> bool:
    """Whether somebody registers and stops apps."""
    return access.may("App", "administer")


def sees(app: App) -> list[str]:
    """What an app may ask for at most, in words."""
    return [f"{can} {what[0].lower()}{what[1:]}" for what, can in scopewords.listed(app.scopes)]


async def show(request: Request) -> Response:
    """GET /apps."""
    access: Access = request.state.access
    found = await registering.gallery(access)
    every = await registering.every(access) if may_administer(access) else []
    rows = [
        {"app": a.id, "name": a.name, "uses": " and ".join(_USES[u] for u in a.uses), "whose": _WHOSE[a.whose], "state": STATES[a.state]}
        for a in sorted(every, key=lambda a: (a.state != "requested", a.state == "stopped", a.name.casefold()))
    ]  # fmt: skip
    return PAGES.render(
        request, "apps/apps.html", apps=[(a, sees(a)) for a in found], rows=rows, columns=COLUMNS, administers=may_administer(access), waiting=sum(a.state == "requested" for a in every)
    )


async def mine(request: Request) -> Response:
    """GET /apps/mine."""
    return PAGES.render(request, "apps/mine.html", rows=ending.by_app(await ending.mine(request.state.access)))


async def stop_mine(request: Request) -> Response:
    """POST /apps/mine."""
    await ending.stop_mine(request.state.access, (await sent(request)).get("app", ""))
    return redirect(request, "/apps/mine", "app-stopped")


# --- from a chart -------------------------------------------------------------------------------------------------------------------


async def room(request: Request) -> Response:
    """GET /patients/{id}/apps: the apps that open beside this chart."""
    access, patient = request.state.access, request.path_params["id"]
    about, found, visits = await asyncio.gather(banner.fetch(access, patient), registering.gallery(access), _visits(access, patient))
    here = [(a, sees(a)) for a in found if a.launch]
    return PAGES.render(request, "apps/room.html", banner=about, parts=allowed(access), here="apps", apps=here, visits=visits)


async def _visits(access: Access, patient: str) -> list[tuple[str, str]]:
    """The last visits that an app can be told of, the one that goes on first."""
    if not access.may("Encounter", "search"):
        return []
    found = await access.search("Encounter", [("patient", patient), ("_sort", "-date")], count=_VISITS)
    rows = [(s.resource.get("status") != "in-progress", s.id, s.resource) for s in found.matches]
    return [(id_, _visit(resource)) for _, id_, resource in sorted(rows, key=lambda row: row[0])]


def _visit(resource: dict[str, object]) -> str:
    kinds = resource.get("type")
    period = resource.get("period")
    kind = code_text(kinds[0]) if isinstance(kinds, list) and kinds else "Visit"
    day = day_text(str(period.get("start", ""))) if isinstance(period, dict) else ""
    return f"{kind}, {day}" if day else kind


async def launch(request: Request) -> Response:
    """POST /patients/{id}/apps: open one. The page leads on by itself, since a form may not lead to another site."""
    access, patient = request.state.access, request.path_params["id"]
    fields = await sent(request)
    app = await registry.one(access.house.db, access.tenant, fields.get("app", ""))
    if app is None:
        raise NotFound
    secret = await asking.launch(access, app, patient, fields.get("encounter", ""))
    address = app.launch + ("&" if "?" in app.launch else "?") + urlencode({"iss": access.house.base, "launch": secret})
    return PAGES.render(request, "apps/opening.html", app=app, address=address, back=f"/patients/{patient}/apps")
