"""The Risk room of a chart: where it stands, the acts in their order, what happened."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.risk import acting, choices, limits, opening, plan, precautions, reading, triage
from sojourn.care.risk.acting import Closing
from sojourn.care.risk.notices import RESCREEN
from sojourn.care.staffing import zones
from sojourn.care.staffing.roster import name_of
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.risk import timeline
from sojourn.doors.staff.words import day_of, day_text
from sojourn.gate import calling
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.care.risk.episode import Episode
    from sojourn.gate.access import Access

NEEDS = (("Patient", "read"), ("ClinicalImpression", "search"))


@dataclass
class Typed:
    """What was sent and could not be done, so that nothing of it is lost. where: the act that it belongs to."""

    where: str = ""
    values: dict[str, str] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def value(self, name: str) -> str:
        """What was typed."""
        return self.values.get(name, "")

    def problem(self, name: str) -> str:
        """What is wrong with it."""
        return dict(self.problems).get(name, "")


async def show(request: Request) -> Response:
    """GET /patients/{id}/risk."""
    return await _page(request, Typed())


async def begin(request: Request) -> Response:
    """POST /patients/{id}/risk: an episode without a questionnaire."""
    given = await sent(request)
    about = await banner.fetch(request.state.access, request.path_params["id"])
    try:
        await opening.by_hand(request.state.access, about.id, given.get("level", ""), given.get("why", ""))
    except errors.Malformed as error:
        return await _page(request, Typed("open", given, [("why", error.message)]), 422)
    return redirect(request, _here(request), "risk-opened")


async def act(request: Request) -> Response:
    """POST /patients/{id}/risk/{episode}/{act}: acknowledge, action, pass or close."""
    access, given = request.state.access, await sent(request)
    episode = await _episode(access, request)
    what = request.path_params["act"]
    try:
        if what == "acknowledge":
            await acting.acknowledge(access, episode.id)
        elif what == "pass":
            await acting.pass_on(access, episode.id, given.get("text", ""))
        elif what == "action":
            await acting.act(access, episode.id, given.get("code", ""), given.get("text", ""))
        elif what == "close":
            closing = Closing(given.get("formulation", ""), given.get("disposition", ""), given.get("said", ""), given.get("without", ""), day_of(given.get("again", "")))
            await acting.close(access, episode.id, given.get("version", ""), closing)
        else:
            raise errors.NotFound
    except errors.Malformed as error:
        return await _page(request, Typed(what, given, [("action", error.message)]), 422)
    except acting.NotYet as error:
        return await _page(request, Typed(what, given, list(error.problems)), 422)
    except errors.VersionConflict:
        return await _page(request, Typed(what, given, [("formulation", "Something happened since you opened this page: read what is new below, then close it. What you wrote is still here.")]), 409)
    return redirect(request, _here(request), {"acknowledge": "risk-yours", "pass": "risk-passed", "action": "saved", "close": "risk-closed"}[what])


async def precaution(request: Request) -> Response:
    """POST /patients/{id}/risk/precautions."""
    given = await sent(request)
    about = await banner.fetch(request.state.access, request.path_params["id"])
    try:
        await precautions.put(request.state.access, about.id, given.get("code", ""), day_of(given.get("until", "")))
    except errors.Malformed as error:
        return await _page(request, Typed("precaution", given, [("code", error.message)]), 422)
    return redirect(request, _here(request), "saved")


async def end_precaution(request: Request) -> Response:
    """POST /patients/{id}/risk/precautions/{flag}: it ends now, for a reason."""
    given = await sent(request)
    about = await banner.fetch(request.state.access, request.path_params["id"])
    try:
        await precautions.end(request.state.access, about.id, request.path_params["flag"], given.get("why", ""))
    except errors.Malformed as error:
        return await _page(request, Typed("ending", given, [("why", error.message)]), 422)
    return redirect(request, _here(request), "saved")


# --- the parts ------------------------------------------------------------------------------------------------------------------


def _here(request: Request) -> str:
    return f"/patients/{request.path_params['id']}/risk"


async def _episode(access: Access, request: Request) -> Episode:
    """The episode of the address, if it is of this chart and may be seen. Raises NotFound."""
    found = await reading.one(access, request.path_params["episode"])
    if found.patient != request.path_params["id"]:
        raise errors.NotFound
    return found


async def _page(request: Request, typed: Typed, status: int = 200) -> Response:
    access = request.state.access
    about = await banner.fetch(access, request.path_params["id"])
    episodes, rules, again, held, safety = await asyncio.gather(
        reading.of_patient(access, about.id), policies.of(access), tasks.of_patient(access, about.id, kinds=[RESCREEN]) if access.may("Task", "search") else _none(),
        precautions.of_patient(access, about.id), plan.of_patient(access, about.id) if access.may("CarePlan", "search") else _none(),
    )  # fmt: skip
    current = next((e for e in episodes if e.open), None)
    screened, names, by = await asyncio.gather(
        reading.screenings(access, current) if current and access.may("QuestionnaireResponse", "search") else _none(), _names(access, timeline.people(episodes)),
        calling.reached(access) if current else _nobody(),
    )  # fmt: skip
    zone = zones.of(None)
    may_act = all(access.may(t, a) for t, a in acting.NEEDS)
    return PAGES.render(
        request, "risk/risk.html", status=status, banner=about, parts=allowed(access), here="risk", typed=typed, may_act=may_act, **_state(access, current, rules, names),
        current=current, screened=screened, moments=timeline.of(current, names, zone, by if access.house.channels else None) if current else [], broken=calling.problems(access), zone=zone.key.replace("_", " "),
        earlier=[(e, timeline.of(e, names, zone), day_text(e.started.astimezone(zone).isoformat())) for e in episodes if e is not current],
        again=[(w, day_text(w.due.astimezone(zone).isoformat()) if w.due else "", w.late(access.now)) for w in again],
        actions=list(choices.of("action", access.today).values()), dispositions=list(choices.of("disposition", access.today).values()),
        precaution_choices=list(choices.of("precaution", access.today).values()), held=held, may_flag=access.may("Flag", "create"),
        plan=next((p for p in safety if p.status == "active"), None), draft=next((p for p in safety if p.status == "draft"), None), levels=triage.WORDS, rules_line=rules,
        may_screen=all(access.may(t, a) for t, a in (("QuestionnaireResponse", "create"), ("Observation", "create"))),
        latest=(zones.today(access) + timedelta(days=limits.rescreen(rules, current.state.level))).isoformat() if current else "", today=zones.today(access).isoformat(),
    )  # fmt: skip


def _state(access: Access, current: Episode | None, rules: Any, names: dict[str, str]) -> dict[str, Any]:
    """Where the open episode stands, in words."""
    if current is None:
        return {"state": None, "since": "", "next_notice": "", "owner": ""}
    state = current.state
    due = limits.due(state, rules)
    owner = names.get(state.acknowledged.who.partition("/")[2], "") or state.acknowledged.by if state.acknowledged else ""
    return {"state": state, "since": timeline.ago(state.since or current.started, access.now), "next_notice": timeline.within(due, access.now) if due else "", "owner": owner}


async def _names(access: Access, ids: set[str]) -> dict[str, str]:
    if not ids:
        return {}
    found = await access.search("Practitioner", [("_id", ",".join(sorted(ids)[:200]))], count=200)
    return {s.id: name_of(s.resource) for s in found.matches}


async def _nobody() -> dict[str, str]:
    """Where nothing is open."""
    return {}


async def _none() -> list[Any]:
    """For a role that may not ask."""
    return []
