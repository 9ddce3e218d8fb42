"""The templates of this door, and pages that name nobody who is signed in to anything else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import StaleCredential
from sojourn.gate.security import alive
from sojourn.web import frame, session
from sojourn.web.page import Pages

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

PAGES = Pages(Path(__file__).parent)


def page(request: Request, template: str, *, status: int = 200, leads_to: str = "", **values: object) -> Response:
    """A page without the places of the staff app. leads_to: the registered address that a form on it may lead on to."""
    response = PAGES.render(request, template, status=status, **{"who": request.state.access, "access": None, "limits": None, **values})
    if leads_to:
        response.headers["content-security-policy"] = frame.leading_to(leads_to, request.state.nonce)
    return response


def known(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a page, before which whoever is signed in is looked at anew: who was let go is a stranger, also where this process was not told."""

    @wraps(handler)
    async def shown(request: Request) -> Response:
        access, gate = request.state.access, request.app.state.gate
        try:
            if access is not None:
                await alive(access)
        except StaleCredential:
            gate.identity.forget(access.caller)
            request.state.access = await gate.renewed(access)
            if request.state.access is None:
                session.forget(request)
        return await handler(request)

    return shown


def named(patient: dict[str, Any]) -> str:
    """A patient's name as it is written in a list."""
    names = [n for n in patient.get("name", ()) if isinstance(n, dict)]
    best = next((n for n in names if n.get("use") in ("usual", "official")), names[0] if names else {})
    return " ".join([*best.get("given", ()), best.get("family", "")]).strip() or best.get("text", "") or "Name not recorded"


def born(patient: dict[str, Any]) -> str:
    """`born 4 Mar 1988`."""
    text = str(patient.get("birthDate", ""))
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return f"born {text}" if text else ""
    return f"born {day:%-d %b %Y}"
