"""Density, theme and single keys, chosen without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.web.forms import sent
from sojourn.web.page import redirect
from sojourn.web.preferences import CHOICES, remember

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


async def change(request: Request) -> Response:
    """POST /preferences: remember what was chosen and go back to the page it was chosen on."""
    form = await sent(request)
    response = redirect(request, own_path(form.get("back", "/")))
    for name in CHOICES:
        remember(response, name, form.get(name, ""))
    return response


def own_path(path: str, otherwise: str = "/") -> str:
    """A path on this server; `otherwise` for anything that a browser could take as another place."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if ours else otherwise
