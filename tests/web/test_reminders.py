"""Reminders that channels send: to who agreed, once, never late; what cannot be sent waits for somebody to call."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.scheduling import appointments, duties, reminders
from sojourn.doors.calling.mailing import Mailing
from sojourn.gate.channels import BY, EMAIL, SMS
from tests.doors.calling.counterpart import Mails, Texts
from tests.people import Clinic, patient
from tests.web.test_emergency import post
from tests.web.test_gate import screen
from tests.web.test_schedule import booked, clinic, clock_access, known

__all__ = ["clinic"]
WORDS = "A reminder: you have an appointment on Monday, 30 November, at 3:00 pm."


async def client(of: Clinic, value: str, agreed: str, at: str = "15:00", family: str = "Rivera") -> str:
    system = "email" if "@" in value else "phone"
    p = (await of.make("sys-mh", patient(family, telecom=[{"system": system, "value": value}]))).id
    await booked(of, "mh-clinician", p, "2026-11-30", at)
    assert (await agree(of, p, agreed)).status_code == 303
    return p


async def agree(of: Clinic, p: str, agreed: str) -> Any:
    path = f"/patients/{p}/appointments"
    return await post(await screen(of, "mh-clinician"), path, path, do="agree", agreed=f"{agreed}:0")


async def looked(of: Clinic) -> None:
    await duties.remind(await clock_access(of))
    await duties.send(await clock_access(of))


def later(**step: float) -> None:
    clock.set_clock(FakeClock(clock.now() + timedelta(**step)))


async def listed(of: Clinic) -> str:
    return str((await (await screen(of, "mh-clinician")).get("/schedule/reminders")).text)


async def said(of: Clinic, p: str) -> tuple[str, str]:
    (found,) = await known(of, "mh-clinician", f"Communication?patient={p}")
    return found["status"], found["note"][0]["text"] if found.get("note") else ""


async def test_a_reminder_goes_by_text_and_by_email_where_the_client_agreed(clinic: Clinic) -> None:
    texts, mails = Texts(), Mails()
    async with mails.open():
        clinic.gate.house.channels = {SMS: texts.channel(), EMAIL: Mailing(f"127.0.0.1:{mails.port}", "notices@example.org")}
        ana, bo = await client(clinic, "518-555-0199", "sms"), await client(clinic, "bo@x.example", "email", "16:00", "Boone")
        await client(clinic, "518-555-0142", "phone", "11:00", "Quill")
        await looked(clinic)
        await looked(clinic)
    assert list(texts.given.values()) == [("+15185550199", WORDS)]
    (mail,) = mails.mails()
    assert (mail["to"], mail["subject"], str(mail.get_payload()).strip()) == ("bo@x.example", "A reminder", WORDS.replace("3:00", "4:00"))
    assert [await said(clinic, ana), await said(clinic, bo)] == [("completed", "Sent"), ("completed", "Sent")]
    page = await listed(clinic)
    assert "Quill" in page
    assert "Rivera" not in page
    assert "Boone" not in page


async def test_one_that_does_not_go_waits_on_the_list_and_is_sent_when_it_can_be(clinic: Clinic) -> None:
    texts = Texts()
    clinic.gate.house.channels = {SMS: texts.channel()}
    texts.down = 503
    ana = await client(clinic, "518-555-0199", "sms")
    await looked(clinic)
    assert "518-555-0199" in await listed(clinic)
    assert "not been taken yet" in await listed(clinic)
    texts.down = 0
    later(minutes=5)
    await looked(clinic)
    assert texts.to("+15185550199") == [WORDS]
    assert await said(clinic, ana) == ("completed", "Sent")


async def test_a_number_that_is_none_stays_on_the_list_with_why_and_is_not_tried_again(clinic: Clinic) -> None:
    texts = Texts()
    texts.no = {"+15185550199"}
    clinic.gate.house.channels = {SMS: texts.channel()}
    await client(clinic, "518-555-0199", "sms")
    await looked(clinic)
    later(minutes=5)
    await looked(clinic)
    assert texts.asked == 1
    assert "cannot be delivered to this number" in await listed(clinic)
    assert (await agree(clinic, await client(clinic, "518-555-0177", "phone", "11:00"), "email")).status_code == 422


async def test_nothing_is_said_of_an_appointment_that_is_over_moved_or_taken_back(clinic: Clinic) -> None:
    texts = Texts()
    clinic.gate.house.channels = {SMS: texts.channel()}
    texts.down = 503
    gone, over, no = await client(clinic, "518-555-0199", "sms"), await client(clinic, "518-555-0142", "sms", "09:00"), await client(clinic, "518-555-0143", "sms", "11:00")
    await looked(clinic)
    access = await clinic.gate.access(clinic.tokens["mh-clinician"])
    assert access is not None
    (visit,) = await appointments.of_patient(access, gone)
    await appointments.cancel(access, [visit.id], "Asked for another day.")
    assert (await agree(clinic, no, "")).status_code == 303
    later(hours=2)
    texts.down = 0
    await looked(clinic)
    assert texts.given == {}
    assert await said(clinic, gone) == ("not-done", "The appointment is not at this time any more.")
    assert await said(clinic, over) == ("not-done", "The appointment has begun.")
    assert await said(clinic, no) == ("not-done", "The client no longer agrees to it.")
    assert await reminders.waiting(await clock_access(clinic)) == []


async def test_of_several_processes_that_look_at_once_one_sends_it(clinic: Clinic) -> None:
    texts = Texts()
    clinic.gate.house.channels = {SMS: texts.channel()}
    await client(clinic, "518-555-0199", "sms")
    await duties.remind(await clock_access(clinic))
    clerks = [await clock_access(clinic) for _ in range(3)]
    together, really = asyncio.Barrier(3), reminders.waiting

    async def waiting(*args: Any, means: str = "") -> list[reminders.Due]:
        found = await really(*args, means=means)
        if means == "sms":
            await together.wait()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reminders, "waiting", waiting)
        await asyncio.gather(*(duties.send(c) for c in clerks))
    assert texts.asked == 1


OPIOID = "Opioid treatment"
"""What an appointment of the Part 2 program says of itself, its place and who is seen there."""


async def at_the_hidden_program(of: Clinic, means: str, value: str) -> str:
    """A client of the Part 2 program alone, who agreed to this, with an appointment whose every word tells; its id."""
    system = "email" if means == "email" else "phone"
    telecom = [{"system": system, "value": value, "extension": [{"url": reminders.AGREED, "valueCode": means}]}]
    p = (await of.make("sys-sud", patient("Quill", telecom=telecom))).id
    site = (await of.make("sys-sud", {"resourceType": "Location", "status": "active", "name": f"{OPIOID} Center"})).id
    actors = [("Patient", p, "Ana Quill"), ("Practitioner", "sud-clinician", "Dr. Sud-Clinician, addiction medicine"), ("Location", site, f"{OPIOID} Center")]
    return (await of.make("sys-sud", {
        "resourceType": "Appointment", "status": "booked", "start": "2026-11-30T15:00:00-05:00", "end": "2026-11-30T15:50:00-05:00", "minutesDuration": 50,
        "serviceCategory": [{"text": OPIOID}], "serviceType": [{"text": "Methadone dosing"}], "specialty": [{"text": "Addiction medicine"}], "appointmentType": {"text": "Induction"},
        "reasonCode": [{"text": "Opioid use disorder"}], "description": f"{OPIOID}, dosing window", "comment": "Bring the lock box", "patientInstruction": "No opioids the day before",
        "participant": [{"actor": {"reference": f"{type_}/{id_}", "display": name}, "status": "accepted"} for type_, id_, name in actors],
    })).id  # fmt: skip


async def test_what_is_sent_to_a_client_of_a_hidden_program_has_no_word_of_it_by_any_channel(clinic: Clinic) -> None:
    """All that leaves: to whom, the subject, the words, and what stands around them; no name of program, site, service or clinician."""
    texts, mails = Texts(), Mails()
    async with mails.open():
        clinic.gate.house.channels = {SMS: texts.channel(), EMAIL: Mailing(f"127.0.0.1:{mails.port}", "notices@example.org")}
        visits = [await at_the_hidden_program(clinic, "sms", "518-555-0199"), await at_the_hidden_program(clinic, "email", "quill@x.example")]
        await looked(clinic)
    assert set(clinic.gate.house.channels) == set(BY), "a channel that is new is tried here, too"
    ((key, given),) = texts.given.items()
    assert given == ("+15185550199", WORDS)
    (mail,) = mails.mails()
    assert (mail["from"], mail["to"], mail["subject"], str(mail.get_payload()).strip()) == ("notices@example.org", "quill@x.example", "A reminder", WORDS)
    around = " ".join([key, *map(str, mail.values())])
    assert not [id_ for id_ in visits if id_ in around]
    for who in ("sud-clinician", "mh-clinician"):
        assert len(await known(clinic, who, "Communication")) == (2 if who == "sud-clinician" else 0)
    assert "Quill" not in await listed(clinic)
