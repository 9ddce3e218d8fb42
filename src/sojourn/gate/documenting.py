"""What the law asks to be written when something is opened: 2.51(c) in the patient's record, and a task for the privacy officer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sojourn.gate import bases
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
        self.decision = Decision(bases.ALL, programs, [], access.caller.purpose, "use", related=False, redacted=False,
                                 reasons=("The gate writes what the law asks to be written.",))  # fmt: skip

    async def check(self, action: str, type_: str, query: str = "") -> None:
        """What must be written is not a matter of the caller's role."""


async def emergency(access: Access, id_: str, patient: str | None, programs: Sequence[int], reason: Reason, because: str, facility: str, discloser: str) -> None:
    """One Communication in the patient's record for each Part 2 program whose records are opened, and the task for the privacy officer."""
    clerk = Clerk(access)
    changes = [Change("create", "Communication", new_id(), _disclosure(access, id_, str(patient), reason, because, facility, discloser), program=n) for n in programs]
    await clerk.write([*changes, Change("create", "Task", new_id(), _task(access, id_))], action="emergency")


def _disclosure(access: Access, id_: str, patient: str, reason: Reason, because: str, facility: str, discloser: str) -> dict[str, Any]:
    """The documentation of 42 CFR 2.51(c): who received and their affiliation, who disclosed, when, and the nature of the emergency."""
    caller = access.caller
    affiliation = facility.strip() or access.tenant.name
    given = discloser.strip() or f"{caller.name}, who opened the record"
    receiver: dict[str, Any] = {"reference": caller.agent, "display": caller.name} if caller.agent else {"display": caller.name}
    return {
        "resourceType": "Communication",
        "identifier": [{"system": IDENTIFIER, "value": id_}],
        "status": "completed",
        "category": [{"coding": [{"system": CODES, "code": "emergency-disclosure"}], "text": "Emergency disclosure (42 CFR 2.51)"}],
        "subject": {"reference": f"Patient/{patient}"},
        "sent": instant(access.now),
        "recipient": [receiver],
        "reasonCode": [{"coding": [{"system": CODES, "code": reason.code}], "text": reason.text}],
        "payload": [
            {"contentString": f"Received by: {caller.name}, {affiliation}"},
            {"contentString": f"Disclosed by: {given}"},
            {"contentString": f"Date and time: {instant(access.now)}"},
            {"contentString": f"Nature of the emergency: {reason.text}. {because.strip()}"},
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
