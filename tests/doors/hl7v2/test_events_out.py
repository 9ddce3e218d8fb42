"""Visits, persons, appointments, documents and services out: each step once, in order, by what the partner is shown."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate.changes import Change
from sojourn.record.database import Dsn
from tests import people
from tests.doors.hl7v2.counterpart import Counterpart, agreed, due, sent
from tests.doors.hl7v2.lab import MRN
from tests.people import START, Clinic, encounter, patient

ADT = ("ADT^A01", "ADT^A02", "ADT^A03", "ADT^A04", "ADT^A08", "ADT^A11", "ADT^A12", "ADT^A13", "ADT^A28", "ADT^A31", "ADT^A40")
SIU = ("SIU^S12", "SIU^S13", "SIU^S14", "SIU^S15", "SIU^S26")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        yield made
        await people.close_clinic(made)


@pytest.fixture
async def hie() -> AsyncIterator[Counterpart]:
    made = await Counterpart().open()
    yield made
    if made.server is not None:
        await made.close()


async def known(clinic: Clinic, organization: str = "", **more: Any) -> tuple[str, str]:
    """(client, organization): somebody in whose care team an organization is."""
    place = organization or f"Organization/{(await clinic.make('sys-mh', {'resourceType': 'Organization', 'name': 'Lakeside'})).id}"
    client = (await clinic.make("sys-mh", patient(identifier=[{"system": MRN, "value": "R1"}], **more))).id
    await clinic.make("sys-mh", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{client}"}, "participant": [{"member": {"reference": place}}]})
    return client, place


async def test_a_stay_is_told_step_by_step_and_a_change_of_what_is_hidden_is_none(clinic: Clinic, hie: Counterpart) -> None:
    client, place = await known(clinic)
    partner = await agreed(clinic, hie, place, *(k for k in ADT if k not in ("ADT^A28", "ADT^A31")), authorities={"RIVER": MRN}, version="2.8")
    rooms = [f"Location/{(await clinic.make('sys-mh', {'resourceType': 'Location', 'name': name})).id}" for name in ("Detox 1", "Unit 2")]
    stay = {**encounter(client), "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}, "status": "in-progress", "period": {"start": "2026-02-28T10:00:00Z"}, "location": [{"location": {"reference": rooms[0]}}]}
    id_ = (await clinic.make("sys-mh", stay)).id
    await sent(clinic, partner)
    two = [{"location": {"reference": rooms[0]}, "status": "completed"}, {"location": {"reference": rooms[1]}, "status": "active"}]
    over = {"status": "finished", "period": {"start": "2026-02-28T10:00:00Z", "end": "2026-03-01T07:00:00Z"}}
    for change in ({"location": two}, {}, {"location": two, "status": "onleave"}, {"location": two, "priority": {"text": "urgent"}}, {**over, "location": two}, {"location": two}, {**over, "location": two, "status": "entered-in-error"}):
        assert (await clinic.put("sys-mh", {**stay, "id": id_, **change})).status == 200
        await sent(clinic, partner)
    assert hie.kinds == ["ADT^A01", "ADT^A02", "ADT^A12", "ADT^A02", "ADT^A03", "ADT^A13", "ADT^A11"], "what says nothing new to them is no message"
    first, moved = hie.messages[0].one("PV1"), hie.messages[1].one("PV1")
    assert first is not None
    assert moved is not None
    assert (first.v(2), first.v(3), first.v(44)[:8], moved.v(3), moved.v(6)) == ("I", "Detox 1", "20260228", "Unit 2", "Detox 1")
    assert hie.messages[4].one("PV1").v(45)[:8] == "20260301"  # type: ignore[union-attr]
    assert hie.messages[0].header.v(9, 3) == "ADT_A01"
    assert [m.header.v(12) for m in hie.messages] == ["2.8"] * 7


async def test_a_change_of_a_visit_is_told_by_a08_once_and_by_what_they_are_shown(clinic: Clinic, hie: Counterpart) -> None:
    client, place = await known(clinic)
    partner = await agreed(clinic, hie, place, "ADT^A04", "ADT^A08", authorities={"RIVER": MRN}, version="2.8")
    who = (await clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Okafor", "given": ["Ngozi"]}]})).id
    visit = {**encounter(client), "status": "in-progress", "period": {"start": "2026-02-28T10:00:00Z"}}
    id_ = (await clinic.make("sys-mh", visit)).id
    await sent(clinic, partner)
    attending = {"participant": [{"type": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "ATND"}]}], "individual": {"reference": f"Practitioner/{who}"}}]}
    for change in (attending, attending, {**attending, "length": {"value": 5}}):
        assert (await clinic.put("sys-mh", {**visit, "id": id_, **change})).status == 200
        await sent(clinic, partner)
    assert hie.kinds == ["ADT^A04", "ADT^A08"], "what changes nothing that they are told is no message"
    pv1 = hie.messages[1].one("PV1")
    assert pv1 is not None
    assert (pv1.v(7, 2), pv1.v(19)) == ("Okafor", id_)


async def test_what_happened_while_they_were_down_is_told_in_its_steps(clinic: Clinic, hie: Counterpart) -> None:
    client, place = await known(clinic)
    partner = await agreed(clinic, hie, place, "ADT^A04", "ADT^A03", "ADT^A11")
    await hie.close()
    visit = {**encounter(client), "status": "in-progress"}
    id_ = (await clinic.make("sys-mh", visit)).id
    await sent(clinic, partner)
    assert (await clinic.put("sys-mh", {**visit, "id": id_, "status": "finished"})).status == 200
    await hie.open()
    await due(clinic)
    await sent(clinic, partner)
    assert hie.kinds == ["ADT^A04", "ADT^A03"]


async def test_persons_new_changed_and_merged(clinic: Clinic, hie: Counterpart) -> None:
    client, place = await known(clinic)
    partner = await agreed(clinic, hie, place, *ADT, authorities={"RIVER": MRN})
    person = patient(identifier=[{"system": MRN, "value": "R1"}], telecom=[{"system": "phone", "value": "555-0142", "use": "mobile"}])
    for more in ({}, {"gender": "female"}, {"gender": "female", "language": "en"}):
        assert (await clinic.put("sys-mh", {**person, "id": client, **more})).status == 200
        await sent(clinic, partner)
    assert hie.kinds == ["ADT^A28", "ADT^A31"]
    other, _ = await known(clinic, place)
    await sent(clinic, partner)
    merged = patient(identifier=[{"system": MRN, "value": "R1"}], active=False, link=[{"other": {"reference": f"Patient/{client}"}, "type": "replaced-by"}])
    assert (await clinic.put("sys-mh", {**merged, "id": other})).status == 200
    await sent(clinic, partner)
    assert hie.kinds == ["ADT^A28", "ADT^A31", "ADT^A28", "ADT^A40"]
    pid, mrg = hie.messages[-1].one("PID"), hie.messages[-1].one("MRG")
    assert pid is not None
    assert mrg is not None
    assert (pid.v(3), mrg.v(1), pid.v(8)) == ("R1", "R1", "F")


async def test_an_appointment_is_booked_moved_changed_missed_and_cancelled(clinic: Clinic, hie: Counterpart) -> None:
    client, place = await known(clinic)
    partner = await agreed(clinic, hie, place, *SIU)
    booked = {"resourceType": "Appointment", "status": "booked", "start": "2026-03-03T15:00:00Z", "end": "2026-03-03T15:50:00Z", "serviceType": [{"text": "Individual"}],
              "participant": [{"actor": {"reference": f"Patient/{client}"}, "status": "accepted"}]}  # fmt: skip
    id_ = (await clinic.make("sys-mh", booked)).id
    await sent(clinic, partner)
    moved = {"start": "2026-03-04T15:00:00Z", "end": "2026-03-04T15:50:00Z"}
    for change in (moved, {**moved, "serviceType": [{"text": "Family"}]}, {**moved, "serviceType": [{"text": "Family"}], "status": "noshow"}):
        assert (await clinic.put("sys-mh", {**booked, "id": id_, **change})).status == 200
        await sent(clinic, partner)
    other = (await clinic.make("sys-mh", booked)).id
    await sent(clinic, partner)
    assert (await clinic.put("sys-mh", {**booked, "id": other, "status": "cancelled", "cancelationReason": {"text": "Snow"}})).status == 200
    await sent(clinic, partner)
    assert hie.kinds == ["SIU^S12", "SIU^S13", "SIU^S14", "SIU^S26", "SIU^S12", "SIU^S15"]
    sch = hie.messages[0].one("SCH")
    assert sch is not None
    assert (sch.v(1), sch.v(9), sch.v(11, 4)[:12]) == (id_, "50", "202603031000")


async def test_a_note_goes_out_when_it_is_signed_and_its_service_is_charged_once(clinic: Clinic, hie: Counterpart) -> None:
    client, place = await known(clinic)
    partner = await agreed(clinic, hie, place, "MDM^T02", "DFT^P03", segments=("ZRV|1|{PID-5}|{PID-3.1}",), tables={"90837": "IND60^Individual 60^L"})
    text = 'Session note.\nHe said: "it | is ^ fine & ~ok\\".\n'
    note = {"resourceType": "DocumentReference", "status": "current", "docStatus": "preliminary", "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}], "text": "Progress note"},
            "subject": {"reference": f"Patient/{client}"}, "date": "2026-03-01T08:00:00Z", "content": [{"attachment": {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}}]}  # fmt: skip
    id_ = (await clinic.make("sys-mh", note)).id
    await sent(clinic, partner)
    assert hie.kinds == [], "what is not signed stays"
    done = {"resourceType": "Procedure", "id": id_, "status": "completed", "subject": {"reference": f"Patient/{client}"}, "performedPeriod": {"start": "2026-03-01T07:00:00Z", "end": "2026-03-01T08:00:00Z"},
            "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "90837"}, {"system": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "H0004"}], "text": "Individual therapy"}}  # fmt: skip
    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None
    await access.write([Change("create", "Procedure", id_, done, program=people.MH)])
    await clinic.put("sys-mh", {**note, "id": id_, "docStatus": "final"})
    await sent(clinic, partner)
    await clinic.put("sys-mh", {**note, "id": id_, "docStatus": "final", "description": "again"})
    await sent(clinic, partner)
    assert sorted(hie.kinds) == ["DFT^P03", "MDM^T02"]
    mdm, dft = (next(m for m in hie.messages if m.type == t) for t in ("MDM^T02", "DFT^P03"))
    assert mdm.one("OBX").v(5) == text.rstrip("\n") or mdm.one("OBX").v(5) == text  # type: ignore[union-attr]
    assert mdm.one("TXA").v(12) == id_  # type: ignore[union-attr]
    charged = [(f.v(7), f.v(7, 4), f.v(10), f.v(6)) for f in dft.all("FT1")]
    assert charged == [("IND60", "90837", "1", "CG"), ("H0004", "", "4", "CG")]
    assert [(m.one("ZRV").v(2), m.one("ZRV").v(3)) for m in (mdm, dft)] == [("Rivera", "R1")] * 2  # type: ignore[union-attr]
