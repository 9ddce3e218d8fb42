"""Emergencies: what they open, for whom, how long, and what is written about them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.gate import emergency
from sojourn.gate.access import Access
from sojourn.gate.emergency import Sought
from sojourn.record.database import Dsn
from tests import people
from tests.people import SUD, A, Clinic

ANA = Sought("Rivera", "Ana", "1988-03-04")
SUDCN = {"system": "https://sojourn.example/fhir/CodeSystem/sensitivity", "code": "SUDCN"}
PSYCHOTHERAPY = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own; an emergency token for the staff who may need one."""
    made = await people.open_clinic(database)
    for who in ("mh-clinician", "sud-clinician", "biller", "technician"):
        made.tokens[f"{who}!"] = await made.gate.token(made.gate.house.tenants[A], who, purpose="ETREAT")
    yield made
    await people.close_clinic(made)


async def access(clinic: Clinic, who: str) -> Access:
    """A person's handle for one request."""
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


async def declare(clinic: Clinic, who: str = "mh-clinician", sought: Sought = ANA, reason: str = "medical-emergency", **more: Any) -> emergency.Declared:
    return await emergency.declare(await access(clinic, who), sought, reason=reason, because="Found unresponsive in the lobby.", attested=True, **more)


async def quill(clinic: Clinic) -> tuple[str, str, str]:
    """A patient of the Part 2 program alone, with a heart rate there and a counseling note kept apart."""
    person = await clinic.make("sys-sud", people.patient())
    pulse = await clinic.make("sys-sud", people.observation(person.id))
    note = await clinic.make("sys-sud", people.observation(person.id, 99, meta={"security": [SUDCN]}))
    return person.id, pulse.id, note.id


async def test_an_emergency_opens_one_chart_and_nothing_else(clinic: Clinic) -> None:
    person, pulse, _ = await quill(clinic)
    other = await clinic.make("sys-sud", people.patient("Rivas"))
    for path in (f"Patient/{person}", f"Observation/{pulse}"):
        assert (await clinic.get("mh-clinician", path)).status == 404
        assert (await clinic.get("mh-clinician!", path)).status == 404
    declared = await declare(clinic)
    assert declared.patient == person
    for path in (f"Patient/{person}", f"Observation/{pulse}"):
        assert (await clinic.get("mh-clinician!", path)).status == 200
        assert (await clinic.get("mh-clinician", path)).status == 404, "the purpose is matched exactly"
        assert (await clinic.get("biller!", path)).status in (403, 404), "it is the author's alone"
    assert (await clinic.get("mh-clinician!", f"Patient/{other.id}")).status == 404
    assert (await clinic.get("mh-clinician!", "Patient")).ids == [person]


async def test_notes_kept_apart_stay_shut(clinic: Clinic) -> None:
    person, pulse, note = await quill(clinic)
    therapy = await clinic.make("sys-mh", people.observation(person, 98, meta={"security": [PSYCHOTHERAPY]}))
    await declare(clinic)
    for id_ in (note, therapy.id):
        assert (await clinic.get("mh-clinician!", f"Observation/{id_}")).status == 404
    assert (await clinic.get("mh-clinician!", f"Observation?patient={person}")).ids == [pulse]


async def test_it_ends_by_itself_and_by_hand(clinic: Clinic) -> None:
    person, _, _ = await quill(clinic)
    first = await declare(clinic)
    assert first.until - clock.now() > timedelta(hours=3.9)
    with clock.using(clock.FakeClock(first.until - timedelta(seconds=5))):
        assert (await clinic.get("mh-clinician!", f"Patient/{person}")).status == 200
    with clock.using(clock.FakeClock(first.until + timedelta(seconds=1))):
        assert (await clinic.get("mh-clinician!", f"Patient/{person}")).status == 404
    with pytest.raises(errors.NotFound):
        await emergency.end(await access(clinic, "sud-clinician"), first.id)
    await emergency.end(await access(clinic, "mh-clinician"), first.id)
    assert (await clinic.get("mh-clinician!", f"Patient/{person}")).status == 404
    assert (await emergency.standing(await access(clinic, "mh-clinician"))).emergencies == ()


async def test_a_reason_that_is_no_medical_emergency_opens_no_part_2_record(clinic: Clinic) -> None:
    person, _, _ = await quill(clinic)
    declared = await declare(clinic, reason="covering")
    assert declared.patient is None, "a person known to a Part 2 program only is not found for it"
    assert (await clinic.get("mh-clinician!", f"Patient/{person}")).status == 404
    shared = await clinic.make("sys-mh", people.patient("Rivas"))
    hidden = await clinic.make("sys-sud", people.observation(shared.id))
    await declare(clinic, sought=Sought("Rivas", "Ana", "1988-03-04"), reason="covering")
    assert (await clinic.get("mh-clinician!", f"Patient/{shared.id}")).status == 200
    assert (await clinic.get("mh-clinician!", f"Observation/{hidden.id}")).status == 404


async def test_the_documentation_of_2_51_stands_in_the_record_of_the_program(clinic: Clinic) -> None:
    person, _, _ = await quill(clinic)
    declared = await declare(clinic, facility="Mercy General Hospital", discloser="Dana Whitfield, LCSW")
    written = (await clinic.get("sud-clinician", f"Communication?subject=Patient/{person}")).entries
    assert len(written) == 1
    said = " ".join(part["contentString"] for part in written[0]["payload"])
    for needed in ("Received by: mh-clinician, Mercy General Hospital", "Disclosed by: Dana Whitfield, LCSW", "Date and time: 20", "Found unresponsive"):
        assert needed in said
    assert written[0]["identifier"][0]["value"] == declared.id
    assert any(c["code"] == "42CFRPart2" for c in written[0]["meta"]["security"])
    assert (await clinic.get("mh-clinician", "Communication")).ids == []


async def test_who_works_in_the_program_opens_nothing_of_it_by_an_emergency(clinic: Clinic) -> None:
    person, _, _ = await quill(clinic)
    declared = await declare(clinic, "sud-clinician")
    assert declared.patient == person
    assert await clinic.owner.fetchval("SELECT programs FROM record.emergency") == []
    assert (await clinic.get("sud-clinician", f"Communication?subject=Patient/{person}")).ids == []


async def test_the_documentation_is_a_part_2_record_also_in_a_program_that_only_holds_such_records_of_others(clinic: Clinic) -> None:
    person, _, _ = await quill(clinic)
    await clinic.make("sys-far", people.observation(person, meta={"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}]}))
    await declare(clinic)
    assert [r["own"] & 2 for r in await clinic.owner.fetch("SELECT own FROM record.resource WHERE type = 'Communication'")] == [2, 2]
    assert (await clinic.get("mh-officer", "Communication")).ids == []


async def test_the_privacy_officer_hears_at_once_without_a_name(clinic: Clinic) -> None:
    await quill(clinic)
    before = await emergency.standing(await access(clinic, "officer"))
    declared = await declare(clinic)
    assert (await emergency.standing(await access(clinic, "officer"))).waiting == before.waiting + 1
    task = (await clinic.get("officer", "Task")).entries[0]
    assert task["identifier"][0]["value"] == declared.id
    assert "Rivera" not in repr(task)
    assert "for" not in task
    queue = await emergency.queue(await access(clinic, "officer"))
    assert [(r["emergency"], r["sought"], r["decision"]) for r in queue] == [(declared.id, "Rivera, Ana, 1988-03-04", "")]
    with pytest.raises(errors.Forbidden):
        await emergency.queue(await access(clinic, "mh-clinician"))
    await emergency.review(await access(clinic, "officer"), declared.id, "appropriate", "Called the ward.")
    assert (await emergency.standing(await access(clinic, "officer"))).waiting == before.waiting
    assert (await clinic.get("officer", "Task")).entries[0]["status"] == "completed"


async def test_nobody_found_is_recorded_all_the_same(clinic: Clinic) -> None:
    found = await quill(clinic)
    for sought in (Sought("Rivera", "Ana", "1988-03-05"), Sought("Riv", "Ana", "1988-03-04"), Sought("Rivera", "Ana", "1988-03-04", number="RB1")):
        declared = await declare(clinic, sought=sought)
        assert declared.patient is None
        assert (await emergency.one(await access(clinic, "officer"), declared.id))["patient"] is None
    assert (await clinic.get("sud-clinician", f"Communication?subject=Patient/{found[0]}")).ids == []
    twin = await clinic.make("sys-mh", people.patient())
    assert (await declare(clinic)).patient is None, "two people with one identity: neither is opened"
    assert (await clinic.get("mh-clinician!", f"Patient/{twin.id}")).status == 404


async def test_what_is_missing_is_asked_for_before_anything_is_looked_up(clinic: Clinic) -> None:
    await quill(clinic)
    handle = await access(clinic, "mh-clinician")
    for sought, reason, because, attested in (
        (ANA, "curious", "x", True), (ANA, "medical-emergency", " ", True), (ANA, "medical-emergency", "x", False),
        (Sought("Rivera", "Ana", "1988"), "medical-emergency", "x", True), (Sought("", "Ana", "1988-03-04"), "medical-emergency", "x", True), (Sought("Rivera", "", "1988-03-04"), "medical-emergency", "x", True),
    ):  # fmt: skip
        with pytest.raises(errors.Malformed):
            await emergency.declare(handle, sought, reason=reason, because=because, attested=attested)
    with pytest.raises(errors.Forbidden):
        await declare(clinic, "technician")
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.emergency") == 0


async def test_a_refusal_of_emergency_care_by_name_is_not_overridden_and_a_general_denial_is(clinic: Clinic) -> None:
    person, pulse, _ = await quill(clinic)
    general = {"type": "deny", "actor": [{"role": {"text": "x"}, "reference": {"reference": "Practitioner/mh-clinician"}}], "period": {"start": "2026-01-01"}}
    await clinic.make("sys-sud", people.consent(person, "tpo", kind="patient_directive_deny", provision=general))
    await declare(clinic)
    assert (await clinic.get("mh-clinician!", f"Observation/{pulse}")).status == 200
    refusal = {**general, "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "ETREAT"}]}
    await clinic.make("sys-sud", people.consent(person, "tpo", kind="patient_directive_deny", provision=refusal))
    await declare(clinic, reason="declared-disaster")
    assert (await clinic.get("mh-clinician!", f"Observation/{pulse}")).status == 404


async def test_every_look_is_in_the_trail_with_the_purpose_of_an_emergency(clinic: Clinic) -> None:
    person, _, _ = await quill(clinic)
    declared = await declare(clinic)
    lines = await clinic.owner.fetch("SELECT purpose, action, outcome, patients FROM record.audit WHERE query = $1", f"emergency/{declared.id}")
    assert [tuple(line) for line in lines] == [("BTG", "emergency", "done", [person])]
    reply = await clinic.get("mh-clinician!", f"Patient/{person}")
    assert [line["purpose"] for line in await clinic.trail(reply.header("x-request-id"))] == ["ETREAT"]


async def test_programs_that_come_later_are_not_opened_without_their_documentation(clinic: Clinic) -> None:
    shared = await clinic.make("sys-mh", people.patient())
    await declare(clinic)
    later = await clinic.make("sys-sud", people.observation(shared.id))
    assert (await clinic.get("mh-clinician!", f"Observation/{later.id}")).status == 404
    declared = await declare(clinic)
    assert (await clinic.get("mh-clinician!", f"Observation/{later.id}")).status == 200
    rows = await clinic.owner.fetch("SELECT programs FROM record.emergency WHERE emergency = $1", declared.id)
    assert rows[0]["programs"] == [SUD]


def parameters(**more: Any) -> dict[str, Any]:
    said = {"family": "Rivera", "given": "Ana", "birthDate": "1988-03-04", "reason": "medical-emergency", "because": "Unresponsive."}
    return {"resourceType": "Parameters", "parameter": [*({"name": k, "valueString": v} for k, v in said.items()), *({"name": k, "valueBoolean": v} for k, v in more.items())]}


async def test_an_application_declares_for_a_member_of_staff_and_asks_under_the_emergency(clinic: Clinic) -> None:
    person, _, _ = await quill(clinic)
    header = ("x-purpose-of-use", "ETREAT")
    assert (await clinic.get("mh-clinician", f"Patient/{person}", header)).status == 404
    refused = await clinic.ask("mh-clinician", "POST", "Patient/$emergency-access", parameters())
    assert refused.status == 400, "not attested"
    reply = await clinic.ask("mh-clinician", "POST", "Patient/$emergency-access", parameters(attested=True))
    assert [p["name"] for p in reply.json()["parameter"]] == ["emergency", "until", "patient"]
    assert (await clinic.get("mh-clinician", f"Patient/{person}", header)).status == 200
    assert (await clinic.get("mh-clinician", f"Patient/{person}")).status == 404
    assert (await clinic.get("mh-clinician", f"Patient/{person}", ("x-purpose-of-use", "HRESCH"))).status == 400


async def test_nobody_but_staff_states_an_emergency(clinic: Clinic) -> None:
    person, _, _ = await quill(clinic)
    for who in ("tpo", "sys-mh"):
        assert (await clinic.get(who, f"Patient/{person}", ("x-purpose-of-use", "ETREAT"))).status == 403
    for who in ("tpo", "technician", "officer"):
        assert (await clinic.ask(who, "POST", "Patient/$emergency-access", parameters(attested=True))).status == 403
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.emergency") == 0


async def test_care_goes_on_when_the_trail_takes_no_line_and_what_is_owed_is_written_later(clinic: Clinic) -> None:
    person, pulse, _ = await quill(clinic)
    await clinic.owner.execute("ALTER TABLE record.audit ADD CONSTRAINT broken CHECK (false) NOT VALID")
    declared = await declare(clinic)
    assert (await clinic.get("mh-clinician!", f"Observation/{pulse}")).status == 200
    assert (await clinic.get("mh-clinician", f"Observation/{pulse}")).status in (404, 503)
    await clinic.owner.execute("ALTER TABLE record.audit DROP CONSTRAINT broken")
    assert (await clinic.get("sud-clinician", f"Communication?subject=Patient/{person}")).ids == []
    assert not (await emergency.one(await access(clinic, "officer"), declared.id))["documented"]
    await emergency.review(await access(clinic, "officer"), declared.id, "appropriate", "Checked.")
    (written,) = (await clinic.get("sud-clinician", f"Communication?subject=Patient/{person}")).entries
    assert "Received by: mh-clinician" in written["payload"][0]["contentString"]
    assert (await emergency.one(await access(clinic, "officer"), declared.id))["documented"]


async def test_a_chart_out_of_reach_is_opened_for_urgent_care_without_any_part_2_record(clinic: Clinic) -> None:
    elsewhere = await clinic.make("sys-mh", people.patient())
    await clinic.make("sys-mh", people.encounter(elsewhere.id))
    pulse = await clinic.make("sys-mh", people.observation(elsewhere.id))
    before = (await clinic.get("sud-clinician", f"Observation/{pulse.id}")).status
    declared = await declare(clinic, "sud-clinician", reason="covering")
    assert declared.patient == elsewhere.id
    assert (await clinic.get("sud-clinician!", f"Observation/{pulse.id}")).status == 200
    assert (await clinic.get("sud-clinician", f"Observation/{pulse.id}")).status == before
    row = (await emergency.queue(await access(clinic, "officer")))[0]
    assert (row["programs"], row["reason"]) == ([], "covering")


async def test_a_review_needs_what_was_found_and_a_note_and_another_person(clinic: Clinic) -> None:
    await quill(clinic)
    declared = await declare(clinic)
    officer = await access(clinic, "officer")
    for decision, note in (("", "Called the ward."), ("fine", "Called the ward."), ("appropriate", ""), ("appropriate", " \n")):
        with pytest.raises(errors.Malformed):
            await emergency.review(officer, declared.id, decision, note)
    theirs = clinic.gate.access_of(replace(officer.caller, account="mh-clinician"))
    with pytest.raises(errors.Malformed, match="Nobody reviews their own"):
        await emergency.review(theirs, declared.id, "appropriate", "It was me.")
    with pytest.raises(errors.NotFound):
        await emergency.review(officer, "no-such", "appropriate", "Called the ward.")
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.emergency_event WHERE kind = 'reviewed'") == 0
    for decision in ("appropriate", "not-appropriate", "follow-up"):
        await emergency.review(await access(clinic, "officer"), declared.id, decision, "Called the ward.")
        assert (await emergency.one(officer, declared.id))["decision"] == decision


async def test_declaring_ending_and_reviewing_are_in_the_trail(clinic: Clinic) -> None:
    person, _, _ = await quill(clinic)
    declared = await declare(clinic)
    officer = await access(clinic, "officer")
    await emergency.one(officer, declared.id)
    with pytest.raises(errors.NotFound):
        await emergency.one(officer, "no-such")
    await emergency.end(await access(clinic, "mh-clinician"), declared.id)
    with pytest.raises(errors.NotFound):
        await emergency.end(await access(clinic, "mh-clinician"), declared.id)
    await emergency.review(officer, declared.id, "appropriate", "Called the ward.")
    lines = await clinic.owner.fetch("SELECT action, account, purpose, outcome, query, patients FROM record.audit WHERE action LIKE 'emergenc%' AND type = 'Patient' ORDER BY stamp, n")
    this = f"emergency/{declared.id}"
    assert [tuple(r) for r in lines] == [
        ("emergency", "mh-clinician", "BTG", "done", this, [person]),
        ("emergencies", "officer", "TREAT", "done", this, [person]),
        ("emergencies", "officer", "TREAT", "absent", "emergency/no-such", []),
        ("emergency-end", "mh-clinician", "TREAT", "done", this, []),
        ("emergency-end", "mh-clinician", "TREAT", "absent", this, []),
        ("emergencies", "officer", "TREAT", "done", this, [person]),
        ("emergency-review", "officer", "TREAT", "done", this, []),
    ]  # fmt: skip


async def test_who_reviews_one_may_end_it_and_nobody_else_does(clinic: Clinic) -> None:
    person, _, _ = await quill(clinic)
    declared = await declare(clinic)
    for who in ("mh-officer", "both-clinician", "sud-clinician"):
        with pytest.raises(errors.NotFound):
            await emergency.end(await access(clinic, who), declared.id)
    assert (await clinic.get("mh-clinician!", f"Patient/{person}")).status == 200
    await emergency.end(await access(clinic, "officer"), declared.id)
    assert (await clinic.get("mh-clinician!", f"Patient/{person}")).status == 404


async def test_only_staff_stand_in_an_emergency_and_what_waits_is_told_to_who_manages_accounts_alone(clinic: Clinic) -> None:
    await quill(clinic)
    await declare(clinic)
    mine = await access(clinic, "mh-clinician")
    assert len((await emergency.standing(mine)).emergencies) == 1
    assert await emergency.standing(clinic.gate.access_of(replace(mine.caller, kind="system"))) == emergency.Standing()
    assert [(await emergency.standing(await access(clinic, who))).waiting for who in ("officer", "mh-officer", "mh-clinician")] == [1, 0, 0]
    administrator = clinic.gate.access_of(replace((await access(clinic, "officer")).caller, role="administrator"))
    assert await emergency.left(administrator) is None
    administrator.now += timedelta(days=7, seconds=5)
    left = await emergency.left(administrator)
    assert left is not None
    assert (left.number, left.days) == (1, 7)
    for who in ("officer", "mh-officer", "mh-clinician"):
        with pytest.raises(errors.Forbidden):
            await emergency.left(await access(clinic, who))


async def test_what_could_not_be_documented_waits_until_its_reason_can_be_said(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Care went on; the review cannot be given before the record says what 42 CFR 2.51(c) asks for."""
    person, _, _ = await quill(clinic)

    async def fails(*_: Any, **__: Any) -> None:
        raise errors.Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(emergency.documenting, "emergency", fails)
        declared = await declare(clinic)
    officer = await access(clinic, "officer")
    assert (await emergency.one(officer, declared.id))["documented"] is False
    with monkeypatch.context() as over:
        over.setattr(emergency.emergencypolicy, "reason", lambda *_: None)
        with pytest.raises(errors.Malformed):
            await emergency.review(officer, declared.id, "appropriate", "Called the ward.")
    assert (await emergency.one(officer, declared.id))["decision"] == ""
    await emergency.review(officer, declared.id, "appropriate", "Called the ward.")
    row = await emergency.one(officer, declared.id)
    assert (row["documented"], row["decision"]) == (True, "appropriate")
    (written,) = (await clinic.get("sud-clinician", f"Communication?subject=Patient/{person}")).entries
    said = " ".join(part["contentString"] for part in written["payload"])
    assert "Received by: mh-clinician, A" in said
    assert "Disclosed by: mh-clinician, who opened the record" in said
    assert written["recipient"][0]["reference"] == "Practitioner/mh-clinician"
