"""The lock of a handed-over device: every address answers with its one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request

from sojourn.gate import handover
from sojourn.web import session
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

BACK = "/handover/back"
_OWNERS = (BACK, f"{BACK}/passkey")
_SAFE = ("GET", "HEAD")


class Locked:
    """Middleware of the staff door, behind the sessions. A device that was not handed over passes untouched.

    Scripts and styles are served outside of it. What the page sends, and what its owner sends to take the device back, goes through;
    any other address shows the page, and any other sending leads to it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        access = scope.get("state", {}).get("handed_to") if scope["type"] == "http" else None
        if access is None:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        handed = await handover.look(access)
        if handed is None:
            response = redirect(request, "/sign-in", "session-ended")
            session.end(request, response)
            await response(scope, receive, send)
            return
        path = scope["path"]
        scope["state"]["handed"] = handed
        if handed.shows(path):
            scope["state"]["access"] = access
        elif path in _OWNERS and (scope["method"] == "POST" or path == BACK):
            pass
        elif scope["method"] not in _SAFE or request.headers.get("hx-request") == "true":
            await redirect(request, BACK if handed.done else handed.path)(scope, receive, send)
            return
        else:
            shown = BACK if handed.done else handed.path
            scope = {**scope, "path": shown, "raw_path": shown.encode(), "query_string": b""}
            if not handed.done:
                scope["state"]["access"] = access
        await self.app(scope, receive, send)
