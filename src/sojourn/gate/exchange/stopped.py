"""Documents and asks that did not go to partners because they may not, for the privacy officer.

What HL7 v2 holds back is in telling.py. Exports and subscriptions leave out what may not be seen while they are taken, and write down nothing about it: so nothing of them is here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.gate.exchange import asking, posting
from sojourn.record import reaching

if TYPE_CHECKING:
    from sojourn.gate.access import Access

PAGE: Final = 60
_MOST: Final = 500
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
    documents, asks = await asyncio.gather(_documents(access), _asks(access))
    found = sorted([*documents, *asks], key=lambda s: s.at, reverse=True)
    people = await _seen(access, "Patient", [s.patient for s in found])
    return [s for s in found if s.patient in people][:PAGE]


async def _documents(access: Access) -> list[Stopped]:
    rows = await reaching.stopped(access.house.db, access.head, posting.STOPPED, _MOST)
    jobs = [(r, posting.job_of(access.house, access.tenant.number, r)) for r in rows]
    ours = [(r, job) for r, job in jobs if set(job["programs"]) <= set(access.caller.programs)]
    tasks = await _seen(access, "Task", [job["origin"]["id"] for _, job in ours])
    return [Stopped(r["message"], r["partner"], job["patient"], f"Document: {r['kind']}", r["reason"], r["updated"]) for r, job in ours if job["origin"]["id"] in tasks]


async def _asks(access: Access) -> list[Stopped]:
    return [Stopped(a.id, a.partner, a.patient, _ASKED, a.why, a.updated or access.now) for a in await asking.unasked_for_want(access, _MOST)]


async def _seen(access: Access, type_: str, ids: Sequence[str]) -> set[str]:
    wanted = sorted(set(ids))
    return {s.id for s in (await access.search(type_, [("_id", ",".join(wanted))], count=len(wanted))).matches} if wanted and access.may(type_, "search") else set()
