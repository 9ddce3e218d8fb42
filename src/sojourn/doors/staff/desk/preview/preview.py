"""What would they see?: a record side by side, in the chart and as it would leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import Invalid
from sojourn.doors.staff.desk.frame import DeskPage, render
from sojourn.doors.staff.desk.why import asking, opening
from sojourn.doors.staff.desk.why.why import described, when
from sojourn.gate import posing

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

PAGE = DeskPage("/desk/preview", "What would they see?", "A record side by side: in the chart, what would leave, and what is kept back and why. Nothing is sent.")
_PATHS = 6


class Row(NamedTuple):
    """One record on both sides. state: `as it is`, `in part` or `withheld`."""

    what: str
    when: str
    state: str
    theirs: str
    left_out: list[str]
    reason: str


async def choose(request: Request) -> Response:
    """GET and POST /desk/preview: about whose record."""
    return await opening.choose(request, PAGE)


async def show(request: Request) -> Response:
    """GET /desk/preview/{id}: the question. POST: both sides."""
    at = await opening.opened(request)
    values = await _both(request.state.access, at.id, at.form) if at.form else {}
    values = {"problem": "", "counts": None, "rows": [], "shown": "", "more": False, "who": ""} | values
    return render(request, PAGE, "desk/preview/preview.html", status=422 if values["problem"] else 200, menu=at.menu, form=at.form, about=at.about, **values)


async def _both(access: Access, patient: str, form: dict[str, str]) -> dict[str, Any]:
    asked = asking.asked(form, access.rules.programs)
    if asked is None:
        return {"problem": "Choose who would receive it."}
    try:
        found = await posing.sides(access, asked, patient, form.get("type", ""))
    except Invalid as error:
        return {"problem": str(error)}
    counts = [(type_, *numbers) for type_, numbers in sorted(posing.released(found.counts).items())]
    return {"who": found.who, "counts": counts, "rows": [_row(p) for p in found.pairs], "more": found.more, "shown": form.get("type", "")}


def _row(pair: posing.Pair) -> Row:
    if pair.theirs is None:
        return Row(described(pair.mine), when(pair.mine), "withheld", "", [], pair.reason)
    paths = [*pair.left_out[:_PATHS], *([f"and {len(pair.left_out) - _PATHS} more"] if len(pair.left_out) > _PATHS else [])]
    return Row(described(pair.mine), when(pair.mine), "in part" if paths else "as it is", described(pair.theirs), paths, "")
