"""Move a client to another level of care: prepared, offered, accepted or returned.

A Task (code `transition`, about the EpisodeOfCare that ends) of the program that sends says how far it is; the one that is offered has a
planned EpisodeOfCare and a Task of its own (`transition-offer`) under the program that receives, so that each side sees what is its own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.base.digits import digits
from sojourn.care import levels, policies, tasks
from sojourn.care.admissions.calls import LEVEL_SYSTEM
from sojourn.care.moves import packet
from sojourn.care.resources import CARE, code_of, concept, id_of, moment, ref
from sojourn.gate import documenting, origin, releasing
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.releasing import Wish

KIND: Final = "transition"
OFFER: Final = "transition-offer"
NEEDS: Final = (("EpisodeOfCare", "search"), ("Task", "search"))
WRITES: Final = (*NEEDS, ("EpisodeOfCare", "update"), ("EpisodeOfCare", "create"), ("Task", "create"))
STATES: Final = {"prepared": "In preparation", "offered": "Offered", "returned": "Returned with questions", "accepted": "Accepted", "withdrawn": "Withdrawn"}
_STATE: Final = "transition."
CONSENT: Final = (
    "The receiving program is not under 42 CFR Part 2, and no consent in force lets it know of this stay. Take a consent that names it as the recipient for treatment, then offer again."
)


class Transition(NamedTuple):
    """A transition, read. said: what the sender wrote, by part; stay, offer: ids of the planned stay and the offer, '' before.

    program, sender: numbers of the programs that receive and send.
    """

    id: str
    patient: str
    episode: str
    state: str
    level: str
    program: int
    said: dict[str, str]
    stay: str
    offer: str
    owner: str
    status: str
    begun: str
    sender: int
    notes: tuple[tuple[str, str, str], ...]
    version: str
    task: dict[str, Any]

    @property
    def open(self) -> bool:
        """Whether it is under way."""
        return self.status in tasks.OPEN


def read(stored: Any) -> Transition:
    """The transition that a stored Task is. Raises NotFound for any other."""
    task = stored.resource
    if code_of(task.get("code")) != KIND:
        raise errors.NotFound("There is no such transition.")
    said = {code_of(i.get("type")): str(i.get("valueString", "")) for i in task.get("input", ()) if "valueString" in i}
    program = said.pop("program", "")
    return Transition(
        str(task["id"]), id_of(task.get("for"), "Patient"), id_of(task.get("focus"), "EpisodeOfCare"), code_of(task.get("businessStatus")).removeprefix(_STATE) or "prepared", said.pop("level", ""),
        int(program) if digits(program) else 0, said, said.pop("stay", ""), said.pop("offer", ""), str(task.get("owner", {}).get("reference", "")), str(task["status"]), str(task.get("authoredOn", "")),
        int(said.pop("from", "") or 0), tuple((str(n.get("time", "")), str(n.get("authorString", "")), str(n.get("text", ""))) for n in task.get("note", ())), stored.version, task,
    )  # fmt: skip


async def of_patient(access: Access, patient: str) -> list[Transition]:
    """Transitions of a client that are under way, as the sending side sees them."""
    found = await access.search("Task", [("code", f"{CARE}|{KIND}"), ("patient", patient), ("status", ",".join(tasks.OPEN))], count=10)
    return [read(s) for s in found.matches]


async def one(access: Access, id_: str) -> Transition:
    """One transition. Raises NotFound."""
    return read(await access.read("Task", id_))


async def begin(access: Access, stay: levels.Stay, *, level: str, program: int) -> str:
    """Prepare to move somebody out of a stay. The id of the transition. Raises Malformed."""
    if stay.status != "active":
        raise errors.Malformed("Only a stay that is going on can be moved out of.")
    if program not in access.rules.programs or not level.strip():
        raise errors.Malformed("Choose the program that receives them, and the level of care.")
    if any(t.episode == stay.id for t in await of_patient(access, stay.patient)):
        raise errors.Malformed("A transition out of this stay is under way already.")
    own = await origin.made_by(access, "EpisodeOfCare", stay.id)
    change = tasks.new(access, KIND, "Transition", patient=stay.patient, owner=access.caller.agent, role=None if access.caller.agent else access.caller.role, focus=f"EpisodeOfCare/{stay.id}", program=own)
    assert change.resource is not None  # noqa: S101 - a create has one
    change.resource |= {"businessStatus": concept(_STATE + "prepared", STATES["prepared"]), "input": [_input("level", level.strip()), _input("program", str(program)), *([_input("from", str(own))] if own else [])]}
    (written,) = await access.write([change], action="transition")
    return str(written.id)


def _input(code: str, value: str) -> dict[str, Any]:
    return {"type": concept(code, code.replace("-", " ").capitalize()), "valueString": value}


def changed(access: Access, t: Transition, state: str, note: str, *, said: dict[str, str] | None = None, **more: Any) -> Change:
    """The transition in a state, with what the sender wrote, as a change made from the version that was read."""
    values = {"level": t.level, "program": str(t.program), "from": str(t.sender or ""), **(t.said if said is None else said), **({"stay": t.stay} if t.stay else {}), **({"offer": t.offer} if t.offer else {})} | more.pop("put", {})
    notes = {"note": [*t.task.get("note", ()), {"time": moment(access), "authorString": access.caller.name, "text": note}]} if note else {}
    status = {"accepted": "completed", "withdrawn": "cancelled"}.get(state, "in-progress")
    task = {**t.task, **notes, "businessStatus": concept(_STATE + state, STATES[state]), "status": status, "lastModified": max(moment(access), t.begun),
            "input": [_input(code, value) for code, value in values.items() if value], **more}  # fmt: skip
    return Change("update", "Task", t.id, task, if_match=t.version)


async def write_down(access: Access, t: Transition, said: dict[str, str]) -> None:
    """Keep what the sender adds to the packet. Raises VersionConflict."""
    known = {part.code for part in packet.parts()}
    await access.write([changed(access, t, t.state, "", said={k: v.strip()[:4000] for k, v in said.items() if k in known})], action="transition")


async def offer(access: Access, t: Transition) -> None:
    """Offer it to the receiving program. Raises Malformed with all that is missing, and where no consent lets the receiver know."""
    if t.state not in ("prepared", "returned"):
        raise errors.Malformed("It is offered already.")
    missing = [f.part.title for f in await packet.filled(access, t.patient, t.said, t.episode) if f.missing]
    if missing:
        raise errors.Malformed("The packet is not whole. Missing: " + "; ".join(missing) + ". Write it, or write why there is nothing.")
    await _may_know(access, t)
    rules = await policies.of(access)
    due = access.now + timedelta(hours=rules.number("moves.answer-hours"))
    stay, offered = t.stay or new_id(), new_id()
    changes = [] if t.stay else [Change("create", "EpisodeOfCare", stay, _planned(access, t), program=t.program)]
    asked = tasks.new(access, OFFER, "Somebody is offered to your program", patient=t.patient, role="clinician", due=due, focus=f"EpisodeOfCare/{stay}", priority="urgent", program=t.program, id_=offered)
    changes += [asked, changed(access, t, "offered", "Offered.", put={"stay": stay, "offer": offered})]
    # By the clerk: the planned stay belongs to the receiving program, and one that was returned may be hidden from the sender.
    await documenting.clerk(access).write(changes, action="transition")


async def _may_know(access: Access, t: Transition) -> None:
    """A program outside Part 2 may know of a Part 2 stay only by a consent (42 CFR 2.12(c)(3) reaches within Part 2 programs)."""
    to = access.rules.programs[t.program]
    sending = await origin.made_by(access, "EpisodeOfCare", t.episode)
    if to.part2 or sending is None or not access.rules.programs[sending].part2 or not to.organization:
        return
    seen = await releasing.preview(access, Wish(t.patient, f"Organization/{to.organization.rpartition('/')[2]}", "TREAT", ("Patient", "EpisodeOfCare")))
    if not any(stored.type == "EpisodeOfCare" and stored.id == t.episode for stored in seen.leaves):
        raise errors.Malformed(CONSENT)


def _planned(access: Access, t: Transition) -> dict[str, Any]:
    to = access.rules.programs[t.program]
    return {
        "resourceType": "EpisodeOfCare", "status": "planned", "type": [{"text": to.name, "coding": [{"system": LEVEL_SYSTEM, "code": t.level}]}], "patient": ref("Patient", t.patient),
        **({"managingOrganization": ref("Organization", to.organization.rpartition("/")[2])} if to.organization else {}),
    }  # fmt: skip


async def withdraw(access: Access, t: Transition, why: str) -> None:
    """Take it back before it is accepted. Raises Malformed without a reason."""
    if not why.strip():
        raise errors.Malformed("Say why it is taken back.")
    clerk = documenting.clerk(access)  # what was offered belongs to the receiving program, which the sender may not see
    changes = [changed(access, t, "withdrawn", f"Withdrawn. {why.strip()}")]
    if t.stay:
        stay = await clerk.read("EpisodeOfCare", t.stay)
        changes.append(Change("update", "EpisodeOfCare", t.stay, {**stay.resource, "status": "cancelled"}, if_match=stay.version))
    if t.offer:
        asked = await clerk.read("Task", t.offer)
        changes.append(tasks.finishing(access, asked.resource, "Withdrawn by the sender.", status="cancelled", if_match=asked.version))
    await clerk.write(changes, action="transition")
