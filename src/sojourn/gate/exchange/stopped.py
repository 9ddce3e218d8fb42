"""Documents and asks that did not go to partners because they may not, for the privacy officer.

What HL7 v2 holds back is in telling.py. Exports and subscriptions leave out what may not be seen while they are taken, and write down nothing about it: so nothing of them is here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.gate.exchange import asking, posting
from sojourn.record import reaching

if TYPE_CHECKING:
    from sojourn.gate.access import Access

PAGE: Final = 60
_AT_FIRST: Final = 500
_ASKED: Final = "Question: who is this, and which documents are there"


class Stopped(NamedTuple):
    """One. what: in neutral words; patient: an id; why: in words that name nobody."""

    id: str
    partner: str
    patient: str
    what: str
    why: str
    at: datetime


async def stopped(access: Access) -> list[Stopped]:
    """The last first, at most PAGE, of what the caller may know of. Raises Forbidden.

    A document: queued by somebody who works in no program but the caller's, and belonging to a task that the caller sees, as they see the client. An ask: of a program of the caller's, by
    something that they may see. An officer of some programs learns so of nothing of the others.
    """
    await access.check("withheld", "Exchange")
    found = await asyncio.gather(_seen_of(access, _documents), _seen_of(access, _asks))
    return sorted([s for some in found for s in some], key=lambda s: s.at, reverse=True)[:PAGE]


async def _seen_of(access: Access, source: Callable[[Access, int], Awaitable[tuple[list[Stopped], bool]]]) -> list[Stopped]:
    """The last PAGE of one kind about clients whom the caller sees, however many others lie between: what is left out takes nobody's place."""
    most = _AT_FIRST
    while True:
        some, every = await source(access, most)
        people = await _seen(access, "Patient", [s.patient for s in some])
        found = [s for s in some if s.patient in people]
        if every or len(found) >= PAGE:
            return found[:PAGE]
        most *= 4


async def _documents(access: Access, most: int) -> tuple[list[Stopped], bool]:
    """Of the last so many those that the caller may know of; whether there are no more."""
    rows = await reaching.stopped(access.house.db, access.head, posting.STOPPED, most)
    jobs = [(r, posting.job_of(access.house, access.tenant.number, r)) for r in rows]
    ours = [(r, job) for r, job in jobs if set(job["programs"]) <= set(access.caller.programs)]
    tasks = await _seen(access, "Task", [job["origin"]["id"] for _, job in ours])
    found = [Stopped(r["message"], r["partner"], job["patient"], f"Document: {r['kind']}", r["reason"], r["updated"]) for r, job in ours if job["origin"]["id"] in tasks]
    return found, len(rows) < most


async def _asks(access: Access, most: int) -> tuple[list[Stopped], bool]:
    asks, every = await asking.unasked_for_want(access, most)
    return [Stopped(a.id, a.partner, a.patient, _ASKED, a.why, a.updated or access.now) for a in asks], every


async def _seen(access: Access, type_: str, ids: Sequence[str]) -> set[str]:
    wanted = sorted(set(ids))
    return {s.id for s in (await access.search(type_, [("_id", ",".join(wanted))], count=len(wanted))).matches} if wanted and access.may(type_, "search") else set()
