"""ORU R01: what a laboratory sends is kept, acknowledged, matched, filed, labelled, and lands in the inbox of results; once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.gate.exchange.doing import id_for
from sojourn.record.database import Dsn
from tests.care.labs import follow, reviews
from tests.care.risky import DAY, Ward, ward
from tests.doors.hl7v2.lab import LAB, MRN, code, done, listener, oru, registered, sent, states
from tests.people import MH, SUD

assert id_for


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        person = (await made.clinic.get(made.system, f"Patient/{made.client}")).json()
        person |= {"identifier": [{"system": MRN, "value": "R1"}], "name": [{"family": "Rivera", "given": ["Ana"]}], "birthDate": "1988-03-04"}
        assert (await made.clinic.put(made.system, person)).status == 200
        yield made


async def results(made: Ward, who: str = "") -> list[dict[str, Any]]:
    return (await made.clinic.get(who or made.system, f"DiagnosticReport?patient={made.client}&_sort=-_lastUpdated")).entries


async def test_a_result_is_filed_once_and_finds_somebody(day: Ward) -> None:
    await registered(day.clinic.gate, program=SUD)
    door = listener(day.clinic.gate)
    answer = await sent(door, oru(value="6.4", flag="HH"))
    assert code(answer) == "AA"
    assert answer.one("MSA").v(2) == "M1"  # type: ignore[union-attr]
    assert code(await sent(door, oru(value="6.4", flag="HH"))) == "AA", "the same again is the same"
    await done(door, day.clinic.gate)
    assert await states(day.clinic.gate, day.clinic.owner) == [("mapped", "")]
    (report,) = await results(day)
    assert report["status"] == "final"
    assert report["issued"] == "2026-03-02T08:30:00-05:00"
    (value,) = (await day.clinic.get(day.system, f"Observation?patient={day.client}&code=2823-3")).entries
    assert str(value["valueQuantity"]["value"]) == "6.4"
    assert value["referenceRange"][0]["high"]["value"] == 5.1
    assert report["result"] == [{"reference": f"Observation/{value['id']}"}]
    (source,) = (await day.clinic.get(day.system, f"Provenance?target=DiagnosticReport/{report['id']}")).entries
    assert source["agent"][0]["who"]["display"] == "Cedar Ridge Laboratory"
    await follow(day)
    assert [r.priority for r in await reviews(day)] == ["stat"] or [r.priority for r in await reviews(day)] == ["asap"] or len(await reviews(day)) == 1


async def test_a_correction_changes_the_same_report_and_an_older_message_changes_nothing(day: Ward) -> None:
    await registered(day.clinic.gate, program=SUD)
    door = listener(day.clinic.gate)
    await sent(door, oru("M1", status="P"))
    await sent(door, oru("M2", status="C", value="4.9", at="20260302100000-0500"))
    await sent(door, oru("M3", status="F", value="4.4", at="20260302090000-0500"))
    await done(door, day.clinic.gate)
    assert [s for s, _ in await states(day.clinic.gate, day.clinic.owner)] == ["mapped"] * 3
    (report,) = await results(day)
    (value,) = (await day.clinic.get(day.system, f"Observation?patient={day.client}&code=2823-3")).entries
    assert (report["status"], value["status"], str(value["valueQuantity"]["value"])) == ("corrected", "corrected", "4.9")


async def test_whose_it_is_is_never_guessed(day: Ward) -> None:
    await registered(day.clinic.gate, program=SUD)
    door = listener(day.clinic.gate)
    await sent(door, oru("M1", mrn="X9"))
    await sent(door, oru("M2", mrn="R1", family="Other", born="19700101"))
    await sent(door, oru("M3", mrn="X9"))
    await done(door, day.clinic.gate)
    found = await states(day.clinic.gate, day.clinic.owner)
    assert [s for s, _ in found] == ["review", "review", "received"], "what is about the same person waits behind"
    assert "Choose whose it is" in found[0][1], "and not whether somebody is alike"
    assert found[1][1] == found[0][1], "nor whether there is somebody of that number, or an order"
    assert not any("ivera" in why or "X9" in why for _, why in found)
    assert await results(day) == []


async def test_a_result_belongs_where_its_order_does_else_to_the_program_that_is_sure(day: Ward) -> None:
    await registered(day.clinic.gate)
    door = listener(day.clinic.gate)
    order = {
        "resourceType": "ServiceRequest", "status": "active", "intent": "order", "code": {"text": "Metabolic panel"}, "subject": {"reference": f"Patient/{day.client}"},
        "identifier": [{"system": "https://sojourn.example/fhir/NamingSystem/lab-requisition", "value": "Q7"}],
    }  # fmt: skip
    ordered = (await day.clinic.make("sys-sud", order)).id
    await sent(door, oru("M1", mrn="", placer="Q7"))
    await done(door, day.clinic.gate)
    assert [s for s, _ in await states(day.clinic.gate, day.clinic.owner)] == ["mapped"]
    (report,) = await results(day)
    assert report["basedOn"] == [{"reference": f"ServiceRequest/{ordered}"}]
    assert await day.clinic.owner.fetchval("SELECT origin FROM record.resource WHERE id = $1", report["id"]) == [SUD]
    await sent(door, oru("M2", mrn="", placer="Q7", filler="F2", family="Somebody", born="19500101"))
    await done(door, day.clinic.gate)
    assert (await states(day.clinic.gate, day.clinic.owner))[-1][0] == "review", "the number of an order alone names nobody whose name it is not"


async def test_what_a_part_2_sender_sends_and_what_it_marks_stays_marked(day: Ward) -> None:
    await registered(day.clinic.gate, LAB, program=MH, part2=True)
    door = listener(day.clinic.gate)
    await sent(door, oru("M1"))
    await done(door, day.clinic.gate)
    (report,) = await results(day)
    codes = {c["code"] for c in report["meta"]["security"]}
    assert {"R", "42CFRPart2"} <= codes
    assert (await day.clinic.get("tpo", f"DiagnosticReport?patient={day.client}")).entries == []


async def test_a_note_with_the_notice_and_a_confidentiality_code_mark_everything(day: Ward) -> None:
    await registered(day.clinic.gate, program=MH)
    door = listener(day.clinic.gate)
    notice = "ZNT|1|42 CFR part 2 prohibits unauthorized use or disclosure of these records.\r"
    await sent(door, oru("M1", extra=notice))
    await sent(door, oru("M2", filler="F2").replace(b"ORC|RE||F2", b"ORC|RE||F2" + b"|" * 25 + b"PSY"))
    await done(door, day.clinic.gate)
    marked = {r["identifier"][0]["value"]: {c["code"] for c in r["meta"]["security"]} for r in await results(day)}
    assert "42CFRPart2" in marked["F1"]
    assert {"R", "MH"} & marked["F2"] == {"R", "MH"} or "PSY" in marked["F2"]


async def test_a_message_that_cannot_be_mapped_says_why_and_stops_nobody(day: Ward) -> None:
    await registered(day.clinic.gate, program=SUD)
    door = listener(day.clinic.gate)
    await sent(door, oru("M1").replace(b"OBR|", b"ZBR|").replace(b"OBX|", b"ZBX|"))
    await sent(door, oru("M2", mrn="R1", filler="F2"))
    await sent(door, oru("M3").replace(b"ORU^R01^ORU_R01", b"VXU^V04^VXU_V04"))
    await done(door, day.clinic.gate)
    found = await states(day.clinic.gate, day.clinic.owner)
    assert [s for s, _ in found] == ["failed", "mapped", "failed"]
    assert "OBR" in found[0][1]


async def test_who_may_send_what_is_decided_before_it_is_kept(day: Ward) -> None:
    await registered(day.clinic.gate, types=("ORU^R01",))
    door = listener(day.clinic.gate)
    assert code(await sent(door, oru(application="OTHER"))) == "AR"
    assert code(await sent(door, oru().replace(b"ORU^R01^ORU_R01", b"ADT^A01"))) == "AR"
    assert code(await sent(door, oru().replace(b"|2.5.1", b"|1.0"))) == "AR"
    assert code(await sent(door, oru(control=""))) == "AR"
    assert code(await sent(door, b"EVN|A01\rPID|1")) == "AR"
    assert await states(day.clinic.gate, day.clinic.owner) == []
    assert code(await sent(door, oru(msh="|||AL|NE"))) == "CA"
