"""By the clock: who has something urgent open and does not know it is called where they are reached.

One neutral message, the same for a notice and for a page about somebody whom they may not see. What is open stands in the record, what
they were called for beside it: whatever falls or restarts, they are called again or have been called.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import errors, log
from sojourn.care import policies, staffing, tasks
from sojourn.care.results import review
from sojourn.care.risk import episode
from sojourn.gate import calling

if TYPE_CHECKING:
    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access
    from sojourn.gate.calling import Person

EVERY: Final = 20.0
"""Seconds between looks."""
_NAMED: Final = 40  # people in one search
_MANY: Final = 200
_AT_ONCE: Final = 8
_log = log.logger(__name__)


class Item(NamedTuple):
    """Something that is open for somebody. key: another when they are told again; about: the id of the episode or result; at: when they were told."""

    key: str
    about: str
    at: datetime


async def run(access: Access) -> None:
    """Call everybody who has to be. One who cannot be reached does not keep the others waiting."""
    people = await calling.people(access)
    waiting: list[tuple[Person, list[Item]]] = []
    if people:
        rules = await policies.of(access)
        away = set((await staffing.read(access, access.now)).all_away(access.now))
        there = [p for p in people if p.who not in away]
        owned = await _owned(access, [p.who for p in there if p.who], rules)
        waiting = [(p, items) for p in there if (items := [*owned.get(p.who, ()), *(_page(name, at) for name, at in p.pages)])]
        await _call(access, waiting, rules)
    else:
        await calling.unneeded(access, ())


def _page(name: str, at: datetime) -> Item:
    return Item(f"page/{name}@{at.isoformat(timespec='seconds')}", name, at)


async def _owned(access: Access, people: list[str], rules: Policies) -> dict[str, list[Item]]:
    """Urgent open tasks by whom they wait for."""
    found: dict[str, list[Item]] = {}
    urgent = [("status", ",".join(tasks.OPEN)), ("priority", ",".join(str(p) for p in rules.value("calls.priorities")) or "stat")]
    for start in range(0, len(people), _NAMED):
        cursor: str | None = None
        while True:
            page = await access.search("Task", [("owner", ",".join(people[start : start + _NAMED])), *urgent], count=_MANY, cursor=cursor)
            for task in page.resources:
                work = tasks.read(task)
                if work is not None and not work.asleep(access.now):
                    about = work.focus.partition("/")[2] if work.kind != review.KIND else work.id
                    found.setdefault(work.owner, []).append(Item(f"Task/{work.id}@{len(task.get('note') or ())}", about, _told(task)))
            cursor = page.next
            if cursor is None:
                break
    return found


def _told(task: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(str(task.get("lastModified") or task["authoredOn"]))


async def _call(access: Access, waiting: list[tuple[Person, list[Item]]], rules: Policies) -> None:
    pause, turn, needed = timedelta(minutes=max(rules.number("calls.pause-minutes"), 0)), asyncio.Semaphore(_AT_ONCE), list[str]()

    async def one(person: Person, items: list[Item]) -> None:
        known = await calling.called(access, person.account, [i.key for i in items])
        new = [i for i in items if i.key not in known.covered and not await _answered(access, i)]
        if not new:
            return
        needed.append(person.account)
        if (known.last is not None and access.now - known.last < pause) or (known.rests is not None and known.rests > access.now):
            return
        async with turn:
            await calling.call(access, person, [*known.covered, *(i.key for i in new)], [i.key for i in new], [i.about for i in new])

    outcomes = await asyncio.gather(*(one(*each) for each in waiting), return_exceptions=True)
    for failed in (o for o in outcomes if isinstance(o, BaseException)):
        if not isinstance(failed, Exception) or isinstance(failed, errors.StaleCredential):
            raise failed
        _log.error("somebody could not be called", failed, request=access.request)
    if not any(isinstance(o, BaseException) for o in outcomes):
        await calling.unneeded(access, needed)


async def _answered(access: Access, item: Item) -> bool:
    """Whether somebody has it since they were told, so that nobody has to be called. What cannot be found is as good as open."""
    for type_ in (episode.TYPE, "Task"):
        with suppress(errors.NotFound, errors.Gone):
            stored = await access.read(type_, item.about)
            found = episode.read(stored.resource, stored.version) if type_ == episode.TYPE else review.read(stored.resource, stored.version)
            if found is not None:
                state = found.state
                return not found.open or bool(state.acted) or (state.acknowledged is not None and state.acknowledged.at >= item.at)
    return False
