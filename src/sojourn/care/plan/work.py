"""Tasks about a plan: asked for, written with what causes them, and ended with what ends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sojourn.care import levels, policies, tasks
from sojourn.care.plan import due, writing
from sojourn.care.plan.model import Plan
from sojourn.care.resources import CARE, id_of
from sojourn.gate.access import Access
from sojourn.gate.changes import Change


def task(access: Access, stay: levels.Stay, wanted: due.Due, focus: str, program: int, *, id_: str | None = None) -> Change:
    """The task for something that is due. Its reason names the event, for those who may read the task. program: to which it belongs."""
    return tasks.new(
        access, wanted.kind, wanted.text, patient=stay.patient, owner=stay.clinician or None, role=None if stay.clinician else "clinician", due=wanted.at, focus=focus,
        why=due.EVENTS.get(wanted.why, ""), program=program, id_=id_,
    )  # fmt: skip


async def finished(access: Access, plan: Plan, kinds: Sequence[str], *, role: str = "", owner: str = "", note: str = "Done.") -> list[Change]:
    """The open tasks about a plan as ended; those of one role or owner, if one is named. One search."""
    if not access.may("Task", "update"):
        return []
    params = [("patient", plan.patient), ("focus", f"CarePlan/{plan.id}"), ("status", ",".join(tasks.OPEN)), ("code", ",".join(f"{CARE}|{kind}" for kind in kinds))]
    found = await access.search("Task", params, count=50)
    kept = [t for t in found.resources if (work := tasks.read(t)) and (not role or work.role == role) and (not owner or work.owner == owner)]
    return [tasks.finishing(access, task, note) for task in kept]


async def ask(access: Access, plan: Plan, stay: levels.Stay | None, event: str, why: str, rules: policies.Policies) -> None:
    """Ask for a review by hand: relapse, a wish to leave, another level, or another reason. One that is asked for is not asked for again."""
    works = await tasks.of_patient(access, plan.patient, kinds=(due.EVENT,))
    focus = f"CarePlan/{plan.id}"
    if any(w.focus == focus for w in works):
        return
    days = rules.number("plan.event-review-days", stay.level if stay else "")
    text = ": ".join(filter(None, (due.EVENTS.get(event, ""), why)))
    owner = (stay.clinician if stay else "") or access.caller.agent
    change = tasks.new(
        access, due.EVENT, "Review of the treatment plan, asked for", patient=plan.patient, owner=owner or None, role=None if owner else "clinician",
        due=access.now + timedelta(days=days), focus=focus, why=text, program=writing.program_of(access, stay.organization if stay else ""),
    )  # fmt: skip
    await access.write([change], action="plan-due")


def about(work: tasks.Work) -> str:
    """The id of the plan that a task is about, or ''."""
    return id_of({"reference": work.focus}, "CarePlan")


async def of_plan(access: Access, plan: Plan) -> list[tasks.Work]:
    """Reviews of a plan that were asked for. One search."""
    if not access.may("Task", "search"):
        return []
    return [w for w in await tasks.of_patient(access, plan.patient, kinds=(due.EVENT,)) if about(w) == plan.id]
