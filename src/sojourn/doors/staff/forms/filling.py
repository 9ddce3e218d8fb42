"""A form being filled in: kept as one types, checked, sent; by staff or by the client."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import ids
from sojourn.base.errors import NotFound
from sojourn.care.forms import actions, library, responses, values
from sojourn.care.forms.filling import Filled, Node, fill
from sojourn.care.forms.model import Form
from sojourn.care.risk import triage
from sojourn.doors.staff import keeping
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.handover.handing import finished
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


class Opened(NamedTuple):
    """A form over a chart. earlier: the newest answers to it, to stand beside; raw, seen: what is typed and the stamp that it was kept under."""

    about: banner.Banner
    form: Form
    earlier: Mapping[str, Any] | None
    raw: Mapping[str, Sequence[str]]
    seen: str
    updated: Any = None
    window: str = ""
    turn: int = 0


async def _open(request: Request) -> Opened:
    access, patient = request.state.access, request.path_params["id"]
    (form, _), about = await asyncio.gather(library.opened(access, request.path_params["form"]), banner.fetch(access, patient))
    draft, before = await asyncio.gather(keeping.kept(access, keeping.key_of(patient, form)), actions.answered(access, patient, count=60))
    if form.status != "active" and draft is None:
        raise NotFound  # only what is published can be begun; what was begun can be finished
    earlier = actions.latest(before, form)
    if draft:
        return Opened(about, form, earlier, draft.raw, draft.stamp, draft.updated, ids.new_id("window"))
    return Opened(about, form, earlier, {}, "", window=ids.new_id("window"))


async def show(request: Request) -> Response:
    """GET /patients/{id}/forms/{form}: the form, with what was typed before; else with what it begins with, or the answers of the last time."""
    at = await _open(request)
    variables = await actions.variables(request.state.access, at.about.id, at.form)
    if not at.raw:
        begun = responses.beginning(at.form, variables)
        again = request.query_params.get("from") == "last" and at.earlier is not None
        at = at._replace(raw=responses.typed_of(at.form, at.earlier) if again and at.earlier else begun)
    return _page(request, at, fill(at.form, at.raw, variables))


async def send(request: Request) -> Response:
    """POST: keep what is typed, add or take away a row, decide between two windows, put the draft away, or send the answers."""
    access, at = request.state.access, await _open(request)
    given = await keeping.sent(request, at.form)
    if given.do == "discard":
        await keeping.drop(access, keeping.key_of(at.about.id, at.form))
        return redirect(request, _room(at), "discarded")
    if given.do == "theirs":
        return redirect(request, _here(at, request))
    if given.do == "submit" and given.seen and at.updated is None:
        return redirect(request, _room(at), "form-sent")  # the same form was sent a moment ago: a second click
    kept = await keeping.keep(access, at.about.id, keeping.key_of(at.about.id, at.form), given, over=at.seen if given.do == "mine" else None)
    at = at._replace(raw=given.raw, seen=kept.stamp, updated=access.now, window=given.window or at.window, turn=given.turn)
    variables = await actions.variables(access, at.about.id, at.form)
    filled = fill(at.form, at.raw, variables, check=given.do == "submit")
    if kept.conflict:
        return _page(request, at, filled, conflict=True, status=409 if given.do == "submit" else 200)
    if given.do == "submit":
        if filled.problems:
            return _page(request, at, filled, status=422)
        return await _finish(request, at, filled)
    if given.do == "save":
        return redirect(request, _room(at), "draft-kept")
    return _page(request, at, filled, row=given.do.partition(":")[2] if given.do.startswith("add:") else "")


async def _finish(request: Request, at: Opened, filled: Filled) -> Response:
    access = request.state.access
    by_client = request.url.path.endswith("/client")
    id_ = await actions.submit(access, at.about.id, filled, by_client=by_client)
    await keeping.drop(access, keeping.key_of(at.about.id, at.form))
    if by_client and getattr(request.state, "handed", None) is not None:
        return await finished(request)
    if by_client:
        return redirect(request, f"/patients/{at.about.id}/forms/{at.form.id}/client?done=yes")
    made = actions.changes(access, at.about.id, filled)[1]
    if access.may("ClinicalImpression", "search") and any(triage.of(change.resource or {}, access.today) for change in made):
        return redirect(request, f"/patients/{at.about.id}/risk", "risk-now")
    return redirect(request, f"/patients/{at.about.id}/forms/answers/{id_}", "form-sent")


async def client(request: Request) -> Response:
    """GET /patients/{id}/forms/{form}/client: the same form alone on the screen, for the client to answer; nothing else can be reached from it."""
    if request.query_params.get("done") == "yes":
        about = await banner.fetch(request.state.access, request.path_params["id"])
        form, _ = await library.opened(request.state.access, request.path_params["form"])
        return PAGES.render(request, "forms/client.html", block="", banner_id=about.id, form=form, done=True)
    return await show(request)


def _room(at: Opened) -> str:
    return f"/patients/{at.about.id}/forms"


def _here(at: Opened, request: Request) -> str:
    return f"/patients/{at.about.id}/forms/{at.form.id}" + ("/client" if request.url.path.endswith("/client") else "")


def words_of(node: Node) -> str:
    """The answers of a node in words."""
    return ", ".join(values.words(a) for a in node.answers)


def text_of(filled: Filled, name: str) -> str:
    """The words of the question behind a field."""
    return next((n.item.text for n in filled.all if n.name == name), "")


def _page(request: Request, at: Opened, filled: Filled, *, conflict: bool = False, status: int = 200, row: str = "") -> Response:
    responses.put_before(filled, at.earlier)
    by_client = request.url.path.endswith("/client")
    shown: dict[str, Any] = {
        "words_of": words_of, "text_of": text_of, "form": at.form, "filled": filled, "seen": at.seen, "window": at.window, "turn": at.turn, "updated": at.updated, "conflict": conflict, "row": row, "here_url": _here(at, request), "by_client": by_client, "done": False,
        "before": day_text((at.earlier or {}).get("authored")) if at.earlier else "", "field": keeping.FIELD, "problems": filled.problems, "may_begin_again": at.earlier is not None and at.updated is None,
    }  # fmt: skip
    if by_client:
        return PAGES.render(request, "forms/client.html", block="filling", status=status, banner_id=at.about.id, **shown)
    return PAGES.render(request, "forms/fill.html", block="filling", status=status, banner=at.about, parts=allowed(request.state.access), here="forms", **shown)
