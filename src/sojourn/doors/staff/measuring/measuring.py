"""Choose a measure, answer it, and go on to what its answers ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import ids
from sojourn.base.digits import digits
from sojourn.base.errors import NotFound
from sojourn.care.measures import actions, licensed
from sojourn.care.measures.model import Answer, Instrument, Item, Unanswered, instruments
from sojourn.care.measures.score import asked
from sojourn.doors.staff import keeping
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

REFUSED = "refused"


class Asked(NamedTuple):
    """One question as it stands on the page. chosen: the value of the answer given, `refused`, or ''. typed: a number that does not fit, as it was typed."""

    item: Item
    number: str
    chosen: str
    typed: str = ""


class Problem(NamedTuple):
    """A question that still needs an answer, for the summary at the top."""

    item: str
    text: str


class Sheet(NamedTuple):
    """A measure being answered: what is typed, and the draft under which it is kept."""

    about: banner.Banner
    instrument: Instrument
    form: Mapping[str, str]
    seen: str = ""
    window: str = ""
    turn: int = 0
    conflict: bool = False


def _key(patient: str, instrument: Instrument) -> str:
    return f"measure/{patient}/{instrument.id}@{instrument.version}"


async def choose(request: Request) -> Response:
    """GET /patients/{id}/measures/ask: what can be asked here, those whose words are loaded first."""
    about, ready = await asyncio.gather(banner.fetch(request.state.access, request.path_params["id"]), licensed.available(request.state.access))
    offered = sorted(ready.values(), key=lambda i: (not i.text_included, i.short))
    return _render(request, "choose.html", about, offered=offered)


async def ask(request: Request) -> Response:
    """GET /patients/{id}/measures/ask/{instrument}: with what was answered before somebody was interrupted."""
    access, patient = request.state.access, request.path_params["id"]
    about, instrument = await asyncio.gather(banner.fetch(access, patient), _instrument(request))
    draft = await keeping.kept(access, _key(patient, instrument))
    form = {name: texts[-1] for name, texts in draft.raw.items() if texts} if draft else {}
    return _form(request, Sheet(about, instrument, form, draft.stamp if draft else "", ids.new_id("window")), [])


async def answer(request: Request) -> Response:
    """POST: the questions that now apply, if the page asked for them; else keep the answers and say what they come to.

    A question without an answer is pointed out once; sent again, it counts as skipped. What is typed is kept on the way.
    """
    access, given = request.state.access, await request.form()
    about, instrument = await asyncio.gather(banner.fetch(access, request.path_params["id"]), _instrument(request))
    form = {name: value for name, value in given.items() if isinstance(value, str)}
    sheet = await _kept(request, about, instrument, form)
    answers = _answers(instrument, form)
    if form.get("do") == "questions" or sheet.conflict:
        return _form(request, sheet, [], status=409 if sheet.conflict and form.get("do") != "questions" else 200)
    put = asked(instrument, answers)
    wrong = [Problem(item.id, f"Question {n} needs a whole number from {item.choices[0].value} to {item.choices[-1].value}.") for n, item in _numbered(put) if item.id not in answers and _raw(form, item)]
    open_ = [Problem(item.id, f"Question {n} has no answer.") for n, item in _numbered(put) if item.id not in answers and not _raw(form, item)]
    if wrong or (open_ and form.get("skip") != "yes"):
        return _form(request, sheet, [*wrong, *open_], status=422)
    kept: dict[str, Answer] = {item.id: answers.get(item.id, Unanswered.SKIPPED) for item in put}
    recorded = await actions.record(access, about.id, instrument, kept)
    await keeping.drop(access, _key(about.id, instrument))
    opened = next(iter(recorded.result.opened), None)
    if opened and opened.then and opened.then in instruments():
        return redirect(request, f"/patients/{about.id}/measures/ask/{opened.then}", "measure-risk" if opened.opens == "risk" else "measure-more")
    risk = opened is not None and opened.opens == "risk"
    return redirect(request, f"/patients/{about.id}/{'risk' if risk else 'measures'}", "risk-now" if risk else "measure-saved")


async def _kept(request: Request, about: banner.Banner, instrument: Instrument, form: Mapping[str, str]) -> Sheet:
    """What is typed, as a draft of this account."""
    turn = form.get("turn", "")
    raw = {name: [value] for name, value in form.items() if name.startswith("q")}
    sent = keeping.Sent(raw, "", form.get("seen", ""), form.get("window", "")[:40], int(turn) if digits(turn) and len(turn) < 9 else 0)
    over = None
    if form.get("do") == "mine":
        draft = await keeping.kept(request.state.access, _key(about.id, instrument))
        over = draft.stamp if draft else ""
    kept = await keeping.keep(request.state.access, about.id, _key(about.id, instrument), sent, over=over)
    return Sheet(about, instrument, form, kept.stamp, sent.window or ids.new_id("window"), sent.turn, kept.conflict)


async def _instrument(request: Request) -> Instrument:
    wanted = request.path_params["instrument"]
    shipped = instruments().get(wanted)
    found = shipped if shipped is None or shipped.text_included else (await licensed.available(request.state.access)).get(wanted)
    if found is None or not found.text_included:
        raise NotFound
    return found


def _numbered(items: list[Item]) -> list[tuple[str, Item]]:
    """Questions with the number that the instrument gives them; with their place where it gives none."""
    return [(item.id if digits(item.id[:1]) else str(n), item) for n, item in enumerate(items, 1)]


def _raw(form: Mapping[str, str], item: Item) -> str:
    return form.get(f"q{item.id}", "").strip()


def _answers(instrument: Instrument, form: Mapping[str, str]) -> dict[str, Answer]:
    """What was chosen, question by question in their order; what does not apply any more is dropped, and nonsense counts as no answer."""
    given: dict[str, Answer] = {}
    for item in instrument.items:
        raw = _raw(form, item)
        refused = form.get(f"q{item.id}-refused") == REFUSED or raw == REFUSED
        if not (raw or refused) or item not in asked(instrument, given):
            continue
        if raw and raw != REFUSED:
            try:
                value = Decimal(raw)
            except InvalidOperation:
                continue
            if value in [choice.value for choice in item.choices]:
                given[item.id] = value
        elif refused:
            given[item.id] = Unanswered.REFUSED
    return given


def _form(request: Request, sheet: Sheet, problems: list[Problem], status: int = 200) -> Response:
    given = _answers(sheet.instrument, sheet.form)
    questions = [Asked(item, n, _chosen(given.get(item.id)), _raw(sheet.form, item)) for n, item in _numbered(asked(sheet.instrument, given))]
    return _render(request, "ask.html", sheet.about, block="questions", status=status, instrument=sheet.instrument, questions=questions, problems=problems, sheet=sheet)


def _chosen(answer: Answer | None) -> str:
    return "" if answer is None or answer is Unanswered.SKIPPED else REFUSED if answer is Unanswered.REFUSED else str(answer)


def _render(request: Request, template: str, about: banner.Banner, *, block: str = "", status: int = 200, **values: Any) -> Response:
    return PAGES.render(request, f"measuring/{template}", block=block, status=status, banner=about, parts=allowed(request.state.access), here="measures", **values)
