"""Receive somebody: look at the packet, accept or return it; all changes at that same moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care import levels, policies, tasks
from sojourn.care.moves import transition
from sojourn.care.moves.stays import beds_end, groups_end, look, teams_end
from sojourn.care.resources import CARE, concept, moment, ref
from sojourn.gate import documenting
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

NEEDS: Final = (("EpisodeOfCare", "search"), ("Task", "search"))
WRITES: Final = (*NEEDS, ("EpisodeOfCare", "update"), ("Task", "update"), ("CareTeam", "create"))
CHECK_IN: Final = "transition-check-in"
PLAN: Final = "transition-plan"
_MOVED: Final = {"system": "http://terminology.hl7.org/CodeSystem/discharge-disposition", "code": "rehab"}


class Offered(NamedTuple):
    """An offer as the receiving side sees it."""

    id: str
    patient: str
    stay: levels.Stay
    due: str
    version: str
    task: dict[str, Any]


async def offer(access: Access, id_: str) -> Offered:
    """One open offer. Raises NotFound."""
    stored = await access.read("Task", id_)
    work = tasks.read(stored.resource)
    if work is None or work.kind != transition.OFFER or work.status not in tasks.OPEN:
        raise errors.NotFound("There is no such offer.")
    stay = levels.stay((await access.read("EpisodeOfCare", work.focus.partition("/")[2])).resource)
    return Offered(work.id, work.patient, stay, stored.resource.get("restriction", {}).get("period", {}).get("end", ""), stored.version, stored.resource)


async def _sending(access: Access, offered: Offered) -> transition.Transition:
    """The sending side's own record of it, which the receiver may not see: read and written by the gate's clerk, never shown."""
    clerk = documenting.clerk(access)
    found = await clerk.search("Task", [("code", f"{CARE}|{transition.KIND}"), ("patient", offered.patient), ("status", ",".join(tasks.OPEN))], count=10)
    made = next((t for s in found.matches if (t := transition.read(s)).offer == offered.id), None)
    if made is None:
        raise errors.Conflict("The offer was withdrawn a moment ago. Nothing was changed.")
    return made


async def give_back(access: Access, offered: Offered, questions: str) -> None:
    """Return it with questions: the sender has it again. Raises Malformed without a question."""
    if not questions.strip():
        raise errors.Malformed("Write what you need to know before you can accept.")
    sending = await _sending(access, offered)
    asked = tasks.finishing(access, offered.task, f"Returned: {questions.strip()}", status="rejected", if_match=offered.version)
    back = transition.changed(access, sending._replace(offer=""), "returned", f"Returned by {access.caller.name}: {questions.strip()}")
    told = tasks.new(access, "transition-returned", "A transition came back with questions", patient=offered.patient, owner=sending.owner or None, role=None if sending.owner else "clinician",
                     focus=f"Task/{sending.id}", priority="urgent", program=sending.sender or None)  # fmt: skip
    await documenting.clerk(access).write([asked, back, told], action="transition")


async def accept(access: Access, offered: Offered) -> None:
    """Accept. In one transaction: the old stay, its bed, its team and its groups end, the new ones begin, and what has to follow is asked for.

    Raises Conflict where it was withdrawn meanwhile, Forbidden for an account that stands for nobody.
    """
    if not access.caller.agent:
        raise errors.Forbidden("Only a person can accept somebody.")
    sending = await _sending(access, offered)
    clerk = documenting.clerk(access)
    rules = await policies.of(access)
    now, me = moment(access), {"reference": access.caller.agent}
    old, new = await clerk.read("EpisodeOfCare", sending.episode), await clerk.read("EpisodeOfCare", offered.stay.id)
    team = new_id()
    made: dict[str, Any] = {
        "resourceType": "CareTeam", "status": "active", "subject": ref("Patient", offered.patient), "period": {"start": now},
        "participant": [{"member": me, "role": [concept("clinician", "Clinician")]}, {"member": ref("Patient", offered.patient)}],
    }  # fmt: skip
    changes = [
        Change("update", "EpisodeOfCare", sending.episode, {**old.resource, "status": "finished", "period": {**old.resource.get("period", {}), "end": now}}, if_match=old.version),
        Change("create", "CareTeam", team, made, program=sending.program),
        Change("update", "EpisodeOfCare", offered.stay.id, {**new.resource, "status": "active", "period": {"start": now}, "careManager": me, "team": [ref("CareTeam", team)]}, if_match=new.version),
        *await teams_end(clerk, old.resource, now), *await beds_end(clerk, offered.patient, sending.episode, now, {"coding": [_MOVED], "text": "Another level of care here"}),
        *await groups_end(clerk, offered.patient, sending.sender, "The client moved to another level of care.", level=sending.level if sending.sender == sending.program else ""),
        tasks.finishing(access, offered.task, "Accepted.", if_match=offered.version),
        transition.changed(access, sending, "accepted", f"Accepted by {access.caller.name}."),
        *_follows(access, offered, sending, rules),
    ]  # fmt: skip
    await clerk.write(changes, action="transition")


def _follows(access: Access, offered: Offered, sending: transition.Transition, rules: policies.Policies) -> list[Change]:
    """What the receiving side has to do next."""
    me, program = access.caller.agent, sending.program
    due = access.now + timedelta(hours=rules.number("moves.check-in-hours"))
    return [
        tasks.new(access, CHECK_IN, "Check in with somebody who has just come to you", patient=offered.patient, owner=me, due=due, focus=f"EpisodeOfCare/{offered.stay.id}", program=program),
        tasks.new(access, PLAN, "Review the plan: the level of care changed", patient=offered.patient, owner=me, due=due, focus=f"EpisodeOfCare/{offered.stay.id}", program=program),
        look(access, offered.patient, offered.stay.id, program, rules, "the level of care changed"),
    ]


