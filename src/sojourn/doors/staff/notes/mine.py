"""GET /notes: what waits for its author: drafts, notes to sign, notes that came back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.care import tasks
from sojourn.care.notes import drafting, saving
from sojourn.care.resources import CARE
from sojourn.doors.staff import lines, waiting
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.pages import PAGES

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

KINDS = (saving.UNSIGNED, saving.RETURNED)
waiting.PLACES.update(dict.fromkeys(KINDS, "/patients/{patient}/notes/{focus}"))


class Waiting(NamedTuple):
    """One note that waits. who: the client's name; when: how long it waits or what is left."""

    path: str
    who: str
    what: str
    when: str
    tone: str = "plain"


async def show(request: Request) -> Response:
    """The drafts of this account about clients whom it may still see, and its notes that wait."""
    access = request.state.access
    kept, works = await asyncio.gather(drafting.listed(access), _waiting(access))
    names = await patient_names(access, [d.patient for d in kept] + [w.patient for w in works])
    drafts = [Waiting(f"/patients/{d.patient}/notes/write/{d.key}", names[d.patient], "Draft", ago(d.updated, access.now)) for d in kept if d.patient in names]
    by_kind: dict[str, list[Waiting]] = {kind: [] for kind in KINDS}
    for work in works:
        due, tone = lines.remaining(work.due, access.now)
        if work.patient in names:
            by_kind[work.kind].append(Waiting(f"/patients/{work.patient}/notes/{work.focus.partition('/')[2]}", names[work.patient], work.text, due, tone))
    values: dict[str, Any] = {"drafts": drafts, "unsigned": by_kind[saving.UNSIGNED], "returned": by_kind[saving.RETURNED], "elsewhere": len(kept) - len(drafts)}
    return PAGES.render(request, "notes/mine.html", **values)


async def _waiting(access: Access) -> list[tasks.Work]:
    """The caller's own notes that wait for them. One search."""
    if not access.caller.agent or not access.may("Task", "search"):
        return []
    kinds = ",".join(f"{CARE}|{kind}" for kind in KINDS)
    found = await access.search("Task", [("owner", access.caller.agent), ("status", ",".join(tasks.OPEN)), ("code", kinds)], count=100)
    return tasks.ordered(work for task in found.resources if (work := tasks.read(task)) is not None)


def ago(then: datetime, now: datetime) -> str:
    """`4 min ago`, `3 h ago`, `2 days ago`."""
    minutes = max(int((now - then).total_seconds() // 60), 0)
    return "just now" if minutes < 1 else f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"


async def today(access: Access) -> list[lines.Line]:
    """For Today: drafts that were left, the oldest first."""
    kept = await drafting.listed(access)
    names = await patient_names(access, [d.patient for d in kept]) if kept else {}
    found = [lines.Line("A draft of a note", f"/patients/{d.patient}/notes/write/{d.key}", names[d.patient], ago(d.updated, access.now)) for d in reversed(kept) if d.patient in names]
    return found[:10]
