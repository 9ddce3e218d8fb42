"""What waits, as lines of Today: tasks with the names of those whom they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.care import tasks
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.lines import Line, remaining

if TYPE_CHECKING:
    from sojourn.gate.access import Access


__all__ = ["ELSEWHERE", "PLACES", "Line", "named", "place", "remaining", "tasks_of"]

ELSEWHERE: set[str] = {
    "admission", "handoff",
    "release-request",
    "form-due",
    "plan-initial", "plan-review",
    "reconcile-due", "reconcile-sign",
}  # fmt: skip
"""Kinds of tasks that a section of their own shows."""
PLACES: dict[str, str] = {
    "admission-review": "/admissions/{focus}",
    "call-safety": "/admissions/{focus}",
    "form-due": "/patients/{patient}/forms",
    "aftercare-call": "/tasks/{id}",
    "transition": "/patients/{patient}/moves/{id}",
    "transition-check-in": "/tasks/{id}",
    "transition-offer": "/offers/{id}",
    "transition-plan": "/patients/{patient}/plan",
    "transition-returned": "/patients/{patient}/moves/{focus}",
    "transition-schedule": "/patients/{patient}/appointments",
    "stay-elsewhere": "/patients/{patient}/encounters",
    "allergy-elsewhere": "/patients/{patient}/allergies",
    "paper-review": "/patients/{patient}/papers/{focus}",
    "summary-reconcile": "/patients/{patient}/papers/{focus}/reconcile",
    "paper-moved": "/tasks/{id}",
    "fax-refused": "/tasks/{id}",
    "release-request": "/requests/release/{id}",
    "handoff-silent": "/patients/{patient}/handoff/{focus}",
    "handoff-print": "/patients/{patient}/handoff/{focus}",
    "release-print": "/requests/release/{focus}",
    "handoff-stopped": "/patients/{patient}/handoff/{focus}",
    "reconcile-due": "/patients/{patient}/reconcile/{why}/{focus}",
    "reconcile-sign": "/patients/{patient}/reconcile/{why}/{focus}",
    "plan-review-asked": "/patients/{patient}/plan/{focus}/review",
    "plan-signatures": "/patients/{patient}/plan/{focus}/sign",
}
"""Where a kind of task is done: a path with {patient}, {id}, {why} and {focus} (the id of what it is about). Rooms add theirs."""


def place(work: tasks.Work) -> str:
    """Where a task is done: its own place, else the chart that it is about, else its own page."""
    pattern = PLACES.get(work.kind) or ("/patients/{patient}" if work.patient else "/tasks/{id}")
    return pattern.format(patient=work.patient, id=work.id, focus=work.focus.partition("/")[2], why=work.why)


async def named(access: Access, works: list[tasks.Work]) -> list[Line]:
    """Tasks as lines: one question more, for the names."""
    names = await patient_names(access, [w.patient for w in works if w.patient])
    made = []
    for work in works:
        due, tone = remaining(work.due, access.now)
        made.append(Line(work.text, place(work), names.get(work.patient, ""), due, "red" if work.priority == "stat" else tone, "for anybody of your role" if not work.owner else ""))
    return made


async def tasks_of(access: Access) -> list[Line]:
    """Everything that waits for the caller or their role and has no section of its own."""
    return await named(access, [w for w in await tasks.mine(access) if w.kind not in ELSEWHERE][:30])


async def forms_due(access: Access) -> list[Line]:
    """Clients of whom an assessment or a measure is due: what it is stands in their chart."""
    return await named(access, (await tasks.mine(access, kinds=("form-due",)))[:15])


async def to_reconcile(access: Access) -> list[Line]:
    """Medications that wait to be reconciled, or for a signature."""
    return await named(access, (await tasks.mine(access, kinds=("reconcile-due", "reconcile-sign")))[:15])
