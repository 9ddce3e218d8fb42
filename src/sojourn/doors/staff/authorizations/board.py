"""GET /authorizations: what was approved, what is left of it, and what runs out first."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from sojourn.care import policies, tasks
from sojourn.care.authorizations import watching
from sojourn.care.authorizations.keeping import REVIEW, WATCH
from sojourn.care.authorizations.model import UNITS
from sojourn.care.staffing import zones
from sojourn.doors.staff import waiting
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.lines import Line
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.waiting import named
from sojourn.doors.staff.words import day_text

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.authorizations.watching import Watch
    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access

waiting.ELSEWHERE.update({WATCH, REVIEW})
waiting.PLACES[WATCH] = "/patients/{patient}/authorizations"
waiting.PLACES[REVIEW] = "/patients/{patient}/authorizations/{focus}"
_TODAY = 12


class Row(NamedTuple):
    """One authorization on the board. share: percent of it that is used."""

    path: str
    who: str
    payer: str
    number: str
    what: str
    used: str
    left: str
    share: int
    days: str
    ends: str
    review: str
    tone: str
    flags: list[tuple[str, str]]


async def show(request: Request) -> Response:
    """What I watch, or with ?all=1 everything that I may see; the first to run out first."""
    access = request.state.access
    everybody = request.query_params.get("all") == "1"
    found, rules = await asyncio.gather(watching.watched(access, mine=not everybody), policies.of(access))
    names = await patient_names(access, {w.authorization.patient for w in found})
    today = access.now.astimezone(zones.of(None)).date()
    rows = [row(w, names[w.authorization.patient], rules, today) for w in found if w.authorization.patient in names]
    return PAGES.render(request, "authorizations/board.html", rows=rows, everybody=everybody)


def row(w: Watch, who: str, rules: Policies, today: date) -> Row:
    """One authorization with what was counted."""
    a, days = w.authorization, w.days(today)
    low = w.low(rules, today)
    flags = [(f"{w.over:g} beyond it", "red")] if w.over else []
    if w.uncovered:
        flags.append((f"{w.uncovered} not covered", "red"))
    if a.review is not None and a.review <= today:
        flags.append(("review due", "red" if a.review < today else "amber"))
    said = "ended" if days == 0 else f"{days} day{'' if days == 1 else 's'}"
    known = bool(w.counted)
    used = f"{w.used:g} of {a.approved:g} {UNITS[a.unit]}" if known else f"{a.approved:g} {UNITS[a.unit]} approved"
    return Row(
        f"/patients/{a.patient}/authorizations", who, a.payer, a.number, a.title, used, f"{w.left:g} · " if known else "", round(100 * min(w.used / a.approved, 1)) if known and a.approved else 0,
        said, day_text(a.end.isoformat()), day_text(a.review.isoformat()) if a.review else "", "red" if days == 0 or (known and w.left == 0) else "amber" if low else "plain", flags,
    )  # fmt: skip


async def today(access: Access) -> list[Line]:
    """Reviews that are due, and what runs out: for those who watch and for the client's clinician."""
    asked, found, rules = await asyncio.gather(tasks.mine(access, kinds=[REVIEW]), watching.watched(access, beside=True), policies.of(access))
    day = access.now.astimezone(zones.of(None)).date()
    low = [w for w in found if w.low(rules, day)][:_TODAY]
    names = await patient_names(access, {w.authorization.patient for w in low})
    lines = await named(access, asked[:_TODAY]) if asked else []
    for w in low:
        a, days = w.authorization, w.days(day)
        if a.patient in names:
            left = f"{w.left:g} {UNITS[a.unit]}, {days} day{'' if days == 1 else 's'} left" if days else "ended"
            text = "Services without an authorization" if w.uncovered or w.over else watching.TEXT
            lines.append(Line(text, f"/patients/{a.patient}/authorizations", names[a.patient], left, "red" if days == 0 or w.left == 0 or w.over or w.uncovered else "amber"))
    return lines[:_TODAY]
