"""The library of forms: made, copied, brought in, handed out, published and retired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import Invalid, NotFound
from sojourn.care.forms import library, shipping
from sojourn.care.forms.faults import Fault, faults
from sojourn.care.forms.filling import fill
from sojourn.care.forms.model import Form, read
from sojourn.care.forms.responses import beginning
from sojourn.care.measures import licensed
from sojourn.doors.staff import keeping
from sojourn.doors.staff.forms import filling
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text
from sojourn.fhir import codec
from sojourn.fhir.codec import BadJson
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

LARGEST = 2_000_000


class Row(NamedTuple):
    """One form of the list: its newest published version, and its draft if there is one."""

    form: Form
    draft: Form | None
    versions: int
    changed: str


def may_change(access: Access) -> bool:
    """Whether the role makes forms."""
    return all(access.may(type_, action) for type_, action in library.CHANGE)


async def show(request: Request) -> Response:
    """GET /forms."""
    return await _list(request)


async def _list(request: Request, problem: str = "", title: str = "", status: int = 200) -> Response:
    access = request.state.access
    every = [s.resource for s in await library.stored(access)]
    own = [read(r) for r in every if library.is_form(r)]
    by_url: dict[str, list[Form]] = {}
    for form in own:
        by_url.setdefault(form.url, []).append(form)
    rows = [_row(forms) for forms in by_url.values()]
    return PAGES.render(
        request, "forms/library.html", status=status, rows=sorted(rows, key=lambda r: (r.form.status == "retired", r.form.title.casefold())), shipped=shipping.current(access.house.base),
        measures=sorted(licensed.laid_over(every).values(), key=lambda i: i.short), may_change=may_change(access), problem=problem, typed=title,
    )  # fmt: skip


def _row(forms: list[Form]) -> Row:
    active = next((f for f in forms if f.status == "active"), None)
    draft = next((f for f in forms if f.status == "draft"), None)
    shown = active or draft or forms[0]
    return Row(shown, draft, len(forms), day_text(shown.resource.get("date")))


async def begin(request: Request) -> Response:
    """POST /forms: a new form by its title, or one that is brought in as JSON, pasted or as a file."""
    access, form = request.state.access, await request.form()
    title, pasted = str(form.get("title") or ""), str(form.get("json") or "")
    upload = form.get("file")
    if upload is not None and not isinstance(upload, str) and upload.filename:
        pasted = (await upload.read(LARGEST)).decode("utf-8", "replace")
    try:
        if pasted.strip():
            id_ = await library.bring_in(access, codec.loads(pasted))
        else:
            id_ = await library.begin(access, title)
    except BadJson as error:
        return await _list(request, f"This is not JSON that can be read: {error}.", title, 422)
    except Invalid as error:
        return await _list(request, error.message, title, 422)
    return redirect(request, f"/forms/{id_}/edit")


async def one(request: Request) -> Response:
    """GET /forms/{form}: a form in one version, as it will be asked; its other versions; what is wrong with a draft."""
    return await _one(request, [])


async def _one(request: Request, stops: list[Fault], status: int = 200) -> Response:
    access = request.state.access
    form, version = await library.opened(access, request.path_params["form"])
    every = await library.versions(access, form)
    own = form.id not in shipping.shipped(access.house.base)
    found = stops or (faults(form.resource) if form.status == "draft" else [])
    filled = fill(form, beginning(form))
    return PAGES.render(
        request, "forms/one.html", status=status, form=form, version=version, versions=[(f, day_text(f.resource.get("date"))) for f in every], faults=found, stops=[f for f in found if f.stops], own=own,
        text_at=lambda link: form.by_link[link].text if link in form.by_link else "", may_change=may_change(access), filled=filled, field=keeping.FIELD, row="", words_of=filling.words_of,
        questions=sum(1 for i in form.all if i.is_question), attempted=bool(stops),
    )  # fmt: skip


async def act(request: Request) -> Response:
    """POST /forms/{form}: publish, retire, begin the next version or a copy of one's own, put a draft away."""
    access, given = request.state.access, await sent(request)
    id_, do = request.path_params["form"], given.get("do", "")
    form, version = await library.opened(access, id_)
    if do == "next":
        return redirect(request, f"/forms/{await library.next_version(access, form)}/edit")
    if id_ in shipping.shipped(access.house.base):
        raise NotFound
    if do == "publish":
        stops = await library.publish(access, form, given.get("version") or version)
        return await _one(request, stops, 422) if stops else redirect(request, f"/forms/{id_}", "form-published")
    if do == "retire":
        await library.retire(access, id_)
        return redirect(request, f"/forms/{id_}", "form-retired")
    if do == "discard":
        await library.discard(access, id_)
        return redirect(request, "/forms", "discarded")
    return redirect(request, f"/forms/{id_}")


async def try_out(request: Request) -> Response:
    """POST /forms/{form}/try: the questions that apply to what is typed in the preview. Nothing is kept."""
    form, _ = await library.opened(request.state.access, request.path_params["form"])
    given = await keeping.sent(request, form)
    filled = fill(form, given.raw, {"patient": [], "user": [], "questionnaire": [form.resource]})
    return PAGES.render(request, "forms/one.html", block="preview", **_preview(form, filled, given.do))


def _preview(form: Form, filled: Any, do: str) -> dict[str, Any]:
    row = do.partition(":")[2] if do.startswith("add:") else ""
    return {"form": form, "filled": filled, "field": keeping.FIELD, "row": row, "words_of": filling.words_of, "faults": [], "stops": [], "versions": [], "own": False, "version": "",
            "text_at": str, "may_change": False, "questions": 0, "attempted": False}  # fmt: skip


async def hand_out(request: Request) -> Response:
    """GET /forms/{form}/export: the Questionnaire as FHIR JSON."""
    from starlette.responses import Response as Plain

    form, _ = await library.opened(request.state.access, request.path_params["form"])
    name = "".join(c if c.isalnum() else "-" for c in form.title.lower())[:60].strip("-") or "form"
    headers = {"content-disposition": f'attachment; filename="{name.encode("ascii", "ignore").decode()}-{form.version}.json"'}
    return Plain(codec.dumps(library.exported(form)), media_type="application/fhir+json", headers=headers)
