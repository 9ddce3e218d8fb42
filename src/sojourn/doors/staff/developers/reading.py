"""The documents for those who write programs, as pages without a sign-in: recipes, the API, its doors."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base.errors import NotFound
from sojourn.doors.staff.developers import markdown
from sojourn.doors.staff.pages import PAGES

if TYPE_CHECKING:
    from markupsafe import Markup
    from starlette.requests import Request
    from starlette.responses import Response

_PACKED = Path(__file__).parent / "documents"
FOLDER = _PACKED if _PACKED.is_dir() else Path(__file__).parents[5] / "docs"
"""Where the documents lie: packed beside this module (pyproject.toml, force-include), or in a checkout."""
RECIPES = ("quick-start", "consented-summary", "adt", "laboratory", "messages", "warehouse", "app")
REFERENCE = ("api", "smart", "bulk", "subscriptions", "cds-hooks", "hl7v2", "messaging", "ccda", "consent")
_FILES = {f"recipes/{name}.md": name for name in RECIPES} | {f"{name}.md": name for name in REFERENCE}


class Document(NamedTuple):
    """One page: `name` is its place under /developers, `body` is ready to show."""

    name: str
    title: str
    body: Markup


@cache
def documents() -> dict[str, Document]:
    """Every document by its name, read once."""
    found = {}
    for path, name in _FILES.items():
        text = (FOLDER / path).read_text("utf-8")
        found[name] = Document(name, markdown.title(text), markdown.html(text, _links_of(path)))
    return found


def _links_of(path: str) -> markdown.Link:
    """Links between documents become links between pages; one to a file that is no page becomes plain words."""
    folder = path.rpartition("/")[0]

    def link(place: str) -> str:
        if place.startswith("https://"):
            return place
        file, _, part = place.partition("#")
        parts = [*folder.split("/"), *file.split("/")] if file else path.split("/")
        while ".." in parts:
            n = parts.index("..")
            del parts[max(n - 1, 0) : n + 1]
        whole = "/".join(p for p in parts if p)
        if whole == "recipes/README.md":
            return "/developers#recipes"
        name = _FILES.get(whole, "")
        return f"/developers/{name}" + (f"#{part}" if part else "") if name else ""

    return link


async def show(request: Request) -> Response:
    """GET /developers/{document}."""
    found = documents().get(request.path_params["document"])
    if found is None:
        raise NotFound
    return PAGES.render(request, "developers/document.html", document=found, recipes=listed(RECIPES), reference=listed(REFERENCE))


def listed(names: tuple[str, ...]) -> list[Document]:
    """These documents, in this order."""
    return [documents()[name] for name in names]
