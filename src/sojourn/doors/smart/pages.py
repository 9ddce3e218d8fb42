"""The templates of this door, and pages that name nobody who is signed in to anything else."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sojourn.web import frame
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
