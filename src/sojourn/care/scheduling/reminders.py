"""Reminders in neutral words: queued as Communications, sent by channels that can be added.

A reminder says that there is an appointment, when, and nothing else: not with whom, not where, not for what. It is made only for clients
who agreed to be reminded, by the means to which they agreed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

from sojourn.base import crypto, errors
from sojourn.care.policies import Policies
from sojourn.care.resources import CARE, code_of, concept, id_of, moment, ref
from sojourn.care.scheduling import appointments
from sojourn.care.scheduling.appointments import Booked
from sojourn.gate import elsewhere, origins
from sojourn.gate.access import Access
from sojourn.gate.changes import Change

AGREED: Final = "https://sojourn.example/fhir/StructureDefinition/reminders-agreed"
"""On a telecom of a Patient: a code of MEANS by which the client agreed to be reminded there."""
ABOUT: Final = "https://sojourn.example/fhir/reminder"
QUEUED, SENT, FAILED = "preparation", "completed", "not-done"
MEANS: Final = (("phone", "Phone call"), ("phone-message", "Phone call, a message may be left"), ("sms", "Text message"), ("email", "E-mail"))


class Message(NamedTuple):
    """What a channel is given: where to, and the words. leave: whether a message may be left with whoever or whatever answers."""

    to: str
    text: str
    leave: bool


class Channel(Protocol):
    """A way to deliver. Its name is a code of MEANS."""

    name: str

    async def send(self, message: Message) -> bool:
        """Deliver; whether that was done. What returns False stays queued. Raises nothing."""
        ...


CHANNELS: dict[str, Channel] = {}
"""Channels that send by themselves, by name: an installation adds its own. What has none is called from the list."""


class Agreement(NamedTuple):
    """Where and how a client agreed to be reminded. means: a code of MEANS."""

    means: str
    to: str


def agreement(patient: dict[str, Any]) -> Agreement | None:
    """The first telecom on which a client agreed to it; None for who did not: then nothing is sent."""
    for telecom in patient.get("telecom", ()):
        for extension in telecom.get("extension", ()):
            if extension.get("url") == AGREED and extension.get("valueCode") in dict(MEANS) and telecom.get("value"):
                return Agreement(str(extension["valueCode"]), str(telecom["value"]))
    return None


def agreed(patient: dict[str, Any], means: str, number: int) -> dict[str, Any]:
    """The Patient with the agreement on one of their telecoms ('' takes it back everywhere). Raises Malformed."""
    if means and (means not in dict(MEANS) or not 0 <= number < len(patient.get("telecom", ()))):
        raise errors.Malformed("Choose a number or address, and how to be reminded there.")
    telecoms = []
    for n, telecom in enumerate(patient.get("telecom", ())):
        kept = [e for e in telecom.get("extension", ()) if e.get("url") != AGREED]
        if means and n == number:
            kept.append({"url": AGREED, "valueCode": means})
        telecoms.append({k: v for k, v in {**telecom, "extension": kept}.items() if k != "extension" or v})
    return {**patient, "telecom": telecoms}


async def agree(access: Access, patient: str, means: str, number: int) -> None:
    """Write down what the client said. Raises NotFound, Malformed, VersionConflict."""
    stored = await access.read("Patient", patient)
    await access.write([Change("update", "Patient", patient, agreed(stored.resource, means, number), if_match=stored.version)], action="reminders")


def words(booked: Booked) -> str:
    """What the client reads or hears, by the clock of the place where it is."""
    wall = datetime.fromisoformat(booked.written)
    return f"A reminder: you have an appointment on {wall:%A}, {wall.day} {wall:%B}, at {wall.hour % 12 or 12}:{wall:%M} {'am' if wall.hour < 12 else 'pm'}."


def _id(booked: Booked) -> str:
    """The same for the same appointment at the same time: however often the clock looks, there is one reminder."""
    return crypto.sha256_hex(f"reminder:{booked.id}:{booked.written}".encode())[:32]


async def queue(access: Access, rules: Policies) -> int:
    """By the clock: a reminder for each appointment that comes up within the policy's hours. How many are new."""
    low, high = access.now, access.now + timedelta(hours=rules.number("schedule.reminder-hours"))
    coming = [b for b in await appointments.between(access, low, high, statuses=("booked",)) if b.patient and b.kind != elsewhere.CODE]
    new = 0
    for first in range(0, len(coming), 100):
        new += await _queue(access, coming[first : first + 100])
    return new


async def _queue(access: Access, some: list[Booked]) -> int:
    people = {s.id: s.resource for s in (await access.search("Patient", [("_id", ",".join(sorted({b.patient for b in some})))], count=100)).matches}
    known = {s.id for s in (await access.search("Communication", [("_id", ",".join(_id(b) for b in some))], count=100)).matches}
    changes = []
    for booked in some:
        how = agreement(people.get(booked.patient, {}))
        if how is None or _id(booked) in known:
            continue
        body = {
            "resourceType": "Communication", "id": _id(booked), "status": QUEUED, "category": [concept("reminder", "Reminder")], "medium": [concept(how.means, dict(MEANS)[how.means])],
            "identifier": [{"system": ABOUT, "value": _id(booked)}], "subject": ref("Patient", booked.patient), "recipient": [ref("Patient", booked.patient)],
            "about": [ref("Appointment", booked.id)], "payload": [{"contentString": words(booked)}],
        }  # fmt: skip
        program = await origins.program_of(access, "Appointment", booked.id)
        changes.append(Change("update", "Communication", _id(booked), body, upsert=True, program=program))
    if changes:
        await access.write(changes, action="reminders")
    return len(changes)


async def send(access: Access) -> int:
    """By the clock: what has a channel that sends by itself. How many went."""
    went = 0
    for name, channel in CHANNELS.items():
        for work in await waiting(access, means=name):
            patient = (await access.read("Patient", work.patient)).resource
            how = agreement(patient)
            if how is None or how.means != name:
                await close(access, work.id, "The client no longer agrees to it.", reached=False)
            elif await channel.send(Message(how.to, work.text, leave=False)):
                await close(access, work.id, "Sent", reached=True)
                went += 1
    return went


class Due(NamedTuple):
    """A reminder that waits. appointment: the id of what it is about, '' where that may not be seen."""

    id: str
    patient: str
    appointment: str
    means: str
    text: str


async def waiting(access: Access, *, means: str = "") -> list[Due]:
    """Reminders that nobody has delivered yet, as far as the caller may see them. One search."""
    params = [("status", QUEUED), ("category", f"{CARE}|reminder"), *([("medium", f"{CARE}|{means}")] if means else [])]
    found = await access.search("Communication", params, count=300)
    rows = [
        Due(str(c["id"]), id_of(c.get("subject"), "Patient"), next((id_of(a, "Appointment") for a in c.get("about", ())), ""), next((code_of(m) for m in c.get("medium", ())), ""),
            next((str(p.get("contentString", "")) for p in c.get("payload", ())), ""))
        for c in found.resources
    ]  # fmt: skip
    return [row for row in rows if row.patient]


async def close(access: Access, id_: str, note: str, *, reached: bool) -> None:
    """It was delivered, or it was not: with what happened. Twice is once."""
    stored = await access.read("Communication", id_)
    if stored.resource.get("status") != QUEUED:
        return
    said = {**stored.resource, "status": SENT if reached else FAILED, **({"sent": moment(access)} if reached else {"statusReason": {"text": note}}), "note": [{"time": moment(access), "text": note}]}
    await access.write([Change("update", "Communication", id_, said, if_match=stored.version)], action="reminders")
