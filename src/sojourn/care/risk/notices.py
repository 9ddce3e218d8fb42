"""How people are told: a task for who can see the client, a page for who cannot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sojourn.care import tasks
from sojourn.care.resources import CARE
from sojourn.care.risk.chain import Candidate
from sojourn.care.risk.episode import NOTIFIED, PAGED, REMINDED, TYPE, Event
from sojourn.gate import paging
from sojourn.gate.changes import Change
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.access import Access

NOTICE: Final = "risk-notice"
RESCREEN: Final = "risk-rescreen"
WORDS: Final = "Somebody needs you now"
"""On a locked screen, in a list, in a message: nothing of whom or why."""


def told(access: Access, events: Sequence[Event], *, patient: str, episode: str, program: int, due: datetime | None) -> list[Change]:
    """The tasks of those who were told and can see. `due`: when the next person will be told."""
    return [
        tasks.new(access, NOTICE, WORDS, patient=patient, owner=e.who, focus=f"{TYPE}/{episode}", priority="stat", due=due, program=program)
        for e in events if e.kind == NOTIFIED and e.sees and e.who
    ]  # fmt: skip


async def again(access: Access, events: Sequence[Event], *, patient: str, episode: str, program: int, due: datetime | None) -> list[Change]:
    """The open tasks of those who are told again, stamped anew; a new one for whoever ended theirs without acting."""
    people = {e.who for e in events if e.kind == REMINDED and e.who and e.sees}
    if not people:
        return []
    found = {str(task.get("owner", {}).get("reference", "")): (task, version) for task, version in await waiting(access, episode)}
    told_ = [Event(NOTIFIED, access.now, who) for who in sorted(people - found.keys())]
    return [*(_once_more(access, *found[who]) for who in sorted(people & found.keys())), *told(access, told_, patient=patient, episode=episode, program=program, due=due)]


def _once_more(access: Access, task: dict[str, Any], version: str) -> Change:
    """A task whose owner is asked once more."""
    said = {"time": instant(access.now), "text": "Told again."}
    return Change("update", "Task", str(task["id"]), {**task, "lastModified": max(instant(access.now), str(task.get("authoredOn", ""))), "note": [*task.get("note", ()), said]}, if_match=version)


async def waiting(access: Access, episode: str) -> list[tuple[dict[str, Any], str]]:
    """The open notices of an episode with their versions."""
    found = await access.search("Task", [("focus", f"{TYPE}/{episode}"), ("code", f"{CARE}|{NOTICE}"), ("status", ",".join(tasks.OPEN))], count=200)
    return [(stored.resource, stored.version) for stored in found.matches]


def unpaged(events: Sequence[Event]) -> list[Event]:
    """Of those who were told and cannot see the client, who was not paged yet."""
    return [
        e for n, e in enumerate(events)
        if e.kind in (NOTIFIED, REMINDED) and not e.sees and e.who and not any(p.kind == PAGED and p.who == e.who for p in events[n:])
    ]  # fmt: skip


async def page(access: Access, told: Sequence[Event], people: Sequence[Sequence[Candidate]], *, patient: str, episode: str) -> list[Event]:
    """Page them: they learn that somebody needs them, and no more. What is to be written of it."""
    accounts = {c.who: c.account for step in people for c in step}
    for who in {e.who for e in told}:
        if accounts.get(who):
            await paging.page(access, accounts[who], episode, {"episode": episode, "patient": patient})
    return [Event(PAGED, access.now, who) for who in sorted({e.who for e in told})]
