"""A hand-off that closes its loop: looked at, sent, acknowledged, kept, reported back, closed.

A ServiceRequest (category referral) says what is asked of whom, a Task (code `handoff`) how far it is. What leaves, and whether, is the
gate's: `gate.releasing` decides at the preview and again when it is sent. https://hl7.org/fhir/R4/servicerequest.html
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.exchange import clinical
from sojourn.care.resources import CARE, author, code_of, concept, id_of, moment, ref
from sojourn.gate import origin, releasing
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.preparing import instant
from sojourn.gate.releasing import Preview, Wish

KIND: Final = "handoff"
NEEDS: Final = (("ServiceRequest", "search"), ("Task", "search"))
tasks.LISTED[KIND] = NEEDS
WRITES: Final = (*NEEDS, ("ServiceRequest", "create"), ("Task", "create"), ("*", "release"))
PURPOSE: Final = "TREAT"
_STEP: Final = "handoff."
STEPS: Final = {
    "prepared": "Prepared, not sent", "sent": "Sent", "acknowledged": "Acknowledged", "accepted": "Accepted by the receiver", "scheduled": "Appointment made", "kept": "Appointment kept",
    "missed": "Appointment not kept", "reported": "Reported back", "closed": "Closed", "declined": "Declined by the receiver", "withdrawn": "Withdrawn",
}  # fmt: skip
ENDED: Final = ("closed", "declined", "withdrawn")
NEXT: Final = {
    "prepared": ("withdrawn",), "sent": ("acknowledged", "accepted", "scheduled", "declined", "withdrawn"), "acknowledged": ("accepted", "scheduled", "declined", "withdrawn"),
    "accepted": ("scheduled", "declined", "withdrawn"), "scheduled": ("kept", "missed", "declined", "withdrawn"), "missed": ("scheduled", "declined", "withdrawn"), "kept": ("reported",), "reported": ("closed",),
}  # fmt: skip
_STATUS: Final = {"sent": "requested", "acknowledged": "requested", "accepted": "accepted", "closed": "completed", "declined": "rejected", "withdrawn": "cancelled"}
"""What the status of the Task is at a step (https://hl7.org/fhir/R4/valueset-task-status.html); between, it is in progress."""
_DISCLOSURE: Final = "disclosure"
_APPOINTMENT: Final = "appointment"
_ASKED: Final = "asked-again"
_DELIVERY: Final = "delivery"


class Handoff(NamedTuple):
    """A hand-off, read. recipient: an Organization's id; sent: disclosure ids, the newest last; appointment: FHIR dateTime or ''."""

    id: str
    patient: str
    request: str
    recipient: str
    step: str
    reason: str
    due: str
    begun: str
    owner: str
    status: str
    sent: tuple[str, ...]
    appointment: str
    asked: tuple[str, ...]
    notes: tuple[tuple[str, str, str], ...]
    version: str
    task: dict[str, Any]

    @property
    def open(self) -> bool:
        """Whether the loop is not closed."""
        return self.status in tasks.OPEN

    @property
    def deliveries(self) -> tuple[str, ...]:
        """Documents that were queued for it (gate/exchange/posting.py), the newest last."""
        return tuple(str(o.get("valueString", "")) for o in self.task.get("output", ()) if code_of(o.get("type")) == _DELIVERY)


def read(stored: Any) -> Handoff:
    """The hand-off that a stored Task is. Raises NotFound for any other."""
    task = stored.resource
    if code_of(task.get("code")) != KIND:
        raise errors.NotFound("There is no such hand-off.")
    said = [(code_of(o.get("type")), str(o.get("valueString", ""))) for o in task.get("output", ())]
    recipient = next((str(i.get("valueReference", {}).get("reference", "")).partition("/")[2] for i in task.get("input", ()) if "valueReference" in i), "")
    return Handoff(
        str(task["id"]), id_of(task.get("for"), "Patient"), id_of(task.get("focus"), "ServiceRequest"), recipient, code_of(task.get("businessStatus")).removeprefix(_STEP) or "prepared",
        str(task.get("reasonCode", {}).get("text", "")), str(task.get("restriction", {}).get("period", {}).get("end", "")), str(task.get("authoredOn", "")),
        str(task.get("owner", {}).get("reference", "")), str(task["status"]), tuple(v for k, v in said if k == _DISCLOSURE), next((v for k, v in reversed(said) if k == _APPOINTMENT), ""),
        tuple(v for k, v in said if k == _ASKED), tuple((str(n.get("time", "")), str(n.get("authorString", "")), str(n.get("text", ""))) for n in task.get("note", ())), stored.version, task,
    )  # fmt: skip


async def of_patient(access: Access, patient: str) -> list[Handoff]:
    """The hand-offs of a client, the newest first."""
    found = await access.search("Task", [("code", f"{CARE}|{KIND}"), ("patient", patient), ("_sort", "-authored-on")], count=50)
    return [read(s) for s in found.matches]


async def waiting(access: Access, *, count: int = 200) -> list[Handoff]:
    """Open hand-offs of everybody whom the caller may see, the next due first."""
    found = await tasks.listed(access, KIND)
    if found is None:
        found = (await access.search("Task", [("code", f"{CARE}|{KIND}"), ("status", ",".join(tasks.OPEN))], count=count)).matches
    return sorted((read(s) for s in found[:count]), key=lambda h: (h.due or "9", h.begun, h.id))


async def one(access: Access, id_: str) -> Handoff:
    """One hand-off. Raises NotFound."""
    return read(await access.read("Task", id_))


async def prepare(access: Access, patient: str, recipient: str, *, asks: str, why: str) -> str:
    """Begin one: what is asked of whom, and why. The id of its Task. Raises Malformed, NotFound for a recipient that is not there."""
    if not asks.strip() or not recipient:
        raise errors.Malformed("Choose who receives it and write what you ask of them.")
    await access.read("Organization", recipient)
    program = await origin.made_by(access, "Patient", patient)
    request, id_ = new_id(), new_id()
    asked: dict[str, Any] = {
        "resourceType": "ServiceRequest", "status": "draft", "intent": "order", "category": [concept("referral", "Referral")], "code": {"text": asks.strip()}, "subject": ref("Patient", patient),
        "authoredOn": moment(access), "performer": [ref("Organization", recipient)], **({"requester": who} if (who := author(access)) else {}), **({"reasonCode": [{"text": why.strip()}]} if why.strip() else {}),
    }  # fmt: skip
    task = tasks.new(access, KIND, "Hand-off", patient=patient, owner=access.caller.agent, role=None if access.caller.agent else access.caller.role, focus=f"ServiceRequest/{request}",
                     due=access.now + timedelta(days=1), why=asks.strip(), program=program, id_=id_)  # fmt: skip
    assert task.resource is not None  # noqa: S101 - a create has one
    task.resource |= {"businessStatus": concept(_STEP + "prepared", STEPS["prepared"]), "input": [{"type": concept("recipient", "Recipient"), "valueReference": ref("Organization", recipient)}]}
    await access.write([Change("create", "ServiceRequest", request, asked, program=program), task], action="handoff")
    return id_


async def wish(access: Access, handoff: Handoff) -> Wish:
    """What would be released for it."""
    rules = await policies.of(access)
    return Wish(handoff.patient, f"Organization/{handoff.recipient}", PURPOSE, ("Patient", *rules.value("handoff.types")), document=f"Summary for {handoff.reason}"[:120])


async def preview(access: Access, handoff: Handoff) -> Preview:
    """Exactly what would leave now, what would stay, and why."""
    return await releasing.preview(access, await wish(access, handoff))


async def send(access: Access, handoff: Handoff, digest: str, form: str = "") -> str:
    """Send what was looked at; the id of the disclosure. Raises Conflict where it changed since: then nothing has left; ProofNeeded.

    form: of `clinical.FORMS`, '' for a FHIR document; the decision and what leaves are the same in each.

    The gate writes the disclosure before anything counts as sent. Should the note of it fail, the log has it, and sending again sends again.
    """
    if handoff.step not in ("prepared", "sent"):
        raise errors.Malformed("This hand-off was sent already.")
    wished = await wish(access, handoff)
    made = await clinical.maker(access, wished, form, series=f"Task/{handoff.id}", version=len(handoff.sent) + 1, reason=handoff.reason) if form else None
    disclosure = await releasing.release(access, wished, digest, made=made, media=clinical.MEDIA if form else "")
    await sent(access, handoff, _DISCLOSURE, disclosure)
    return disclosure


async def sent(access: Access, handoff: Handoff, kind: str, value: str) -> None:
    """Note that it was sent: `disclosure` with the id of its line in the log, or `delivery` with that of the document that was queued."""
    rules = await policies.of(access)
    due = access.now + timedelta(days=rules.number("handoff.silence-days"))
    request = await access.read("ServiceRequest", handoff.request)
    output = [*handoff.task.get("output", ()), {"type": concept(kind, kind.capitalize()), "valueString": value}]
    await access.write([
        _step(access, handoff, "sent", "Sent.", due=due, output=output),
        Change("update", "ServiceRequest", handoff.request, {**request.resource, "status": "active"}, if_match=request.version),
    ], action="handoff")  # fmt: skip


def _step(access: Access, handoff: Handoff, step: str, note: str, *, due: datetime | None = None, **more: Any) -> Change:
    said = {"time": moment(access), "authorString": access.caller.name, "text": f"{STEPS[step]}. {note}".strip() if note and note != "Sent." else STEPS[step]}
    task = {**handoff.task, "businessStatus": concept(_STEP + step, STEPS[step]), "status": _STATUS.get(step, "in-progress"), "note": [*handoff.task.get("note", ()), said],
            "lastModified": max(moment(access), handoff.begun), **more}  # fmt: skip
    if due is not None:
        task["restriction"] = {"period": {"end": instant(due)}}
    return Change("update", "Task", handoff.id, task, if_match=handoff.version)


async def move(access: Access, handoff: Handoff, step: str, note: str, *, appointment: str = "") -> None:
    """One step further. Raises Malformed for a step that does not follow, an appointment without a day, an end without a word; VersionConflict."""
    if step not in NEXT.get(handoff.step, ()):
        raise errors.Malformed("That does not follow from where it stands. Look at it again.")
    if step in ("declined", "withdrawn", "missed", "reported") and not note.strip():
        raise errors.Malformed("Write what was said: by whom, and what follows.")
    rules = await policies.of(access)
    due: datetime | None = None
    more: dict[str, Any] = {}
    if step == "scheduled":
        day = _day(appointment)
        due = datetime.combine(day, access.now.timetz()) + timedelta(days=rules.number("handoff.kept-days"))
        more["output"] = [*handoff.task.get("output", ()), {"type": concept(_APPOINTMENT, "Appointment"), "valueString": appointment}]
    elif step in ("acknowledged", "accepted", "missed", "kept", "reported"):
        due = access.now + timedelta(days=rules.number("handoff.lead-days"))
    changes = [_step(access, handoff, step, note.strip(), due=due, **more)]
    if step in ENDED:
        request = await access.read("ServiceRequest", handoff.request)
        changes.append(Change("update", "ServiceRequest", handoff.request, {**request.resource, "status": "completed" if step == "closed" else "revoked"}, if_match=request.version))
    await access.write(changes, action="handoff")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise errors.Malformed("Write the day of the appointment.") from None


async def follow(access: Access) -> None:
    """By the clock: silence is told to its sender, and after some more days to whoever leads. Each is told once at each step.

    What was sent and not acknowledged is silent after days; what goes on is silent when the day of its next step is over.
    """
    rules = await policies.of(access)
    for handoff in await waiting(access, count=500):
        since = _silent_since(handoff)
        for rule, role in (("handoff.silence-days", ""), ("handoff.lead-days", "supervisor")):
            key = rule if handoff.step == "sent" else f"{rule} {handoff.step}"
            wait = rules.number(rule) if handoff.step == "sent" or role else 0
            if since is None or key in handoff.asked or access.now < since + timedelta(days=wait):
                continue
            stored = await access.read("Task", handoff.id)
            current = read(stored)
            program = await origin.made_by(access, "Task", handoff.id)
            told = tasks.new(access, "handoff-silent", "A hand-off has not been acknowledged" if current.step == "sent" else "A hand-off does not go on", patient=handoff.patient, owner=None if role else handoff.owner or None,
                             role=role or (None if handoff.owner else "clinician"), focus=f"Task/{handoff.id}", priority="urgent" if role else "routine", due=access.now + timedelta(days=1), program=program)  # fmt: skip
            output = [*current.task.get("output", ()), {"type": concept(_ASKED, "Asked again"), "valueString": key}]
            try:
                await access.write([told, Change("update", "Task", handoff.id, {**current.task, "output": output, "lastModified": max(moment(access), handoff.begun)}, if_match=current.version)], action="handoff")
            except errors.VersionConflict:
                break  # somebody did something about it at this moment


def _silent_since(handoff: Handoff) -> datetime | None:
    """Since when somebody should have been heard; None while nobody is waited for."""
    if handoff.step == "sent":
        return _sent_at(handoff) if handoff.sent else None
    return datetime.fromisoformat(handoff.due) if handoff.step != "prepared" and len(handoff.due) > 10 else None  # noqa: PLR2004 - with a time


def _sent_at(handoff: Handoff) -> datetime | None:
    times = [when for when, _, text in handoff.notes if text.startswith(STEPS["sent"])]
    return datetime.fromisoformat(times[-1]) if times else None
