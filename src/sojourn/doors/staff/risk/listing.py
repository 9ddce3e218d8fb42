"""Everybody who is in danger, the notices on Today, and the page without a name."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import clock, errors
from sojourn.care import policies, tasks
from sojourn.care.risk import acting, limits, reading
from sojourn.care.risk.notices import NOTICE, RESCREEN, WORDS
from sojourn.care.risk.triage import WORDS as LEVELS
from sojourn.doors.staff import waiting
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.risk import timeline
from sojourn.gate import emergency, emergencypolicy, paging
from sojourn.gate.emergency import Sought
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.policies import Policies
    from sojourn.care.risk.episode import Episode
    from sojourn.gate.access import Access

NEEDS = (("ClinicalImpression", "search"), ("Patient", "search"))

waiting.ELSEWHERE.add(NOTICE)
waiting.PLACES[NOTICE] = "/patients/{patient}/risk"
waiting.PLACES[RESCREEN] = "/patients/{patient}/risk"


class Row(NamedTuple):
    """One open episode in the list."""

    path: str
    who: str
    level: str
    tone: str
    stands: str
    since: str


async def show(request: Request) -> Response:
    """GET /risk."""
    access = request.state.access
    episodes, rules = await asyncio.gather(reading.everyone(access), policies.of(access))
    names = await patient_names(access, [e.patient for e in episodes])
    rows = [_row(e, names, rules, access) for e in episodes if e.patient in names]
    return PAGES.render(request, "risk/list.html", rows=rows)


def _row(e: Episode, names: dict[str, str], rules: Policies, access: Access) -> Row:
    state, due = e.state, limits.due(e.state, rules)
    if state.acted:
        stands = "Somebody acted; not closed"
    elif state.acknowledged:
        stands = "Acknowledged; no action yet"
    else:
        stands = "Nobody has it" + (f"; next notice {timeline.within(due, access.now)}" if due else "")
    return Row(f"/patients/{e.patient}/risk", names[e.patient], LEVELS[state.level], "plain" if state.acted else timeline.TONES[state.pace], stands, timeline.ago(e.started, access.now))


async def fetch(access: Access) -> list[waiting.Line]:
    """The section of Today: notices to the caller, pages without a name, and episodes that nobody answered."""
    works, left, pages = await asyncio.gather(tasks.mine(access, kinds=[NOTICE]), reading.waiting(access) if access.may("ClinicalImpression", "search") else _none(), paging.mine(access))
    mine = {w.focus.partition("/")[2] for w in works}
    lines = [waiting.Line("Somebody needs you now, whom you cannot see", f"/notices/{name}", due=timeline.ago(at, access.now), tone="red", note="open it to hand on") for name, at in pages]
    lines += await waiting.named(access, works)
    others = [e for e in left if e.id not in mine]
    names = await patient_names(access, [e.patient for e in others]) if others else {}
    lines += [
        waiting.Line("Nobody has answered: take it, or reach somebody who can", f"/patients/{e.patient}/risk", names[e.patient], timeline.ago(e.started, access.now), "red")
        for e in others if e.patient in names
    ]  # fmt: skip
    return lines[:30]


async def _none() -> list[Episode]:
    return []


# --- who was paged and cannot see whom it is about ----------------------------------------------------------------------------------


def _form() -> Form:
    reasons = tuple((r.code, r.text) for r in emergencypolicy.reasons(clock.now()))
    return Form((
        Field("reason", "Reason", "Choose a reason.", options=(("", "Choose"), *reasons)),
        Field("because", "What is happening", "Say in a sentence what is happening.", hint="The privacy officer reads this today.", type="textarea", max_length=1000),
        Field("attest", "I need this record now for an emergency, and cannot get consent in time. I know that this is recorded and reviewed.", "Confirm this to go on.", type="checkbox"),
    ))  # fmt: skip


async def notice(request: Request) -> Response:
    """GET /notices/{name}."""
    return await _notice(request, _form())


async def pass_on(request: Request) -> Response:
    """POST /notices/{name}/pass: the next person is told at once."""
    await acting.pass_page_on(request.state.access, request.path_params["name"])
    return redirect(request, "/today", "risk-passed")


async def open_by_emergency(request: Request) -> Response:
    """POST /notices/{name}/emergency: as any emergency, only that whom it is about need not be typed."""
    access = request.state.plain_access
    form = _form()
    held = await paging.read(access, request.path_params["name"])
    if not form.fill(await sent(request)):
        return await _notice(request, form, 422)
    try:
        declared = await emergency.declare(access, Sought(patient=str(held["patient"])), reason=form.values["reason"], because=form.values["because"], attested=form.values["attest"] == "yes")
    except errors.Malformed as error:
        form.errors["because"] = error.message
        return await _notice(request, form, 422)
    await paging.done(access, request.path_params["name"])
    return redirect(request, f"/patients/{declared.patient}/risk" if declared.patient else "/today", "emergency")


async def _notice(request: Request, form: Form, status: int = 200) -> Response:
    access = request.state.access
    await paging.read(access, request.path_params["name"])
    hours = emergencypolicy.hours(clock.now())
    return PAGES.render(request, "risk/notice.html", status=status, form=form, words=WORDS, name=request.path_params["name"], may_emergency=access.may("*", "emergency"), hours=f"{timedelta(hours=hours) / timedelta(hours=1):g}")
