"""SIU: appointments elsewhere are information; those of our own scheduling system are ours, and collide for those who may see both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.care import policies
from sojourn.care.scheduling import collisions, reminders
from sojourn.gate.clockwork import Clockwork
from sojourn.record.database import Dsn
from sojourn.wire.hl7v2write import segment
from tests.care.risky import DAY, Ward, ward
from tests.doors.hl7v2.hospital import HOSPITAL
from tests.doors.hl7v2.lab import MRN, code, done, listener, registered, sent, states
from tests.people import A

NPI = "http://hl7.org/fhir/sid/us-npi"


def siu(event: str, control: str, *, start: str = "20260305090000-0500", minutes: str = "50", number: str = "AP1", who: str = "1234567893", status: str = "", why: str = "", at: str = "20260304083000-0500") -> bytes:
    """A visit with somebody."""
    sch = segment("SCH", {1: ("P1", "MERCY"), 2: (number, "MERCY"), 6: ("X", why) if why else "", 7: ("R1", "Follow-up"), 25: status})
    ais = segment("AIS", {1: "1", 3: ("CONS", "Consultation", "L"), 4: start, 7: minutes, 8: "min"})
    aip = segment("AIP", {1: "1", 3: (who, "Therapist", "Robin")})
    return (f"MSH|^~\\&|MERCY|MERCY|SOJOURN|RIVER|{at}||SIU^{event}|{control}|P|2.5.1\r{sch}\rPID|1||R1^^^RIVER^MR||Rivera^Ana||19880304|F\rRGS|1\r{ais}\rAIL|1||RM4^4^^MERCY\r{aip}\r").encode()


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        person = (await made.clinic.get(made.system, f"Patient/{made.client}")).json()
        phone = {"system": "phone", "value": "555-0100", "extension": [{"url": reminders.AGREED, "valueCode": "phone"}]}
        person |= {"identifier": [{"system": MRN, "value": "R1"}], "name": [{"family": "Rivera", "given": ["Ana"]}], "birthDate": "1988-03-04", "telecom": [phone]}
        assert (await made.clinic.put(made.system, person)).status == 200
        therapist = (await made.clinic.get(made.system, made.refs["therapist"])).json()
        assert (await made.clinic.put(made.system, {**therapist, "identifier": [{"system": NPI, "value": "1234567893"}]})).status == 200
        yield made


async def came(made: Ward, *messages: bytes) -> list[str]:
    door = listener(made.clinic.gate)
    for one in messages:
        assert code(await sent(door, one)) == "AA"
    await done(door, made.clinic.gate)
    return [s for s, _ in await states(made.clinic.gate, made.clinic.owner)]


async def booked(made: Ward) -> dict[str, Any]:
    (found,) = (await made.clinic.get(made.system, f"Appointment?patient={made.client}")).entries
    return dict(found)


async def test_an_appointment_elsewhere_is_known_and_takes_up_nobody(day: Ward) -> None:
    await registered(day.clinic.gate, HOSPITAL)
    before = await day.clinic.owner.fetch("SELECT * FROM record.relation ORDER BY 1, 2, 3, 4")
    await came(day, siu("S12", "S1"))
    made = await booked(day)
    assert (made["status"], made["start"], made["end"], made["minutesDuration"]) == ("booked", "2026-03-05T09:00:00-05:00", "2026-03-05T09:50:00-05:00", 50)
    assert made["serviceType"][0]["text"] == "Appointment elsewhere"
    assert [p["actor"].get("reference", "") for p in made["participant"]] == [f"Patient/{day.client}", "", ""]
    assert await day.clinic.owner.fetch("SELECT * FROM record.relation ORDER BY 1, 2, 3, 4") == before
    clock = await Clockwork(day.clinic.gate).access(A)
    assert await reminders.queue(clock, await policies.of(clock)) == 0, "who booked it reminds of it"
    await came(day, siu("S13", "S2", start="20260306100000-0500", at="20260304090000-0500"), siu("S14", "S3", start="20260307100000-0500", at="20260304084500-0500"))
    assert (await booked(day))["start"] == "2026-03-06T10:00:00-05:00", "what is older changes nothing"
    await came(day, siu("S15", "S4", why="The person is ill", at="20260304091000-0500"))
    made = await booked(day)
    assert (made["status"], made["cancelationReason"]["text"]) == ("cancelled", "The person is ill")
    await came(day, siu("S26", "S5", at="20260304092000-0500"))
    made = await booked(day)
    assert (made["status"], "cancelationReason" in made) == ("noshow", False)
    assert await came(day, siu("S17", "S6", at="20260304093000-0500")) == ["mapped"] * 6
    assert (await booked(day))["status"] == "entered-in-error"


async def test_an_appointment_of_our_own_system_is_ours_and_collides_for_who_sees_both(day: Ward) -> None:
    await registered(day.clinic.gate, HOSPITAL, registers=True)
    mine = {"resourceType": "Appointment", "status": "booked", "start": "2026-03-05T14:30:00Z", "end": "2026-03-05T15:00:00Z", "participant": [{"actor": {"reference": day.refs["therapist"]}, "status": "accepted"}]}
    await day.clinic.make(day.system, mine)
    assert await came(day, siu("S12", "S1")) == ["mapped"], "what stands in the way is not asked"
    made = await booked(day)
    assert {"reference": day.refs["therapist"], "display": "Robin Therapist"} in [p["actor"] for p in made["participant"]]
    clock = await Clockwork(day.clinic.gate).access(A)
    rules = await policies.of(clock)
    assert await collisions.look(clock, rules) == 1
    assert await reminders.queue(clock, rules) == 1
