"""Who stands at each step for one client now, and whether they can see the client."""

from __future__ import annotations

import asyncio
from datetime import datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sojourn.base import errors
from sojourn.care import staffing
from sojourn.care.risk import limits
from sojourn.care.risk.chain import AWAY, OFF_DUTY, Candidate
from sojourn.care.risk.episode import TYPE
from sojourn.care.staffing import zones
from sojourn.care.staffing.roster import sites_of
from sojourn.gate import seeing

if TYPE_CHECKING:
    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Program

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


async def around(access: Access, patient: str, program: Program, rules: Policies, episode: str = "", *, about: str = "", first: str = "") -> list[list[Candidate]]:
    """The people by step. episode: the id of one that is written already; then they have to be able to see it, too.

    about: a reference to something else than an episode that they have to see. first: who stands first, if not whoever answers for the client.
    """
    now = access.now
    sites = sites_of(access, program)
    answers, roster, zone = await asyncio.gather(staffing.responsible(access, patient, program), staffing.read(access, now), _zone(access, sites))
    answers = first or answers
    on_call = roster.on_call(program.organization, sites, now)
    steps = [[answers] if answers else [], on_call, roster.supervisors(answers, program.organization, now), roster.leads(program.organization, sites, now)]
    subject = about or (f"{TYPE}/{episode}" if episode else "")
    names = [f"Patient/{patient}", *([subject] if subject else [])]
    known = await seeing.sights(access, {who for step in steps for who in step}, names, program, subject.partition("/")[0] or TYPE)
    working = at_work(now, zone, rules)
    return [
        [_candidate(who, known.get(who, seeing.Sight()), away=roster.away(who, now), on_duty=working or who in on_call) for who in step]
        for step in steps
    ]  # fmt: skip


def _candidate(who: str, sight: seeing.Sight, *, away: bool, on_duty: bool) -> Candidate:
    return Candidate(who, AWAY if away else "" if on_duty else OFF_DUTY, sight.account, sight.sees)


def at_work(now: datetime, zone: ZoneInfo, rules: Policies) -> bool:
    """Whether it is a time at which people are at work who are not on call. Hours that nobody can read are taken as work: better one notice too many."""
    try:
        begins, ends = (time.fromisoformat(text) for text in limits.texts(rules, "risk.hours", ("00:00", "23:59")))
    except ValueError:
        return True
    here = now.astimezone(zone)
    return _DAYS[here.weekday()] in [d[:3].title() for d in limits.texts(rules, "risk.working-days", _DAYS)] and begins <= here.time() < ends


async def _zone(access: Access, sites: frozenset[str]) -> ZoneInfo:
    """The zone of the first site that says one."""
    for site in sorted(s for s in sites if s.startswith("Location/")):
        try:
            return zones.of((await access.read("Location", site.partition("/")[2])).resource)
        except errors.SojournError:
            continue
    return zones.of(None)
