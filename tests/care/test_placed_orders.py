"""An order that a partner places with us by the interface: it is work of ours, is filled, and the partner's Task says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.care.orders import ordering, placed, reading
from sojourn.care.results import entering
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.feed import Feed
from sojourn.record.database import Dsn
from tests.care.labs import follow
from tests.care.risky import DAY, Ward, ward
from tests.care.test_tests_here import done_here, held, nurse, read
from tests.people import A
from tests.record.settling import settled

FULFILL = {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]}

CERTIFIED = "INSERT INTO record.policy (tenant, key, level, value, account, reason, valid_from, known_from) VALUES (1, 'orders.clia', '', '[\"05D1234567 Downtown\"]', 'x', 'test', '2020-01-01', '2020-01-01')"
"""The rule that names a site of ours where we test."""


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        await nurse(made)
        await done_here(made, "cbc")
        yield made


async def place(made: Ward, *, who: str = "", performer: str = "Organization/mh", asks: str = "", **more: Any) -> tuple[str, str]:
    """What a partner's system writes: an order, and a Task that asks to fulfill it. The ids."""
    request = {
        "resourceType": "ServiceRequest", "status": "active", "intent": "order", "priority": "stat", "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "108252007"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "58410-2", "display": "CBC panel"}]}, "subject": {"reference": f"Patient/{made.client}"}, "performer": [{"reference": performer}], **more,
    }  # fmt: skip
    id_ = (await made.clinic.make(who or made.system, request)).id
    focus = {"reference": f"ServiceRequest/{id_}"}
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "code": FULFILL, "focus": focus, "basedOn": [focus], "for": request["subject"], "owner": {"reference": performer}}
    return id_, (await made.clinic.make(asks or who or made.system, task)).id


async def arrive(made: Ward) -> None:
    """Let the feed reach whoever follows it."""
    feed = Feed(made.clinic.gate.house.db, A)
    await settled(made.clinic.gate.house.db)
    await feed.number()
    while await feed.follow("orders", placed.follower(Clockwork(made.clinic.gate))):
        pass


async def mine(made: Ward, who: str = "nurse") -> list[str]:
    return [o.id for o in await reading.mine(await made.access(who))]


async def task(made: Ward, id_: str) -> dict[str, Any]:
    return dict((await made.clinic.get(made.system, f"Task/{id_}")).json())


async def test_an_order_of_a_partner_is_filled_and_their_task_says_so(day: Ward) -> None:
    id_, asked = await place(day)
    for _ in range(2):
        await arrive(day)
    assert await mine(day) == [id_]
    one = await reading.one(await day.access("nurse"), day.client, id_)
    assert (one.placed, one.here, one.step, one.title, [t["id"] for t, _ in one.asked]) == (True, True, "ordered", "CBC panel", [asked])
    await ordering.collect(await day.access("nurse"), one, day.clock.now(), "")
    assert (await task(day, asked))["status"] == "in-progress"
    one = await reading.one(await day.access("nurse"), day.client, id_)
    with pytest.raises(errors.Conflict):
        await ordering.send(await day.access("nurse"), one)
    report = await entering.enter(await day.access("nurse"), one, await read(day, panel="cbc", rest="", hemoglobin="13.1", wbc="5.2"))
    done = await task(day, asked)
    assert (done["status"], done["output"][0]["valueReference"]["reference"]) == ("completed", f"DiagnosticReport/{report}")
    (found,) = (await day.clinic.get(day.system, f"DiagnosticReport?based-on=ServiceRequest/{id_}")).entries
    assert (found["status"], len(found["result"]), found["code"]["coding"][0]["code"]) == ("final", 2, "58410-2")
    await follow(day)
    await arrive(day)
    assert (await day.clinic.get(day.system, f"ServiceRequest/{id_}")).json()["status"] == "active", "the order stays theirs"
    assert await mine(day) == []


async def test_what_is_not_placed_with_us_is_no_work_of_ours(day: Ward) -> None:
    other = (await day.clinic.make(day.system, {"resourceType": "Organization", "name": "County Laboratory", "identifier": [{"system": "urn:oid:2.16.840.1.113883.4.7", "value": "05D7777777"}]})).id
    await place(day, performer=f"Organization/{other}")
    await place(day, category=[{"text": "Imaging"}])
    await place(day, intent="proposal")
    await place(day, status="draft")
    await arrive(day)
    assert await mine(day) == []


async def test_a_laboratory_of_ours_is_known_by_its_certificate(day: Ward) -> None:
    await day.clinic.owner.execute(CERTIFIED)
    await day.clinic.gate.reload()
    ours = (await day.clinic.make(day.system, {"resourceType": "Organization", "name": "Downtown laboratory", "identifier": [{"system": "urn:oid:2.16.840.1.113883.4.7", "value": "05D1234567"}]})).id
    part = (await day.clinic.make(day.system, {"resourceType": "Organization", "name": "Second floor", "partOf": {"reference": "Organization/mh"}})).id
    found = [(await place(day, performer=f"Organization/{o}"))[0] for o in (ours, part)]
    await arrive(day)
    assert sorted(await mine(day)) == sorted(found)


async def test_an_order_that_is_taken_back_waits_no_more_and_one_that_we_send_back_says_why(day: Ward) -> None:
    ended, gone = await place(day), await place(day)
    await arrive(day)
    request = (await day.clinic.get(day.system, f"ServiceRequest/{ended[0]}")).json()
    assert (await day.clinic.put(day.system, {**request, "status": "revoked"})).status == 200
    assert (await day.clinic.put(day.system, {**await task(day, gone[1]), "status": "cancelled"})).status == 200
    await arrive(day)
    assert await mine(day) == []
    id_, asked = await place(day)
    await arrive(day)
    await ordering.cancel(await day.access("therapist"), await reading.one(await day.access("therapist"), day.client, id_), "Our analyzer is out of order.")
    said = await task(day, asked)
    assert (said["status"], said["statusReason"]["text"]) == ("rejected", "Our analyzer is out of order.")
    assert await mine(day) == []


async def test_what_one_program_is_asked_for_is_not_told_to_another(day: Ward) -> None:
    await day.clinic.make("sys-sud", {"resourceType": "Encounter", "status": "finished", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}, "subject": {"reference": f"Patient/{day.client}"}})
    seen = await held(day, "Task", "mh-clinician")
    await place(day, who="sys-sud", performer="Organization/sud")
    await arrive(day)
    assert await held(day, "Task", "mh-clinician") == seen
    (theirs,) = [t for t in await held(day, "Task", "sys-sud") if t["code"].get("text") == "A laboratory order"]
    assert theirs["status"] == "requested"


async def test_what_comes_of_a_labelled_order_has_its_label(day: Ward) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}
    id_, _ = await place(day, meta={"security": [label]})
    await arrive(day)
    one = await reading.one(await day.access("nurse"), day.client, id_)
    await entering.enter(await day.access("nurse"), one, await read(day, panel="cbc", rest="", hemoglobin="13.1"))
    ours = [t for t in await held(day, "Task") if t["code"].get("text") == "A laboratory order"]
    made = [*ours, *await held(day, "DiagnosticReport"), *await held(day, "Observation"), *await held(day, "Specimen")]
    assert [(r["resourceType"], "HIV" in {s["code"] for s in r["meta"].get("security", ())}) for r in made] == [("Task", True), ("DiagnosticReport", True), ("Observation", True), ("Specimen", True)]
