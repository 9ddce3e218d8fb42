"""/oauth/apps: the apps that one has allowed, and stopping them; the same as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, RedirectResponse, Response

from sojourn.base import errors
from sojourn.doors.smart import signin
from sojourn.doors.smart.pages import page
from sojourn.gate.apps import ending
from sojourn.web import session
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from starlette.requests import Request

    from sojourn.gate.access import Access


async def show(request: Request) -> Response:
    """GET /oauth/apps."""
    access: Access | None = request.state.access
    if access is None:
        return await signin.ask(request, None, "")
    return page(request, "mine.html", rows=ending.by_app(await ending.mine(access)), stopped=request.query_params.get("stopped") == "1")


async def stop(request: Request) -> Response:
    """POST /oauth/apps/stop."""
    access: Access | None = request.state.access
    if access is None:
        return await signin.ask(request, None, "")
    await ending.stop_mine(access, (await sent(request)).get("app", ""))
    return RedirectResponse("/oauth/apps?stopped=1", 303)


async def leave(request: Request) -> Response:
    """POST /oauth/sign-out."""
    if token := session.token_of(request):
        await request.app.state.gate.sign_out(token)
    response = RedirectResponse("/oauth/apps", 303)
    session.end(request, response)
    return response


# --- for programs of the person -----------------------------------------------------------------------------------------------------


async def permissions(request: Request) -> Response:
    """GET and DELETE /oauth/permissions: with a person's own token. An app's token tells of that app alone, and can end only that."""
    access = await _bearer(request)
    if access is None:
        return JSONResponse({"error": "invalid_token"}, 401, headers={"www-authenticate": 'Bearer realm="Sojourn"', "cache-control": "no-store"})
    app = request.query_params.get("client_id", "")
    if request.method == "DELETE":
        if access.caller.app not in (None, app):
            return JSONResponse({"error": "insufficient_scope"}, 403)
        try:
            await ending.stop_mine(access, app)
        except errors.NotFound:
            return JSONResponse({"error": "not_found"}, 404)
        return Response(status_code=204)
    rows = [row for row in ending.by_app(await ending.mine(access)) if access.caller.app in (None, row["client"])]
    said = [
        {"client_id": r["client"], "client_name": r["name"], "allowed": r["first"].isoformat(), "last_used": r["used"].isoformat() if r["used"] else None, "sees": [f"{can} {what}" for what, can in r["scopes"]]}
        for r in rows
    ]  # fmt: skip
    return JSONResponse({"permissions": said}, headers={"cache-control": "no-store"})


async def _bearer(request: Request) -> Access | None:
    """Whoever the token stands for; None for nobody."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        return None
    access: Access | None = await request.app.state.gate.bearer(secret.strip())
    return access
