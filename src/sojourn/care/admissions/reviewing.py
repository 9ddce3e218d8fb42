"""Medical review of a pre-screen: asked for with a clock, answered with a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.admissions import case as cases
from sojourn.care.forms import actions, shipping
from sojourn.care.resources import CARE
from sojourn.gate.access import Access
from sojourn.gate.changes import Change

SHEET: Final = "pre-screen.1"
KIND: Final = "admission-review"
DECISIONS: Final = {"accept": "Accepted", "decline": "Not for us", "ask": "Needs more before it can be decided"}


async def sheet_of(access: Access, patient: str) -> dict[str, Any] | None:
    """The newest pre-screen of a person, or None."""
    form = shipping.shipped(access.house.base)[SHEET]
    found = await access.search("QuestionnaireResponse", [("patient", patient), ("questionnaire", form.url), ("status", "completed,amended"), ("_sort", "-authored")], count=1)
    return next(iter(found.resources), None) or actions.latest(await actions.answered(access, patient, count=30), form)  # type: ignore[return-value]


def wants_review(sheet: dict[str, Any]) -> bool:
    """Whether a pre-screen says that somebody with a medical licence has to look at it."""
    return any(a.get("valueBoolean") is True for item in _every(sheet) if item.get("linkId") == "medical-review" for a in item.get("answer", ()))


def level_of(sheet: dict[str, Any]) -> str:
    """The likely level of care in a pre-screen, or ''."""
    return next((str(a.get("valueCoding", {}).get("code", "")) for item in _every(sheet) if item.get("linkId") == "level" for a in item.get("answer", ())), "")


def _every(item: dict[str, Any]) -> Any:
    for inner in item.get("item", ()):
        yield inner
        yield from _every(inner)


async def ask(access: Access, case: cases.Case, role: str) -> None:
    """Ask for a review: a task with a clock for everybody of the role; the case waits for it. Raises Malformed without a pre-screen."""
    rules = await policies.of(access)
    if role not in rules.value("admissions.review-roles"):
        raise errors.Malformed("Choose who is to look at it.")
    if await sheet_of(access, case.patient) is None:
        raise errors.Malformed("Fill in the pre-screen first: it is what is looked at.")
    due = access.now + timedelta(minutes=rules.number("admissions.review-minutes", case.level))
    asked = tasks.new(access, KIND, "Look at a pre-screen", patient=case.patient, role=role, due=due, focus=f"Task/{case.id}", priority="urgent", program=case.program or None)
    await access.write([asked, *cases.moving(access, case, "review", "Asked for a medical review.")], action="admission")


async def waiting(access: Access, case: cases.Case) -> tasks.Work | None:
    """The review that a case waits for, or None."""
    found = await access.search("Task", [("code", f"{CARE}|{KIND}"), ("patient", case.patient), ("status", ",".join(tasks.OPEN))], count=5)
    return next((w for t in found.resources if (w := tasks.read(t)) and w.focus == f"Task/{case.id}"), None)


async def decide(access: Access, case: cases.Case, decision: str, reason: str) -> None:
    """Answer it. A decision is signed for, so whoever gives it proves anew who they are. Raises Forbidden, Malformed, ProofNeeded."""
    rules = await policies.of(access)
    if access.caller.role not in rules.value("admissions.review-roles"):
        raise errors.Forbidden("Your role does not sign off a medical review.")
    if decision not in DECISIONS or not reason.strip():
        raise errors.Malformed("Choose a decision and say why.")
    work = await waiting(access, case)
    if work is None:
        raise errors.Malformed("No review is waiting: somebody may have answered it.")
    await access.require_fresh()
    task = (await access.read("Task", work.id)).resource
    done = tasks.finishing(access, {**task, "owner": {"reference": access.caller.agent}} if access.caller.agent else task, f"{DECISIONS[decision]}. {reason.strip()}")
    changes: list[Change] = [done]
    if decision == "decline":
        stay = await access.read("EpisodeOfCare", case.episode)
        changes += cases.moving(access, case, "declined", f"Medical review: {reason.strip()}")
        changes.append(Change("update", "EpisodeOfCare", case.episode, {**stay.resource, "status": "cancelled"}, if_match=stay.version))
    else:
        changes += cases.moving(access, case, "benefits" if decision == "accept" else "pre-screen", f"Medical review: {DECISIONS[decision].lower()}. {reason.strip()}")
    await access.write(changes, action="admission-review")
