"""Reminders in neutral words: queued as Communications, sent by channels that can be added.

A reminder says that there is an appointment, when, and nothing else: not with whom, not where, not for what. It is made only for clients
who agreed to be reminded, by the means to which they agreed.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import crypto, errors
from sojourn.care.policies import Policies
from sojourn.care.resources import CARE, code_of, concept, id_of, moment, ref
from sojourn.care.scheduling import appointments
from sojourn.care.scheduling.appointments import Booked
from sojourn.gate import channels, elsewhere, origins
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.guessing import Guessing

if TYPE_CHECKING:
    from sojourn.gate.channels import Channel

AGREED: Final = "https://sojourn.example/fhir/StructureDefinition/reminders-agreed"
"""On a telecom of a Patient: a code of MEANS by which the client agreed to be reminded there."""
ABOUT: Final = "https://sojourn.example/fhir/reminder"
QUEUED, SENT, FAILED = "preparation", "completed", "not-done"
MEANS: Final = (("phone", "Phone call"), ("phone-message", "Phone call, a message may be left"), ("sms", "Text message"), ("email", "E-mail"))


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
    if means in channels.BY and not channels.address(means, str(patient["telecom"][number].get("value", ""))):
        raise errors.Malformed("No message can be sent to this number or address. Correct it, with the country before a number from elsewhere, as in +1 518 555 0142.")
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
    """By the clock: what a channel of the house can send, and the end of what is too late. How many went.

    What no channel takes stays on the list to call from; of one that does not work now nothing more is tried until the next look.
    """
    went, down = 0, set[str]()
    waits = [d for means in dict(MEANS) for d in await waiting(access, means=means)]
    there = await _booked(access, {d.appointment for d in waits if d.appointment})
    for due in waits:
        channel = access.house.channels.get(due.means) if due.means not in down and not due.note else None
        with suppress(errors.VersionConflict, errors.NotFound, errors.Gone):  # somebody called meanwhile, or it may not be seen any more: the record has the answer
            late = _over(access, due, there)
            if not late and channel is not None:  # once more just before it goes: those before it took their time
                late = _over(access, due, await _booked(access, {due.appointment}))
            if late:
                await close(access, due.id, late, reached=False)
            elif channel is not None:
                outcome = await _sent(access, due, channel)
                went += outcome == channels.GIVEN
                down |= {due.means} if outcome == channels.LATER else set()
    return went


async def _booked(access: Access, ids: set[str]) -> dict[str, Booked]:
    """Appointments by id, as far as they may be seen."""
    found: dict[str, Booked] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), 100):
        some = await access.search("Appointment", [("_id", ",".join(wanted[start : start + 100]))], count=100)
        found |= {str(r["id"]): appointments.read(r) for r in some.resources}
    return found


def _over(access: Access, due: Due, there: dict[str, Booked]) -> str:
    """Why it is not said any more; '' while it is right. Nothing is said of an appointment that is over, moved or cancelled."""
    found = there.get(due.appointment)
    if found is None or found.status != "booked" or _id(found) != due.id:
        return "The appointment is not at this time any more."
    return "The appointment has begun." if found.start is None or found.start <= access.now else ""


async def _sent(access: Access, due: Due, channel: Channel) -> str:
    """GIVEN, LATER or REFUSED; '' where the client no longer agrees, or another process sends it."""
    how = agreement((await access.read("Patient", due.patient)).resource)
    if how is None or how.means != due.means:
        await close(access, due.id, "The client no longer agrees to it.", reached=False)
        return ""
    try:  # of several processes that look at once one sends it: a mail server knows no keys
        await Guessing(access.house.db, access.house.key).attempt(access.tenant.number, due.id, "", ("reminder",))
    except errors.TooManyRequests:
        return ""
    outcome = await channel.send(channels.Message(f"reminder-{due.id}", how.to, "A reminder", due.text))
    if outcome == channels.GIVEN:
        await close(access, due.id, "Sent", reached=True)
    elif outcome == channels.REFUSED:
        await _noted(access, due.id, "Not sent: it cannot be delivered to this number or address. Call, and ask for the right one.")
    return outcome


async def _noted(access: Access, id_: str, text: str) -> None:
    """What became of it, while it still waits for somebody to call."""
    stored = await access.read("Communication", id_)
    if stored.resource.get("status") == QUEUED:
        said = {**stored.resource, "note": [{"time": moment(access), "text": text}]}
        await access.write([Change("update", "Communication", id_, said, if_match=stored.version)], action="reminders")


class Due(NamedTuple):
    """A reminder that waits. appointment: the id of what it is about, '' where that may not be seen. note: why no channel can send it."""

    id: str
    patient: str
    appointment: str
    means: str
    text: str
    note: str


async def waiting(access: Access, *, means: str = "") -> list[Due]:
    """Reminders that nobody has delivered yet, as far as the caller may see them. One search."""
    params = [("status", QUEUED), ("category", f"{CARE}|reminder"), *([("medium", f"{CARE}|{means}")] if means else [])]
    found = await access.search("Communication", params, count=300)
    rows = [
        Due(str(c["id"]), id_of(c.get("subject"), "Patient"), next((id_of(a, "Appointment") for a in c.get("about", ())), ""), next((code_of(m) for m in c.get("medium", ())), ""),
            next((str(p.get("contentString", "")) for p in c.get("payload", ())), ""), next((str(n.get("text", "")) for n in c.get("note", ())), ""))
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
