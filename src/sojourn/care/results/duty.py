"""By the clock: critical results go on, and what waits for somebody away goes to who is there."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sojourn.base import errors, log
from sojourn.care import policies, staffing, tasks
from sojourn.care.resources import moment
from sojourn.care.results import owners, review
from sojourn.care.risk import chain, notices, people
from sojourn.care.risk.episode import NOTIFIED, SKIPPED, STEPS, Event
from sojourn.gate import origin, paging
from sojourn.gate.changes import Change

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sojourn.care.policies import Policies
    from sojourn.care.results.review import Review
    from sojourn.care.risk.chain import Candidate
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Program

EVERY = 20.0
"""Seconds between looks."""
_MANY = 200
_NAMED = 40  # people in one search
_SOME = 20  # of what nobody has, at a look
_log = log.logger(__name__)


async def escalate(access: Access) -> None:
    """Move on every open critical result in which somebody is due. One that fails does not keep the others waiting."""
    rules: Policies | None = None
    async for one in _open(access, ("priority", "stat")):
        rules = rules or await policies.of(access)
        try:
            await _move(access, one, rules)
        except (errors.Conflict, errors.VersionConflict, errors.NotFound, errors.Gone):
            continue  # somebody acted, or another process told them: the record has the answer
        except errors.StaleCredential:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others go on
            _log.error("a critical result could not be moved on", error, request=access.request)


async def _open(access: Access, *more: tuple[str, str]) -> AsyncIterator[Review]:
    """Reviews that nobody has done, a page of them in memory at a time: there may be tens of thousands."""
    cursor: str | None = None
    while True:
        page = await access.search("Task", [review.code(review.KIND), ("status", ",".join(tasks.OPEN)), *more, ("_sort", "authored-on")], count=_MANY, cursor=cursor)
        for one in (r for s in page.matches if (r := review.read(s.resource, s.version)) is not None):
            yield one
        cursor = page.next
        if cursor is None:
            return


async def _move(access: Access, one: Review, rules: Policies) -> None:
    state = one.state
    due = state.due(review.waits(rules), 1)
    if due is not None and due > access.now:
        return
    number = await origin.made_by(access, "Task", one.id)
    program = access.rules.programs.get(number) if number is not None else None
    if program is None:
        _log.error("a critical result belongs to a program that is not there", request=access.request)
        return
    found = await people.around(access, one.patient, program, rules, about=one.focus, first=one.owner)
    events = chain.advance(state, found, access.now)
    told = [e for e in events if e.kind == NOTIFIED and e.sees and e.who and e.who != one.owner]
    unseen = notices.unpaged(events)
    changes = [_told(access, one, e.who, program) for e in told]
    after = review.grown(one.resource, [*events, *await _page(access, one, unseen, found)], lastModified=max(moment(access), one.authored))
    await access.write([Change("update", "Task", one.id, after, if_match=one.version), *changes], action="result-escalation")


def _told(access: Access, one: Review, who: str, program: Program) -> Change:
    """The notice of somebody whom the chain reached."""
    made = tasks.new(access, review.NOTICE, review.URGENT, patient=one.patient, owner=who, focus=f"Task/{one.id}", priority="stat", due=access.now, program=program.number)
    assert made.resource is not None  # noqa: S101 - it was just made
    if security := (one.resource.get("meta") or {}).get("security"):
        made.resource["meta"] = {"security": [dict(s) for s in security]}
    return made


async def _page(access: Access, one: Review, told: Sequence[Event], found: Sequence[Sequence[Candidate]]) -> list[Event]:
    """Page those who cannot see it: they learn that somebody needs them, and no more."""
    accounts = {c.who: c.account for step in found for c in step}
    for who in {e.who for e in told}:
        if accounts.get(who):
            await paging.page(access, accounts[who], one.id, {"patient": one.patient, "result": one.id})
    return [Event("paged", access.now, who) for who in sorted({e.who for e in told})]


async def delegate(access: Access) -> None:
    """Give what waits for somebody who is away to who stands next; what nobody has goes back to whoever can have it now."""
    roster = await staffing.read(access, access.now)
    away = roster.all_away(access.now)
    rules: Policies | None = None
    async for one in _in_turn(access, ("owner:missing", "true")):
        rules = rules or await policies.of(access)
        with suppress(errors.Conflict, errors.VersionConflict, errors.NotFound, errors.Gone):
            await _hand_on(access, one, rules)
    for start in range(0, len(away), _NAMED):
        async for one in _open(access, ("owner", ",".join(away[start : start + _NAMED]))):
            rules = rules or await policies.of(access)
            with suppress(errors.Conflict, errors.VersionConflict, errors.NotFound, errors.Gone):
                await _hand_on(access, one, rules)


async def _in_turn(access: Access, wanted: tuple[str, str]) -> AsyncIterator[Review]:
    """Some of what nobody has, others each minute: whether somebody can have one now is ten questions. Critical ones each time."""
    asked = [review.code(review.KIND), ("status", ",".join(tasks.OPEN)), wanted, ("_summary", "count")]
    rounds = max(1, -(-((await access.search("Task", asked)).total or 0) // _SOME))
    turn, n = int(access.now.timestamp() // 60) % rounds, 0
    async for one in _open(access, wanted):
        if one.critical or n % rounds == turn:
            yield one
        n += 1


async def _hand_on(access: Access, one: Review, rules: Policies) -> None:
    number = await origin.made_by(access, "Task", one.id)
    program = access.rules.programs.get(number) if number is not None else None
    owner = await owners.owner(access, one.patient, one.focus, program, rules, without=one.owner)
    if owner == one.owner or (not owner and not one.owner):
        return
    task = {k: v for k, v in one.resource.items() if k not in ("owner", "performerType")}
    if owner:
        task["owner"] = {"reference": owner}
    else:
        task["performerType"] = [{"coding": [{"system": tasks.ROLE, "code": str(rules.value("results.role"))}]}]
    events = [Event(SKIPPED, access.now, one.owner, step=STEPS[0], code=chain.AWAY), Event("passed-on", access.now, owner)] if one.owner and one.critical else []
    said = "Handed on: the one who had it is away." if one.owner else "Somebody who can look at it is there now."
    task["note"] = [*(one.resource.get("note") or ()), {"time": moment(access), "text": said}]
    await access.write([Change("update", "Task", one.id, review.grown(task, events, lastModified=max(moment(access), one.authored)), if_match=one.version)], action="task")
