"""One measure as it is scored, with its sources; and where licensed words are loaded."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import NotFound
from sojourn.care.forms import library
from sojourn.care.measures import licensed
from sojourn.care.measures.licensed import Words
from sojourn.care.measures.model import Instrument, instruments
from sojourn.doors.staff.pages import PAGES
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

LARGEST = 200_000


def _instrument(request: Request) -> Instrument:
    found = instruments().get(request.path_params["instrument"])
    if found is None:
        raise NotFound
    return found


async def show(request: Request) -> Response:
    """GET /measures/{instrument}."""
    instrument = _instrument(request)
    words = None if instrument.text_included else await licensed.loaded(request.state.access, instrument)
    return _page(request, instrument, words, [])


async def load(request: Request) -> Response:
    """POST /measures/{instrument}: words from the fields, or from a TOML file; checked against the structure before anything is kept."""
    instrument, given = _instrument(request), await request.form(max_fields=3000)
    upload = given.get("file")
    if upload is not None and not isinstance(upload, str) and upload.filename:
        try:
            named, words = licensed.read((await upload.read(LARGEST)).decode("utf-8", "replace"))
        except ValueError as error:
            return _page(request, instrument, None, [str(error)], 422)
        if named != instrument.id:
            return _page(request, instrument, words, [f"The file is for {named or 'no instrument'}; this is {instrument.id}."], 422)
    else:
        words = _typed(instrument, {k: v for k, v in given.items() if isinstance(v, str)})
    found = await licensed.load(request.state.access, instrument, words)
    return _page(request, instrument, words, found, 422) if found else redirect(request, f"/measures/{instrument.id}", "saved")


def _typed(instrument: Instrument, form: dict[str, str]) -> Words:
    items = {i.id: text for i in instrument.items if (text := form.get(f"item-{i.id}", "").strip())}
    choices: dict[str, dict[Decimal, str]] = {}
    for item in instrument.items:
        said = {c.value: text for c in item.choices if (text := form.get(f"choice-{item.id}-{c.value}", "").strip())}
        if said:
            choices[item.id] = said
    return Words(items, choices, form.get("licence", "").strip())


def _page(request: Request, instrument: Instrument, words: Words | None, problems: list[str], status: int = 200) -> Response:
    shown: dict[str, Any] = {
        "instrument": instrument, "words": words, "problems": problems, "may_change": all(request.state.access.may(type_, action) for type_, action in library.CHANGE), "loaded": words is not None and not problems,
        "text_of": lambda item: (words.items.get(item.id) if words else None) or item.text or "",
        "choice_of": lambda item, choice: (words.choices.get(item.id, {}).get(choice.value, "") if words else ""),
    }  # fmt: skip
    return PAGES.render(request, "measuring/instrument.html", status=status, **shown)
