"""By the clock: urgent messages that nobody has read go on by the roster; old ones are forgotten."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from sojourn.base import errors
from sojourn.care import policies, staffing
from sojourn.care.staffing.roster import sites_of
from sojourn.gate import messages

if TYPE_CHECKING:
    from sojourn.care.policies import Policies
    from sojourn.care.staffing.roster import Roster
    from sojourn.gate.access import Access
    from sojourn.gate.messages import Colleague, Thread

EVERY, FORGET = 30.0, 6 * 3600.0
_CHAIN = ("on-call", "supervisors", "site-leads")


async def run(access: Access) -> None:
    """Every urgent thread that nobody has read: to the next step whose time has come. Where all its readers are away, the first at once."""
    found = await messages.waiting(access)
    if not found:
        return
    rules, roster, colleagues = await policies.of(access), await staffing.read(access, access.now), await messages.directory(access)
    agents = {c.account: c.agent for c in colleagues}
    for thread, readers in found:
        others = [agents.get(a, "") for a in readers if a != thread.author]
        gone = all(who and roster.away(who, access.now) for who in others)
        due = steps(thread, rules, access, gone=gone)
        if due:
            with suppress(errors.VersionConflict, errors.NotFound):
                await _on(access, thread, due, readers, colleagues, roster)


def steps(thread: Thread, rules: Policies, access: Access, *, gone: bool) -> list[str]:
    """The steps that are due and were not gone."""
    wanted = rules.value("messages.chain")
    chain = [s for s in wanted if s in _CHAIN] if isinstance(wanted, list) else list(_CHAIN)
    gap = timedelta(minutes=max(rules.number("messages.urgent"), 1))
    done = {t["step"] for t in thread.body.get("told", ())}
    return [step for n, step in enumerate(chain) if step not in done and access.now >= thread.started + gap * (n if gone else n + 1)]


async def _on(access: Access, thread: Thread, due: list[str], readers: list[str], colleagues: list[Colleague], roster: Roster) -> None:
    program = access.rules.programs.get(thread.program)
    organization, sites = (program.organization if program else None), sites_of(access, program)
    told, more = list(thread.body.get("told", ())), []
    for step in due:
        named = {"on-call": roster.on_call(organization, sites, access.now), "supervisors": roster.supervisors(None, organization, access.now), "site-leads": roster.leads(organization, sites, access.now)}[step]
        people = [c for c in colleagues if c.agent in named and c.account not in readers and not roster.away(c.agent, access.now)]
        if thread.patient:
            # Of the thread's own program, or of a role that reaches everybody: what its author may know. Nobody learns from the list of readers where else a client is.
            people = await messages.reachable(access, people, thread.patient, program, {thread.program})
        more += [c.account for c in people]
        told.append({"step": step, "at": access.now.isoformat(), "who": [c.name for c in people]})
    await messages.grow(access, thread, more, {**thread.body, "told": told}, via="escalated")


async def forget(access: Access) -> None:
    """What nobody has written to for as long as policy keeps it."""
    rules = await policies.of(access)
    await messages.forget(access, access.now - timedelta(days=max(rules.number("messages.keep"), 1)))
