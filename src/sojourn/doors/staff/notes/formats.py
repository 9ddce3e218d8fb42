"""The formats of notes: what stands in each, and changing them, in versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Malformed, NotFound, VersionConflict
from sojourn.care.notes import templates
from sojourn.care.notes.model import CHECKS, HEADER, Section, Template
from sojourn.care.notes.services import services
from sojourn.doors.staff.pages import PAGES
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

NEW = "new"
_SPARE = 3
"""Empty rows for further sections."""


@dataclass(slots=True)
class Row:
    """A section as it stands in the form."""

    key: str = ""
    title: str = ""
    hint: str = ""
    required: bool = True


async def show(request: Request) -> Response:
    """GET /notes/templates."""
    known = await templates.kept(request.state.access)
    return PAGES.render(request, "notes/formats.html", known=list(known.values()))


async def one(request: Request) -> Response:
    """GET /notes/templates/{template}: the format in a form; `new`: one that begins as an individual note."""
    return _form(request, *await _found(request))


async def save(request: Request) -> Response:
    """POST: the next version of a format, or a new one."""
    access = request.state.access
    before, new = await _found(request)
    form = await request.form()
    made = _read(form, before.template)
    if new:
        known = await templates.kept(access)
        made = made._replace(key=templates.keyed(made.title, known), version="0", kind="individual", apart="")
        before = templates.Kept(made)
    try:
        await templates.save(access, before, made)
    except (Malformed, VersionConflict) as error:
        return _form(request, before._replace(template=made), new, str(error), status=422)
    return redirect(request, "/notes/templates", "saved")


async def _found(request: Request) -> tuple[templates.Kept, bool]:
    key = request.path_params["template"]
    known = await templates.kept(request.state.access)
    if key == NEW:
        return templates.Kept(known["dap"].template._replace(title="", key="")), True
    if key not in known:
        raise NotFound
    return known[key], False


def _read(form: FormData, before: Template) -> Template:
    """A template from its form. A section without a name is taken away; a new one gets a key of its own."""

    def said(name: str) -> list[str]:
        return [value for value in form.getlist(name) if isinstance(value, str)]

    rows = zip(said("key"), said("section"), said("hint"), strict=False)
    needed = set(said("needed"))
    sections: list[Section] = []
    for n, (key, title, hint) in enumerate(rows):
        if title.strip():
            taken = {s.key for s in sections} | {s.key for s in before.sections}
            own = key if any(s.key == key for s in before.sections) else templates.keyed(title, taken)
            sections.append(Section(own, " ".join(title.split())[:80], hint.strip()[:300], str(n) in needed))
    header = tuple(f for f in HEADER if f in said("header"))
    return before._replace(
        title=" ".join(str(form.get("title", "")).split())[:80], sections=tuple(sections), header=header, required=tuple(f for f in header if f in said("required")),
        checks=tuple(c for c in CHECKS if c in said("checks")), services=tuple(said("services")), active=form.get("active") == "yes",
    )  # fmt: skip


def _form(request: Request, kept: templates.Kept, new: bool, problem: str = "", *, status: int = 200) -> Response:
    template = kept.template
    rows = [Row(*section) for section in template.sections] + [Row(required=False) for _ in range(_SPARE)]
    known = [(s.key, s.title) for s in services(request.state.access.today).values()]
    values: dict[str, Any] = {"kept": kept, "shape": template, "rows": rows, "new": new, "problem": problem, "header": HEADER, "checks": CHECKS, "services": known}
    return PAGES.render(request, "notes/format.html", status=status, **values)
