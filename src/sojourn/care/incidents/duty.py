"""By the clock: who is told that a notification of an incident was missed, step by step."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sojourn.base import errors
from sojourn.care import policies, staffing
from sojourn.care.incidents.model import Incident, Told, unpacked
from sojourn.care.staffing.roster import sites_of
from sojourn.fhir import codec
from sojourn.gate import drafts, incidents

if TYPE_CHECKING:
    from sojourn.care.policies import Policies
    from sojourn.care.staffing.roster import Roster
    from sojourn.gate.access import Access
    from sojourn.gate.incidents import Report

EVERY = 60.0
PREFIX = "incident-page/"
_CHAIN = ("reviewers", "on-call", "supervisors", "site-leads")


async def run(access: Access) -> None:
    """Every open report: where a deadline passed, the next step is told. Who is away or whom the report is about is passed over."""
    reports = await incidents.every(access)
    if not reports:
        return
    rules = await policies.of(access)
    roster: Roster | None = None
    for report in reports:
        incident = unpacked(report.body)
        if not waiting(incident, rules, access.now):
            continue
        roster = roster or await staffing.read(access, access.now)
        with suppress(errors.VersionConflict, errors.NotFound):
            await _tell(access, report, incident, rules, roster)


def chain(rules: Policies) -> tuple[str, ...]:
    """The steps of policy; what nobody can read is the whole chain."""
    wanted = rules.value("incidents.chain")
    steps = tuple(s for s in wanted if s in _CHAIN) if isinstance(wanted, list) else ()
    return steps or _CHAIN


def waiting(incident: Incident, rules: Policies, now: datetime) -> list[tuple[str, str]]:
    """(notice, step) pairs that are due to be told and were not."""
    gap, steps = timedelta(minutes=max(rules.number("incidents.step"), 1)), chain(rules)
    done = {(t.notice, t.step) for t in incident.told}
    return [(n.key, step) for n in incident.notices if n.open for k, step in enumerate(steps) if n.moment + gap * k <= now and (n.key, step) not in done]


async def _tell(access: Access, report: Report, incident: Incident, rules: Policies, roster: Roster) -> None:
    program = access.rules.programs.get(report.program)
    organization, sites = (program.organization if program else None), sites_of(access, program)
    told = list(incident.told)
    for notice, step in waiting(incident, rules, access.now):
        if step == "reviewers":
            people = {r.agent or r.account: r.account for r in await incidents.reviewers(access, report)}
        else:
            named = {"on-call": roster.on_call(organization, sites, access.now), "supervisors": roster.supervisors(None, organization, access.now), "site-leads": roster.leads(organization, sites, access.now)}[step]
            people = await incidents.accounts(access, named, report)
        people = {who: account for who, account in people.items() if not roster.away(who, access.now)}
        for account in people.values():
            await page(access, account, report, notice)
        told += [Told(notice, step, who, access.now.isoformat()) for who in (people or {"": ""})]
    await incidents.change(access, report, replace(incident, told=tuple(told)).packed(), "escalated", privacy=incident.kind == "privacy")


async def page(access: Access, account: str, report: Report, notice: str) -> None:
    """Put it where one person finds it on Today: that something is late, and which report; for whoever may open it."""
    theirs = incidents.as_account(access, account)
    with suppress(errors.VersionConflict):
        await drafts.keep(theirs, f"{PREFIX}{report.id}.{notice}", codec.dumps({"incident": report.id, "notice": notice}))


async def pages(access: Access) -> list[tuple[str, datetime]]:
    """Names of the caller's pages and when they came."""
    return [(d.key.removeprefix(PREFIX), d.updated) for d in await drafts.listed(access, PREFIX)]


async def answered(access: Access, name: str) -> None:
    """They reached somebody: the page goes. Raises NotFound."""
    if await drafts.kept(access, PREFIX + name) is None:
        raise errors.NotFound("There is no such notice.")
    await drafts.drop(access, PREFIX + name)
