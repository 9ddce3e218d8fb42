"""The list of incidents: own drafts and receipts, and what waits to be looked into."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from sojourn.care.incidents import duty, reporting, reviewing
from sojourn.care.incidents.model import TYPES
from sojourn.doors.staff.incidents import words
from sojourn.doors.staff.lines import Line, remaining
from sojourn.doors.staff.pages import PAGES
from sojourn.gate import incidents

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.incidents.reviewing import Case
    from sojourn.gate.access import Access

YEARS = timedelta(days=3 * 366)
_MANY = 12


async def show(request: Request) -> Response:
    """GET /incidents."""
    access = request.state.access
    drafts = [(key, words.spoken(at.isoformat())) for key, at in await reporting.listed(access)]
    sent = [(number, "Closed" if state == incidents.CLOSED else "Received", words.spoken(at.isoformat(), day=True)) for number, state, at in await incidents.sent(access)]
    actions = [(a.action.id, a.what, *_due(access, a)) for a in map(reviewing.todo, await incidents.mine(access))]
    rows = [words.row(c, access.now) for c in await reviewing.every(access)] if incidents.may_review(access) else None
    return PAGES.render(request, "incidents/list.html", drafts=drafts, sent=sent, actions=actions, rows=rows, closed=False)


async def closed(request: Request) -> Response:
    """GET /incidents/closed: those of three years."""
    access = request.state.access
    found = [c for c in await reviewing.every(access, access.now - YEARS) if c.report.state == incidents.CLOSED]
    rows = [words.row(c, access.now) for c in sorted(found, key=lambda c: c.report.reported, reverse=True)]
    return PAGES.render(request, "incidents/list.html", drafts=[], sent=[], actions=[], rows=rows, closed=True)


def _due(access: Access, todo: reviewing.Todo) -> tuple[str, str]:
    days = (todo.action.due - access.today).days
    return (f"{-days} days late", "red") if days < 0 else ("today", "amber") if days == 0 else (f"in {days} days", "plain")


async def _none() -> list[Case]:
    return []


async def today(access: Access) -> list[Line]:
    """For Today: deadlines that passed or come, reports to look at, the caller's corrective actions and drafts. What it is about stands behind the link."""
    late, cases, mine, drafts = await asyncio.gather(
        duty.pages(access), reviewing.every(access) if incidents.may_review(access) else _none(), incidents.mine(access), reporting.listed(access)
    )
    lines = [Line("A notification about an incident is late", f"/incidents/notices/{name}", tone="red", due="late") for name, _ in late]
    for case in cases:
        due, tone = remaining(case.incident.next_due(), access.now)
        row = words.row(case, access.now)
        lines.append(Line(f"{TYPES.get(case.incident.kind, 'Incident')}: {row.state.lower()}", f"/incidents/{case.report.id}", due=due, tone=tone, note=row.number))
    for todo in map(reviewing.todo, mine):
        due, tone = _due(access, todo)
        lines.append(Line("A corrective action is yours", f"/incidents/actions/{todo.action.id}", due=due, tone=tone))
    lines += [Line("A report that is not sent", f"/incidents/draft/{key}", note=words.spoken(at.isoformat())) for key, at in drafts]
    order = {"red": 0, "amber": 1}
    return sorted(lines, key=lambda line: order.get(line.tone, 2))[:_MANY]
