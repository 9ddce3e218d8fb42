"""What must be written when something is opened: 2.51(c), and a task for the privacy officer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.gate import bases, reach
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.decide import Decision
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.emergencypolicy import Reason

IDENTIFIER = "https://sojourn.example/fhir/NamingSystem/emergency"
"""Under this system a resource names the emergency that it is about."""
CODES = "https://sojourn.example/fhir/CodeSystem/privacy-task"


class Clerk(Access):
    """The gate, writing on behalf of a caller what must be written whether or not their role may write it. It reads for nobody."""

    def __init__(self, access: Access) -> None:
        super().__init__(access.house, access.caller, access.request)
        self.now = access.now
        programs = sorted(access.rules.programs)
        self.decision = Decision(bases.ALL | bases.ORDINARY | reach.ACROSS, programs, [], access.caller.purpose, "use", related=False, redacted=False,
                                 reasons=("The gate writes what the law asks to be written.",))  # fmt: skip

    async def check(self, action: str, type_: str, query: str = "") -> None:
        """What must be written is not a matter of the caller's role."""


def clerk(access: Access) -> Clerk:
    """The clerk for a caller, beyond the scopes of their token, too."""
    made = Clerk(access)
    made.caller = replace(access.caller, scopes=None, standing=None)
    return made


@dataclass(frozen=True, slots=True)
class Said:
    """What 42 CFR 2.51(c) asks for: who received it and their affiliation, who disclosed it, when, and the nature of the emergency."""

    reason: Reason
    because: str
    facility: str
    discloser: str
    receiver: str
    agent: str | None
    at: datetime


async def emergency(access: Access, id_: str, patient: str | None, programs: Sequence[int], said: Said) -> None:
    """One Communication in the patient's record for each Part 2 program whose records are opened, and the task for the privacy officer."""
    clerk = Clerk(access)
    notice = Change("create", "Task", new_id(), _task(access, id_))
    await clerk.write([notice, *(Change("create", "Communication", new_id(), _disclosure(id_, str(patient), said), program=n) for n in programs)], action="emergency")


def _disclosure(id_: str, patient: str, said: Said) -> dict[str, Any]:
    """The documentation of 42 CFR 2.51(c)."""
    receiver = {**({"reference": said.agent} if said.agent else {}), "display": said.receiver}
    return {
        "resourceType": "Communication",
        # Also where it stands in a program that only holds Part 2 records of others: that some were opened is one.
        "meta": {"security": [{"system": bases.ACT_CODE, "code": "42CFRPart2"}]},
        "identifier": [{"system": IDENTIFIER, "value": id_}],
        "status": "completed",
        "category": [{"coding": [{"system": CODES, "code": "emergency-disclosure"}], "text": "Emergency disclosure (42 CFR 2.51)"}],
        "subject": {"reference": f"Patient/{patient}"},
        "sent": instant(said.at),
        "recipient": [receiver],
        "reasonCode": [{"coding": [{"system": CODES, "code": said.reason.code}], "text": said.reason.text}],
        "payload": [
            {"contentString": f"Received by: {said.receiver}, {said.facility}"},
            {"contentString": f"Disclosed by: {said.discloser}"},
            {"contentString": f"Date and time: {instant(said.at)}"},
            {"contentString": f"Nature of the emergency: {said.reason.text}. {said.because}"},
        ],
    }


def _task(access: Access, id_: str) -> dict[str, Any]:
    """A notice without a patient: the queue at the desk says the rest to those who may know."""
    return {
        "resourceType": "Task",
        "identifier": [{"system": IDENTIFIER, "value": id_}],
        "status": "requested",
        "intent": "order",
        "priority": "urgent",
        "code": {"coding": [{"system": CODES, "code": "review-emergency"}], "text": "Review an emergency access"},
        "description": "An emergency access was declared. Review it at the privacy desk.",
        "authoredOn": instant(access.now),
        "performerType": [{"text": "Privacy officer"}],
    }


async def reviewed(access: Access, id_: str) -> None:
    """The task of an emergency is done. Whoever already closed it by hand has closed it."""
    clerk = Clerk(access)
    found = await clerk.search("Task", [("identifier", f"{IDENTIFIER}|{id_}")], count=1)
    for stored in found.matches:
        if stored.resource.get("status") == "requested":
            done = {**stored.resource, "status": "completed", "lastModified": max(instant(access.now), str(stored.resource.get("authoredOn", "")))}
            await clerk.write([Change("update", "Task", stored.id, done)], action="emergency-review")
