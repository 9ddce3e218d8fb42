"""GET and POST /orders/catalog/{panel}: one test, if it is done here, and what its result says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sojourn.base.errors import Malformed, NotFound, VersionConflict
from sojourn.care.orders import catalog, components
from sojourn.care.orders.catalog import Panel
from sojourn.care.orders.components import Component
from sojourn.doors.staff.pages import PAGES
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

_SPARE: Final = 3
"""Empty rows for more components, each time the page is shown."""
_FIELDS: Final = ("title", "kind", "unit", "low", "high", "code", "source")


async def show(request: Request) -> Response:
    """One test of the catalog."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Save it as it is to be from now on; orders of it stay as they are."""
    access, said = request.state.access, await sent(request)
    known, _ = await _known(access, request.path_params["panel"])
    try:
        await catalog.change(access, _typed(known, said))
    except Malformed as error:
        return await _page(request, error.message, 422, said)
    except VersionConflict:
        return await _page(request, "Somebody changed it at this moment. It is shown as it is now.", 412)
    return redirect(request, "/orders/catalog", "saved")


async def _known(access: Access, key: str) -> tuple[Panel, list[Panel]]:
    panels = await catalog.panels(access)
    found = next((p for p in panels if p.key == key), None)
    if found is None:
        raise NotFound
    return found, panels


def _typed(known: Panel, said: dict[str, str]) -> Panel:
    """The test as somebody wrote it. Raises Malformed."""
    return known._replace(
        title=said.get("title", "")[:200], specimen=said.get("specimen", "")[:100], fasting=said.get("fasting") == "yes", code=said.get("code", "")[:20], source=said.get("source", "")[:300],
        here=said.get("here") == "yes", kit=said.get("kit", "")[:100], confirm=said.get("confirm", "")[:80], components=tuple(_components(known, said)),
    )  # fmt: skip


def _components(known: Panel, said: dict[str, str]) -> list[Component]:
    """The rows that have a name; one that keeps its place keeps its key, so that its values stay one line over time."""
    out = []
    for n in range(components.MANY):
        row = {name: said.get(f"c{n}.{name}", "").strip()[:300] for name in _FIELDS}
        if row["title"]:
            key = next((c.key for c in known.components if c.key == said.get(f"c{n}.key")), "")
            out.append(
                components.made(
                    row["title"][:100],
                    row["kind"],
                    code=row["code"],
                    source=row["source"],
                    unit=row["unit"][:30],
                    low=row["low"][:20],
                    high=row["high"][:20],
                    key=key,
                )
            )
    return out


def _rows(known: Panel, said: dict[str, str] | None) -> list[dict[str, str]]:
    """The components as rows of the form: as they were sent, else as they are, with empty ones after them."""
    if said:
        return [{name: said.get(f"c{n}.{name}", "") for name in ("key", *_FIELDS)} for n in range(components.MANY) if f"c{n}.title" in said]
    empty = {"key": "", "title": "", "kind": components.SIGN, "unit": "", "low": "", "high": "", "code": "", "source": ""}
    return [*(c._asdict() for c in known.components), *([empty] * min(_SPARE, components.MANY - len(known.components)))]


async def _page(request: Request, problem: str = "", status: int = 200, said: dict[str, str] | None = None) -> Response:
    access = request.state.access
    known, panels = await _known(access, request.path_params["panel"])
    held = {
        "title": known.title, "specimen": known.specimen, "fasting": "yes" if known.fasting else "", "code": known.code, "source": known.source if known.code else "", "here": "yes" if known.here else "", "kit": known.kit,
        "confirm": known.confirm,
    }  # fmt: skip
    return PAGES.render(
        request, "orders/panel.html", status=status, panel=known, said=said if said is not None else held, rows=_rows(known, said), kinds=list(components.KINDS.items()),
        others=[p for p in panels if p.key != known.key], problem=problem,
    )  # fmt: skip
