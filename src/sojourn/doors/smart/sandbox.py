"""A sample app of ours in the demo: a page and a script, to see a launch from first to last click."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse, Response

from sojourn.base.errors import NotFound
from sojourn.doors.smart.wellknown import tenant_of
from sojourn.gate.apps import registry

if TYPE_CHECKING:
    from starlette.requests import Request

_HERE = Path(__file__).parent
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
_PRIVACY = "<p>This sample keeps nothing: what it shows is in this tab, and gone when you close it.</p>"
NAME, PATIENTS = "Trend Lines", "My Trend Lines"


async def app(request: Request) -> Response:
    """GET /sandbox/app: the page of the sample app. It asks for nothing that another app could not ask for."""
    _only_in_a_sandbox(request)
    found = {a.name: a.id for a in await registry.every(request.app.state.gate.house.db, tenant_of(request)) if a.active}
    page = (_HERE / "sandbox_app.html").read_text("utf-8")
    told = page.replace("{{staff}}", found.get(NAME, "")).replace("{{patient}}", found.get(PATIENTS, "")).replace("{{base}}", request.app.state.gate.house.base)
    return HTMLResponse(told.replace("{{privacy}}", _PRIVACY if "privacy" in request.query_params else ""), headers={"content-security-policy": _POLICY, "cache-control": "no-store", "referrer-policy": "no-referrer"})


async def part(request: Request) -> Response:
    """GET /sandbox/app.js and /sandbox/app.css."""
    _only_in_a_sandbox(request)
    kind = "text/javascript" if request.url.path.endswith(".js") else "text/css"
    return Response((_HERE / f"sandbox_app.{'js' if kind.endswith('javascript') else 'css'}").read_bytes(), media_type=kind, headers={"cache-control": "no-store", "x-content-type-options": "nosniff"})


def _only_in_a_sandbox(request: Request) -> None:
    if not request.app.state.about.demo:
        raise NotFound
