"""The editor of a form: its outline and one item of it, every change kept at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sojourn.base.errors import Conflict, Invalid, VersionConflict
from sojourn.care.forms import editing, library
from sojourn.care.forms.editing import KINDS, TYPES, Fields
from sojourn.care.forms.faults import faults
from sojourn.care.forms.model import OPERATORS, Form, Json, read
from sojourn.doors.staff.pages import PAGES
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

CHANGED_ELSEWHERE = "Somebody else changed this form meanwhile. What you typed is in the fields below and is not saved yet."


async def show(request: Request) -> Response:
    """GET /forms/{form}/edit?item=…: the outline, and the fields of one item or of the form."""
    form, version = await _draft(request)
    return _page(request, form, version, request.query_params.get("item", ""))


async def send(request: Request) -> Response:
    """POST: what is in the fields, then what the button says: add, move, remove, undo."""
    access, given = request.state.access, await request.form()
    form, version = await _draft(request)
    link, do, seen = str(given.get("item") or ""), str(given.get("do") or "keep"), str(given.get("version") or version)
    if do == "undo":
        before = await access.vread("Questionnaire", form.id, request.query_params.get("undo", ""))
        await library.save(access, {**before.resource, "status": "draft"}, version)
        return redirect(request, _path(form, link))
    fields = _fields(given) if link in form.by_link else None
    try:
        changed = _applied(form.resource, link, given, fields)
    except ValueError as error:
        return _page(request, form, version, link, fields=fields, problem=str(error), status=422)
    if seen != version:
        return _page(request, read(changed), version, link, problem=CHANGED_ELSEWHERE, status=409)
    changed, link, undo = _acted(changed, link, do, version)
    if changed != form.resource:
        try:
            version = await library.save(access, changed, version)
        except VersionConflict:
            return _page(request, read(changed), version, link, problem=CHANGED_ELSEWHERE, status=409)
        except Invalid as error:
            said = "; ".join(getattr(i, "diagnostics", "") for i in error.issues) or error.message
            return _page(request, form, version, link, fields=fields, problem=f"This cannot be kept: {said}", status=422)
    if do == "keep":
        return _page(request, read(changed), version, link)
    return redirect(request, _path(form, link) + (f"&undo={undo}" if undo else ""))


def _acted(resource: Json, link: str, do: str, version: str) -> tuple[Json, str, str]:
    """The form after the button, the item that is open then, and the version to go back to after a removal."""
    if do.startswith("add:"):
        made, new = editing.added(resource, do.removeprefix("add:"), link)
        return made, new, ""
    if do in ("up", "down", "in", "out"):
        return editing.moved(resource, link, do), link, ""
    if do == "remove":
        return editing.removed(resource, link), "", version
    return resource, link, ""


def _applied(resource: Json, link: str, given: FormData, fields: Fields | None) -> Json:
    if fields is not None:
        return editing.changed(resource, link, fields)
    if "title" in given:
        return editing.described(resource, *(str(given.get(k) or "") for k in ("title", "description", "kind", "copyright")))
    return resource


def _fields(given: FormData) -> Fields:
    def text(name: str) -> str:
        return str(given.get(name) or "")

    def on(name: str) -> bool:
        return given.get(name) == "yes"

    conditions = list(zip(*([str(v) for v in given.getlist(name)] for name in ("when-question", "when-operator", "when-value")), strict=False))
    return Fields(
        text("text"), text("type"), text("prefix"), text("help"), on("required"), on("repeats"), on("hidden"), on("read-only"), on("by-clinician"), on("drop-down"), text("options").replace("\r\n", "\n"),
        text("unit"), [(q, o, v) for q, o, v in conditions if q], text("behavior") == "any", text("calculated"), text("initial"), text("code"), on("extract"),
    )  # fmt: skip


async def _draft(request: Request) -> tuple[Form, str]:
    form, version = await library.opened(request.state.access, request.path_params["form"])
    if form.status != "draft" or not version:
        raise Conflict("A published version is not changed: begin the next one.")
    return form, version


def _path(form: Form, link: str) -> str:
    return f"/forms/{form.id}/edit?item={quote(link, safe='')}"


def _page(request: Request, form: Form, version: str, link: str, *, fields: Fields | None = None, problem: str = "", status: int = 200) -> Response:
    item = form.by_link.get(link)
    found = faults(form.resource)
    outline = [(i, len(_above(form, i.link))) for i in form.all]
    shown: dict[str, Any] = {
        "form": form, "version": version, "item": item, "fields": fields or (editing.fields_of(form, item) if item else None), "outline": outline, "faults": found, "faulty": {f.place for f in found},
        "here_faults": [f for f in found if f.place == link], "problem": problem, "types": TYPES, "kinds": KINDS, "operators": OPERATORS, "undo": request.query_params.get("undo", ""),
        "others": [i for i in form.all if i.is_question and i.link != link], "quoted": lambda text: quote(text, safe=""),
    }  # fmt: skip
    return PAGES.render(request, "forms/editor.html", block="editing", status=status, **shown)


def _above(form: Form, link: str) -> list[str]:
    """The sections that an item stands in."""

    def walk(items: Any, over: list[str]) -> list[str] | None:
        for item in items:
            if item.link == link:
                return over
            found = walk(item.items, [*over, item.link])
            if found is not None:
                return found
        return None

    return walk(form.items, []) or []
