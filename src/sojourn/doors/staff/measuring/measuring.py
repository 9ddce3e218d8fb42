"""Choose a measure, answer it, and go on to what its answers ask for."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import NotFound
from sojourn.care.measures import actions
from sojourn.care.measures.model import Answer, Instrument, Item, Unanswered, instruments
from sojourn.care.measures.score import asked
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

REFUSED = "refused"


class Asked(NamedTuple):
    """One question as it stands on the page. chosen: the value of the answer given, `refused`, or ''."""

    item: Item
    number: int
    chosen: str


class Problem(NamedTuple):
    """A question that still needs an answer, for the summary at the top."""

    item: str
    text: str


async def choose(request: Request) -> Response:
    """GET /patients/{id}/measures/ask: what can be asked here, those whose words are loaded first."""
    about = await banner.fetch(request.state.access, request.path_params["id"])
    offered = sorted(instruments().values(), key=lambda i: (not i.text_included, i.short))
    return _render(request, "choose.html", about, offered=offered)


async def ask(request: Request) -> Response:
    """GET /patients/{id}/measures/ask/{instrument}."""
    about = await banner.fetch(request.state.access, request.path_params["id"])
    return _form(request, about, _instrument(request), {}, [])


async def answer(request: Request) -> Response:
    """POST: the questions that now apply, if the page asked for them; else keep the answers and say what they come to.

    A question without an answer is pointed out once; sent again, it counts as skipped.
    """
    about = await banner.fetch(request.state.access, request.path_params["id"])
    instrument, form = _instrument(request), await sent(request)
    given = _answers(instrument, form)
    if form.get("do") == "questions":
        return _form(request, about, instrument, given, [])
    put = asked(instrument, given)
    open_ = [Problem(item.id, f"Question {n} has no answer.") for n, item in enumerate(put, 1) if item.id not in given]
    if open_ and form.get("skip") != "yes":
        return _form(request, about, instrument, given, open_, status=422)
    kept: dict[str, Answer] = {item.id: given.get(item.id, Unanswered.SKIPPED) for item in put}
    recorded = await actions.record(request.state.access, about.id, instrument, kept)
    opened = next(iter(recorded.result.opened), None)
    if opened and opened.then and opened.then in instruments():
        return redirect(request, f"/patients/{about.id}/measures/ask/{opened.then}", "measure-risk" if opened.opens == "risk" else "measure-more")
    risk = opened is not None and opened.opens == "risk"
    return redirect(request, f"/patients/{about.id}/measures", "risk-now" if risk else "measure-saved")


def _instrument(request: Request) -> Instrument:
    found = instruments().get(request.path_params["instrument"])
    if found is None or not found.text_included:
        raise NotFound
    return found


def _answers(instrument: Instrument, form: Mapping[str, str]) -> dict[str, Answer]:
    """What was chosen, question by question in their order; what does not apply any more is dropped, and nonsense counts as no answer."""
    given: dict[str, Answer] = {}
    for item in instrument.items:
        raw = form.get(f"q{item.id}", "")
        if not raw or item not in asked(instrument, given):
            continue
        if raw == REFUSED:
            given[item.id] = Unanswered.REFUSED
            continue
        try:
            value = Decimal(raw)
        except InvalidOperation:
            continue
        if value in [choice.value for choice in item.choices]:
            given[item.id] = value
    return given


def _form(request: Request, about: banner.Banner, instrument: Instrument, given: Mapping[str, Answer], problems: list[Problem], status: int = 200) -> Response:
    questions = [Asked(item, n, _chosen(given.get(item.id))) for n, item in enumerate(asked(instrument, given), 1)]
    return _render(request, "ask.html", about, block="questions", status=status, instrument=instrument, questions=questions, problems=problems)


def _chosen(answer: Answer | None) -> str:
    return "" if answer is None or answer is Unanswered.SKIPPED else REFUSED if answer is Unanswered.REFUSED else str(answer)


def _render(request: Request, template: str, about: banner.Banner, *, block: str = "", status: int = 200, **values: Any) -> Response:
    return PAGES.render(request, f"measuring/{template}", block=block, status=status, banner=about, parts=allowed(request.state.access), here="measures", **values)
