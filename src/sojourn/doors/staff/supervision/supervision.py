"""The page of a supervisor: what to co-sign and review, what was returned, hours of supervision."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sojourn.base.errors import Invalid
from sojourn.care import policies, tasks
from sojourn.care.credentials import keeping, supervision
from sojourn.care.resources import CARE
from sojourn.care.signing.documents import COSIGN, RETURNED, REVIEW
from sojourn.doors.staff import waiting
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.supervision import queue
from sojourn.doors.staff.words import day_text
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

NEEDS = (("Task", "search"), ("Practitioner", "search"), ("DocumentReference", "update"), ("Provenance", "create"))
"""Whoever may sign may be named as somebody's supervisor; what stands on the page is theirs alone."""


async def show(request: Request) -> Response:
    """GET /supervision."""
    return await _page(request)


async def log(request: Request) -> Response:
    """POST /supervision: write down a session of supervision."""
    access: Access = request.state.access
    form = await request.form()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    who = [value for value in form.getlist("who") if isinstance(value, str)]
    try:
        day = date.fromisoformat(fields.get("day", ""))
        minutes = int(fields.get("minutes", "") or 0)
    except ValueError:
        return await _page(request, problem="Write the day as 2026-03-01 and the minutes as a number.", typed=fields, chosen=who, status=422)
    try:
        await supervision.log(access, who, day=day, minutes=minutes, kind=fields.get("kind", ""), topic=fields.get("topic", ""))
    except Invalid as error:
        return await _page(request, problem=error.message or "Choose from the list.", typed=fields, chosen=who, status=422)
    return redirect(request, "/supervision", "saved")


async def _page(request: Request, *, problem: str = "", typed: dict[str, str] | None = None, chosen: list[str] | None = None, status: int = 200) -> Response:
    access: Access = request.state.access
    today = access.today
    works, sent_back, found, rules, entries = await asyncio.gather(
        queue.mine(access), _returned_by_me(access), keeping.holders(access), policies.of(access),
        supervision.sessions(access, today - timedelta(weeks=supervision.WEEKS)),
    )  # fmt: skip
    mine = supervision.under(found, access.caller.agent or "-", today)
    described = await queue.described(access, [*(w for w in works if w.kind in (COSIGN, REVIEW)), *sent_back])
    rows = [(waits, waiting.place(waits.work), *waiting.remaining(waits.work.due, access.now)) for waits in described]
    names = {h.reference: h.name for h in found}
    recent = sorted((s for s in entries if s.supervisor == access.caller.agent), key=lambda s: s.day, reverse=True)[:12]
    return PAGES.render(
        request, "supervision/supervision.html", status=status, problem=problem, typed=typed or {}, chosen=chosen or [], today=today.isoformat(),
        to_cosign=[r for r in rows if r[0].work.kind == COSIGN], to_review=[r for r in rows if r[0].work.kind == REVIEW], sent_back=[r for r in rows if r[0].work.kind == RETURNED],
        hours=[supervision.hours(h, entries, rules, today) for h in mine], kinds=supervision.KINDS, percent=rules.number("signing.sample"),
        recent=[(day_text(s.day.isoformat()), names.get(s.who, ""), s.minutes, supervision.KINDS.get(s.kind, ""), s.topic) for s in recent],
        may_log=access.may("Basic", "create"),
    )  # fmt: skip


async def _returned_by_me(access: Access) -> list[tasks.Work]:
    """What the caller returned and that has not come back yet."""
    if not access.caller.agent:
        return []
    found = await access.search("Task", [("requester", access.caller.agent), ("code", f"{CARE}|{RETURNED}"), ("status", ",".join(tasks.OPEN))], count=50)
    return tasks.ordered(work for task in found.resources if (work := tasks.read(task)) is not None)
