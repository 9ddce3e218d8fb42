"""By the clock: a stay that began and has no reconciliation becomes a task, once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sojourn.base import errors
from sojourn.care import levels, policies, tasks
from sojourn.care.medications import reconciled
from sojourn.care.medications.deciding import DUE
from sojourn.care.resources import CARE
from sojourn.care.signing.preparing import once
from sojourn.gate import origin
from sojourn.gate.access import Access

EVERY: Final = 900
PAGE: Final = 200


async def run(access: Access) -> None:
    """Look at every stay that began lately at a level of care whose checklist asks for one. A task is written once: its id follows from the stay, and one that is there is not written again."""
    rules = await policies.of(access)
    since = access.now - timedelta(days=rules.number("medications.reconcile-new-days"))
    done = await reconciled.done(access, reconciled.ADMISSION, since)
    asked: set[str] = set()
    cursor: str | None = None
    while True:
        found = await access.search("Task", [("code", f"{CARE}|{DUE}"), ("authored-on", f"ge{since.date().isoformat()}")], count=500, cursor=cursor)
        asked |= {w.focus for r in found.resources if (w := tasks.read(r)) is not None}
        cursor = found.next
        if cursor is None:
            break
    while True:
        page = await access.search("EpisodeOfCare", [("status", "active"), ("date", f"ge{since.date().isoformat()}"), ("_sort", "_id")], count=PAGE, cursor=cursor)
        for stay in map(levels.stay, page.resources):
            began = _moment(stay.started, access.now)
            if began is not None and began >= since and asks(rules, stay.level) and reconciled.value(reconciled.ADMISSION, stay.id) not in done and f"EpisodeOfCare/{stay.id}" not in asked:
                await _ask(access, stay, began + timedelta(hours=rules.number("medications.reconcile-hours", stay.level)), bedded=stay.level in rules.value("admissions.bed-levels"))
        cursor = page.next
        if cursor is None:
            return


def asks(rules: policies.Policies, level: str) -> bool:
    """Whether the checklist of an admission to a level of care asks for a reconciliation."""
    return any("reconciliation" in rules.value(f"admissions.{when}", level) for when in ("before", "after"))


async def _ask(access: Access, stay: levels.Stay, due: datetime, *, bedded: bool) -> None:
    """Where there are nurses round the clock they prepare it; elsewhere whoever is responsible does."""
    program = await origin.made_by(access, "EpisodeOfCare", stay.id)
    owner = None if bedded or not stay.clinician else stay.clinician
    change = tasks.new(access, DUE, "Medications to reconcile", patient=stay.patient, owner=owner, role=None if owner else "nurse" if bedded else "clinician", due=due, focus=f"EpisodeOfCare/{stay.id}",
                       why=reconciled.ADMISSION, program=program, id_=once(DUE, stay.id))  # fmt: skip
    try:
        await access.write([change], action="reconcile-due")
    except errors.Conflict:
        return  # another process was faster


def _moment(text: str, now: datetime) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=now.tzinfo)
