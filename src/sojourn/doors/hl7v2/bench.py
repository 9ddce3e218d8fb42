"""Does the steps of the test bench: sends, and reads what came, by the profile; no record is touched.

What we send is written by the same writer as in production, from people who do not exist. What came is read by the same readers, and
becomes nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import clock, ids
from sojourn.care.exchange.facts import CannotMap
from sojourn.doors.hl7v2 import oru
from sojourn.doors.hl7v2.out import client, compose
from sojourn.doors.hl7v2.out.client import Identity, Line, NotAnswered, NotReached
from sojourn.doors.hl7v2.out.compose import Envelope
from sojourn.doors.hl7v2.out.events import Step as Told
from sojourn.doors.hl7v2.out.look import View
from sojourn.doors.hl7v2.reading import MAPPED_TYPES, READERS
from sojourn.gate.exchange import profile, testing, trying
from sojourn.gate.exchange.boxes import head_of
from sojourn.gate.exchange.partners import API
from sojourn.gate.exchange.testing import FAILED, FILE, IN, OUT, PASSED, WAITS, Step
from sojourn.gate.exchange.trying import Run
from sojourn.gate.exchange.walking import Walking
from sojourn.wire import hl7v2
from sojourn.wire.hl7v2 import NotReadable

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.gate import House

_FIELD: Final = re.compile(r"([A-Z][A-Z0-9]{2})-(\d+)")


class Bench(Walking):
    """The task that does it."""

    def __init__(self, house: House, identity: Identity) -> None:
        super().__init__(house)
        self._identity = identity

    async def round(self, tenant: Tenant) -> None:
        """Go on with every run, as far as that goes now."""
        found = await trying.running(self._house, tenant.number)
        if not found:
            return
        known = await trying.active(self._house, tenant.number)
        for run in found:
            if (partner := known.get(run.partner)) is not None and partner.door != API:
                await self._go_on(tenant, partner, run)

    async def _go_on(self, tenant: Tenant, partner: Partner, run: Run) -> None:
        steps = await self._came(tenant, partner, run, list(run.steps))
        for n, step in enumerate(steps):
            if step.way == OUT and step.state == WAITS:
                steps[n] = await self._sent(partner, step)
        if steps != run.steps or all(s.state == PASSED for s in steps):
            await trying.record(self._house, tenant.number, run, steps)

    async def _came(self, tenant: Tenant, partner: Partner, run: Run, steps: list[Step]) -> list[Step]:
        """What came since the run began, each message for the step of its kind that is not passed."""
        used = {s.message for s in steps}
        for one in await trying.came(self._house, tenant.number, partner.id, run.begun):
            n = next((n for n, s in enumerate(steps) if s.state != PASSED and (s.way == FILE if one.door == "sftp" else s.way == IN and s.kind == one.kind)), None)
            if n is None or one.id in used:
                continue
            if (steps[n].at and datetime.fromisoformat(steps[n].at) > one.received) and steps[n].state == WAITS:
                continue  # it came before the step was asked for again
            state, said = _file(one.content) if one.door == "sftp" else looked(one.content, steps[n], partner)
            steps[n] = steps[n].became(state, said, clock.now(), one.id)
            used.add(one.id)
        return steps

    async def _sent(self, partner: Partner, step: Step) -> Step:
        """Send one to their receiver, and what they answered."""
        out = profile.of(partner.sending)
        control = ids.new_id().replace("-", "")[:16].upper()
        body = written(step, partner, control, clock.now().replace(microsecond=0))
        if body is None:
            return step.became(FAILED, "It cannot be written by this profile. Look at what they get.", clock.now())
        if out.batch:  # nobody is called: they sign that they can read it
            return step.became(PASSED, "It can be written by this profile, as it stands in a file. That they can read it, they say when they sign.", clock.now())
        line = Line(out, self._identity)
        try:
            await line.open()
            said = await line.say(body, control)
        except (NotReached, NotAnswered) as error:
            return step.became(FAILED, error.why.replace("It is sent again, with the same number.", "Do this step again."), clock.now())
        finally:
            await line.close()
        code = f"{said.code}{f', {said.where}' if said.where else ''}"
        return step.became(PASSED if said.verdict == client.ACCEPTED else FAILED, f"They answered {code}.", clock.now())


def _file(content: bytes) -> tuple[str, str]:
    head = head_of(content)
    return PASSED, f"It arrived whole: {head.size} bytes, SHA-256 {head.digest[:16]}…"


def looked(content: bytes, step: Step, partner: Partner) -> tuple[str, str]:
    """What comes of a message that a partner sent as a step: (state, in words that name nobody)."""
    try:
        message = hl7v2.parse(content, partner.charset)
    except NotReadable as error:
        return FAILED, f"It cannot be read: {error}"
    pid = message.one("PID")
    if pid is None or not any(testing.is_synthetic(r.c(1)) for n in (3, 2) for r in pid.reps(n)):
        return FAILED, f"It names nobody of the script (PID-3 begins with {testing.MARK}). It stays held, and nobody's record was touched. If it is about somebody real, tell the privacy officer."
    missing = [need for need in step.needs if not _says(message, need)]
    if missing:
        return FAILED, f"These fields say nothing: {', '.join(missing)}."
    if message.type in MAPPED_TYPES:
        try:
            read = READERS[message.type](message, partner).pieces if message.type in READERS else oru.reports(message, partner)
        except CannotMap as error:
            return FAILED, error.why
        if not read and message.type == "ORU^R01":
            return FAILED, "It has no report (OBR)."
    ours = [r.c(4, 1) for r in pid.reps(3) if r.c(4, 1) in partner.authorities]
    known = f" The number is one of ours ({ours[0]})." if ours else " No number in it is ours (PID-3.4): people are found by name and birth date, or somebody decides."
    return PASSED, f"Taken, and read by the profile.{known}"


def _says(message: hl7v2.Message, need: str) -> bool:
    found = _FIELD.fullmatch(need)
    return bool(found) and any(s.raw(int(found[2])) for s in message.all(found[1]))  # type: ignore[index]


# --- what we send -------------------------------------------------------------------------------------------------------------------


def written(step: Step, partner: Partner, control: str, at: datetime) -> bytes | None:
    """The message of a step, about somebody of the script, marked as a test (MSH-11)."""
    out = replace(profile.of(partner.sending), processing="T")
    view, told = _subject(step, partner, at)
    return compose.written(view, told, step.kind, partner, out, Envelope(control, at))


def _subject(step: Step, partner: Partner, at: datetime) -> tuple[View, Told]:
    system = next(iter(partner.authorities.values()), "urn:oid:2.16.840.1.113883.19.5")
    one, other = ({
        "resourceType": "Patient", "id": p.number.lower(), "identifier": [{"system": system, "value": p.number}], "name": [{"family": p.family, "given": [p.given]}], "birthDate": p.born, "gender": p.sex,
        "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}]},
    } for p in testing.people())  # fmt: skip
    about = {"subject": {"reference": f"Patient/{one['id']}"}, "id": f"{testing.MARK.lower()}-{step.subject.lower()}"}
    when = at.isoformat()
    doctor: dict[str, Any] = {"resourceType": "Practitioner", "id": "zztest-doctor", "name": [{"family": "Zztest", "given": ["Doctor"]}]}
    named: dict[str, Mapping[str, Any]] = {f"Patient/{one['id']}": one, f"Patient/{other['id']}": other, "Practitioner/zztest-doctor": doctor}
    match step.subject:
        case "Patient":
            seen: dict[str, Any] = one
        case "Merged":
            seen = {**one, "active": False, "link": [{"other": {"reference": f"Patient/{other['id']}"}, "type": "replaced-by"}]}
        case "Encounter":
            seen = {"resourceType": "Encounter", "status": "in-progress", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP" if step.kind in ("ADT^A01", "ADT^A02", "ADT^A11", "ADT^A12") else "AMB"}, "period": {"start": when}, **about}
        case "Appointment":
            seen = {"resourceType": "Appointment", "id": about["id"], "status": {"SIU^S15": "cancelled", "SIU^S26": "noshow"}.get(step.kind, "booked"), "start": when, "end": when, "minutesDuration": 30, "description": "A test",
                    "participant": [{"actor": about["subject"], "status": "accepted"}, {"actor": {"reference": "Practitioner/zztest-doctor"}, "status": "accepted"}]}  # fmt: skip
        case "ServiceRequest":
            seen = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "identifier": [{"system": "https://sojourn.example/fhir/NamingSystem/lab-requisition", "value": f"{testing.MARK}ORDER"}], "authoredOn": when,
                    "code": {"coding": [{"system": "http://loinc.org", "code": "24323-8", "display": "Comprehensive metabolic panel"}]}, "requester": {"reference": "Practitioner/zztest-doctor"}, **about}  # fmt: skip
        case "DocumentReference":
            seen = {"resourceType": "DocumentReference", "status": "current", "docStatus": "final", "date": when, "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3", "display": "Progress note"}]},
                    "author": [{"reference": "Practitioner/zztest-doctor"}], "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"A test document. It is about nobody.").decode()}}], **about}  # fmt: skip
        case _:
            seen = {"resourceType": "Procedure", "status": "completed", "performedPeriod": {"start": when, "end": when}, "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "90834"}]}, **about}
    return View(seen, one, named), Told((step.kind,), {}, control="NW" if step.subject == "ServiceRequest" else "")
