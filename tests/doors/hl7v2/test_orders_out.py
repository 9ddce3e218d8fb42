"""Laboratory orders out: decided when they leave, written down before, sent once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import hl7
import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.doors.hl7v2 import marks
from sojourn.doors.hl7v2.out.client import Identity
from sojourn.doors.hl7v2.out.sending import Sending
from sojourn.gate import disclosing
from sojourn.gate.exchange import messages, telling
from sojourn.gate.exchange.partners import Envoys, Partner
from sojourn.gate.exchange.telling import Subject
from sojourn.record import disclosures
from sojourn.record.database import Dsn
from tests import people
from tests.doors.hl7v2.counterpart import Counterpart, agreed, due, envelopes, follow, post, sent
from tests.doors.hl7v2.lab import LAB, MRN
from tests.people import START, Clinic, consent, encounter, patient


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        yield made
        await people.close_clinic(made)


@pytest.fixture
async def lab() -> AsyncIterator[Counterpart]:
    made = await Counterpart().open()
    yield made
    if made.server is not None:
        await made.close()


def order(client: str, performer: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest", "identifier": [{"system": "https://sojourn.example/fhir/NamingSystem/lab-requisition", "value": "7F3A90C2E1"}], "status": "active", "intent": "order", "priority": "stat",
        "category": [{"coding": [{"system": "http://snomed.info/sct", "code": "108252007"}], "text": "Laboratory"}], "code": {"coding": [{"system": "http://loinc.org", "code": "24323-8", "display": "Comprehensive metabolic panel"}], "text": "Metabolic panel"},
        "subject": {"reference": f"Patient/{client}"}, "authoredOn": "2026-03-01T07:00:00Z", "occurrenceDateTime": "2026-03-02", "performer": [{"reference": performer}], "reasonCode": [{"text": "Fatigue"}],
        "note": [{"text": "Fasting | since 20:00"}], **more,
    }  # fmt: skip


async def laid_out(clinic: Clinic, who: str = "sys-mh") -> tuple[str, str]:
    """(client, laboratory)."""
    place = f"Organization/{(await clinic.make('sys-mh', {'resourceType': 'Organization', 'name': 'Cedar Ridge Laboratory'})).id}"
    client = (await clinic.make(who, patient(identifier=[{"system": MRN, "value": "R1"}], gender="female"))).id
    await clinic.make(who, encounter(client))
    return client, place


async def test_an_order_goes_out_new_changed_and_cancelled_with_the_number_of_its_result(clinic: Clinic, lab: Counterpart) -> None:
    client, place = await laid_out(clinic)
    partner = await agreed(clinic, lab, place, "OML^O21", authorities={"RIVER": MRN})
    asked = order(client, place)
    id_ = (await clinic.make("sys-mh", asked)).id
    await sent(clinic, partner)
    await sent(clinic, partner)
    (first,) = lab.messages
    assert first.type == "OML^O21"
    pid, orc, obr = first.one("PID"), first.one("ORC"), first.one("OBR")
    assert pid is not None and orc is not None and obr is not None  # noqa: PT018 - they are there together
    assert (pid.v(3, 1), pid.v(3, 4), pid.v(5), pid.v(5, 2), pid.v(7), pid.v(8)) == ("R1", "RIVER", "Rivera", "Ana", "19880304", "F")
    assert (orc.v(1), orc.v(2), obr.v(2), obr.v(4), obr.v(4, 3)) == ("NW", "7F3A90C2E1", "7F3A90C2E1", "24323-8", "LN")
    assert [n.v(3) for n in first.all("NTE")] == ["Fasting | since 20:00"]
    assert not first.all("ZPR"), "no notice where nothing is under Part 2"
    assert str(hl7.parse(lab.got[0].decode())["ORC"][0][2][0][0]) == "7F3A90C2E1", "python-hl7 reads the same"
    await clinic.put("sys-mh", {**asked, "id": id_, "priority": "routine"})
    await sent(clinic, partner)
    await clinic.put("sys-mh", {**asked, "id": id_, "priority": "routine", "status": "revoked"})
    await sent(clinic, partner)
    assert [m.one("ORC").v(1) for m in lab.messages] == ["NW", "XO", "CA"]  # type: ignore[union-attr]
    assert [await known_to(clinic, partner, type_, client) for type_ in ("Patient", "Encounter", "ServiceRequest")] == [0, 0, 0], "told that it is over, and nothing else is open"
    assert await envelopes(clinic) == [("OML^O21", "mapped", "")] * 3
    assert len({m.control for m in lab.messages}) == 3
    rows = await clinic.owner.fetch("SELECT channel, recipient, purpose, digest FROM record.disclosure ORDER BY made")
    assert [(r["channel"], r["recipient"], r["purpose"]) for r in rows] == [("hl7v2", place, "TREAT")] * 3, "each is in the log, with its payload"


async def known_to(clinic: Clinic, partner: Partner, type_: str, client: str, subject: Subject | None = None) -> int:
    """How much of a type the partner finds about a client, asking as themselves; subject: as they are told of it."""
    access = await telling.recipient(Envoys(clinic.gate), clinic.gate.house.tenants[people.A], partner, "TREAT", subject)
    return len((await access.search(type_, [("_id" if type_ == "Patient" else "patient", client)], count=20)).matches)


@pytest.mark.parametrize("status", ["revoked", "entered-in-error"])
async def test_an_order_that_was_taken_back_opens_no_chart(clinic: Clinic, lab: Counterpart, status: str) -> None:
    """Not by what it names, not for staff by what it was made under, and not anew by a later change of it; a laboratory that never had it learns nothing."""
    client, place = await laid_out(clinic)
    partner = await agreed(clinic, lab, place, "ORM^O01")
    asked = order(client, place)
    id_ = (await clinic.make("sys-mh", asked)).id
    assert await known_to(clinic, partner, "Encounter", client) == 1, "while they are to do it"
    for note in ("wrong place", "looked at again"):
        await clinic.put("sys-mh", {**asked, "id": id_, "status": status, "note": [{"text": note}]})
        assert [await known_to(clinic, partner, type_, client) for type_ in ("Patient", "Encounter", "ServiceRequest")] == [0, 0, 0]
        told = [await known_to(clinic, partner, "ServiceRequest", client, Subject("ServiceRequest", of, client)) for of in (id_, "another")]
        assert told == [1, 0], "who tells them of its end, and of no other's"
        actors = await clinic.owner.fetch("SELECT actor FROM record.relation WHERE source = $1 AND known_to = 'infinity' AND valid_to > $2", f"ServiceRequest/{id_}", clock.now())
        assert [r["actor"] for r in actors] == [f"order:{id_}:{place}"]
    await sent(clinic, partner)
    assert lab.got == [], "it was over before it left"


async def test_a_part_2_order_leaves_with_consent_notice_and_a_line_and_not_without(clinic: Clinic, lab: Counterpart) -> None:
    client, place = await laid_out(clinic, "sys-sud")
    partner = await agreed(clinic, lab, place, "ORM^O01")
    await clinic.make("sys-sud", order(client, place))
    await sent(clinic, partner)
    assert lab.got == []
    assert await envelopes(clinic) == [], "nothing tells that it was withheld"
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 0
    agreed_ = (await clinic.make("sys-sud", consent(client, place.removeprefix("Organization/")))).id
    officer = await clinic.gate.access(clinic.tokens["officer"])
    assert officer is not None
    await telling.anew(officer, (await telling.held_back(officer))[0].id)
    await sent(clinic, partner)
    (message,) = lab.messages
    (notice,) = message.all("ZPR")
    assert "42 CFR part 2" in notice.v(3)
    assert "TREAT" in notice.v(4) or "treatment" in notice.v(4).lower()
    assert message.one("PV1").v(16) == "R"  # type: ignore[union-attr]
    (row,) = await clinic.owner.fetch("SELECT consents, notice FROM record.disclosure")
    assert row["consents"][0].startswith(f"Consent/{agreed_}")
    assert row["notice"]


async def test_what_was_held_back_is_for_privacy_officers_who_may_see_it_and_decided_anew_by_them(clinic: Clinic, lab: Counterpart) -> None:
    client, place = await laid_out(clinic, "sys-sud")
    partner = await agreed(clinic, lab, place, "ORM^O01")
    await clinic.make("sys-sud", order(client, place))
    await sent(clinic, partner)
    officer, of_mh, clinician = [await clinic.gate.access(clinic.tokens[who]) for who in ("officer", "mh-officer", "mh-clinician")]
    assert officer is not None and of_mh is not None and clinician is not None  # noqa: PT018 - they are there together
    (held,) = await telling.held_back(officer)
    assert (held.partner, held.subject.patient, held.resource["resourceType"]) == (partner.id, client, "ServiceRequest")
    assert await telling.held_back(of_mh) == []
    for question in (telling.held_back(clinician), telling.anew(clinician, held.id)):
        with pytest.raises(errors.Forbidden):
            await question
    said = []
    for who, id_ in ((of_mh, held.id), (of_mh, "no-such"), (officer, "no-such"), (officer, "")):
        with pytest.raises(errors.NotFound) as refused:
            await telling.anew(who, id_)
        said.append(str(refused.value))
    assert len(set(said)) == 1, "what somebody may not see is as what is not there"
    await clinic.make("sys-sud", consent(client, place.removeprefix("Organization/")))
    await sent(clinic, partner)
    assert lab.got == [], "it waits for the officer"
    await telling.anew(officer, held.id)
    (line,) = [r for r in await clinic.trail(officer.request) if r["action"] == "exchange-anew"]
    assert (line["outcome"], line["account"], line["patients"]) == ("done", "officer", [client])
    await sent(clinic, partner)
    assert len(lab.got) == 1
    assert await telling.held_back(officer) == []


async def test_who_orders_is_offered_the_laboratories_that_orders_go_to(clinic: Clinic, lab: Counterpart) -> None:
    _, place = await laid_out(clinic)
    other = f"Organization/{(await clinic.make('sys-mh', {'resourceType': 'Organization', 'name': 'Hospital'})).id}"
    partner = await agreed(clinic, lab, place, "ORM^O01")
    await agreed(clinic, lab, other, "ADT^A04", id_="hospital")
    ordering, biller = [await clinic.gate.access(clinic.tokens[who]) for who in ("mh-clinician", "biller")]
    assert ordering is not None and biller is not None  # noqa: PT018 - they are there together
    assert await telling.laboratories(ordering) == [(place, partner.name)]
    with pytest.raises(errors.Forbidden):
        await telling.laboratories(biller)


async def test_a_consent_taken_back_stops_what_waits_and_replay_decides_anew(clinic: Clinic, lab: Counterpart) -> None:
    client, place = await laid_out(clinic, "sys-sud")
    partner = await agreed(clinic, lab, place, "ORM^O01")
    given = consent(client, place.removeprefix("Organization/"))
    made = (await clinic.make("sys-sud", given)).id
    await clinic.make("sys-sud", order(client, place))
    await lab.close()
    await sent(clinic, partner)
    ((kind, state, reason),) = await envelopes(clinic)
    assert (kind, state) == ("ORM^O01", "received")
    assert "cannot be reached" in reason
    assert "Rivera" not in reason
    assert (await clinic.put("sys-sud", {**given, "id": made, "status": "inactive"})).status == 200
    await lab.open()
    await due(clinic)
    await sent(clinic, partner)
    assert lab.got == []
    ((_, state, reason),) = await envelopes(clinic)
    assert state == "aside"
    assert "decided anew" in reason
    assert "consent" not in reason


async def test_the_same_number_is_sent_again_until_it_is_answered_and_a_refusal_waits_for_somebody(clinic: Clinic, lab: Counterpart) -> None:
    client, place = await laid_out(clinic)
    partner = await agreed(clinic, lab, place, "ORM^O01")
    lab.codes = ["-", "AE", "AA", "AR"]
    await clinic.make("sys-mh", order(client, place))
    for _ in range(3):
        await sent(clinic, partner)
        await due(clinic)
    assert len({m.control for m in lab.messages}) == 1
    assert len(lab.got) == 3
    assert lab.got[0] == lab.got[1] == lab.got[2]
    assert await envelopes(clinic) == [("ORM^O01", "mapped", "")]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 1, "the same bytes again are the same disclosure"
    await clinic.make("sys-mh", order(client, place, identifier=[{"value": "N2"}]))
    await sent(clinic, partner)
    (_, (_, state, reason)) = await envelopes(clinic)
    assert state == "failed"
    assert "refused it (AR, 204 PID-3)" in reason
    assert "Rivera" not in reason


@pytest.mark.parametrize(("mode", "answers", "state"), [("enhanced", ["CA"], "mapped"), ("both", ["CA AA"], "mapped"), ("both", ["CA AR"], "failed"), ("enhanced", ["CR"], "failed"), ("enhanced", ["CE"], "received")])
async def test_enhanced_mode(clinic: Clinic, lab: Counterpart, mode: str, answers: list[str], state: str) -> None:
    client, place = await laid_out(clinic)
    partner = await agreed(clinic, lab, place, "ORM^O01", acknowledgement=mode)
    lab.codes = answers
    await clinic.make("sys-mh", order(client, place))
    await sent(clinic, partner)
    assert [s for _, s, _ in await envelopes(clinic)] == [state]
    assert lab.messages[0].header.v(15) == "AL"
    assert lab.messages[0].header.v(16) == ("AL" if mode == "both" else "NE")


async def test_what_one_person_waits_for_holds_nobody_else_up(clinic: Clinic, lab: Counterpart) -> None:
    client, place = await laid_out(clinic)
    other = (await clinic.make("sys-mh", patient("Other"))).id
    partner = await agreed(clinic, lab, place, "ORM^O01")
    lab.codes = ["AE", "AA"]
    await clinic.make("sys-mh", order(client, place, identifier=[{"value": "N2"}]))
    await clinic.make("sys-mh", order(client, place, identifier=[{"value": "N2"}]))
    await clinic.make("sys-mh", order(other, place, identifier=[{"value": "N2"}]))
    box = post(clinic.gate, partner)
    await sent(clinic, partner, box)
    assert [m.one("PID").v(5) for m in lab.messages] == ["Rivera", "Other"]  # type: ignore[union-attr]
    await due(clinic)
    await sent(clinic, partner, box)
    assert [m.one("PID").v(5) for m in lab.messages] == ["Rivera", "Other", "Rivera", "Rivera"]  # type: ignore[union-attr]
    await box.close()


async def test_what_left_is_what_the_log_has_and_sending_it_again_decides_anew(clinic: Clinic, lab: Counterpart) -> None:
    client, place = await laid_out(clinic, "sys-sud")
    partner = await agreed(clinic, lab, place, "ORM^O01")
    given = consent(client, place.removeprefix("Organization/"))
    made = (await clinic.make("sys-sud", given)).id
    await clinic.make("sys-sud", order(client, place))
    await sent(clinic, partner)
    officer = await clinic.gate.access(clinic.tokens["officer"])
    assert officer is not None
    (row,) = await disclosures.disclosures(clinic.gate.house.db, officer.head, officer.decided, "whole", wish=disclosures.Wish(client))
    assert disclosing.payload(officer, row) == lab.got[0], "to the letter"
    assert marks.PART2 in marks.of(lab.messages[0], LAB), "and who reads it as we do keeps it under the same law"
    id_ = str(await clinic.owner.fetchval("SELECT message FROM record.exchange_message"))
    await messages.move(officer, id_, "again")
    await sent(clinic, partner)
    assert lab.got == [lab.got[0]] * 2
    assert (await clinic.put("sys-sud", {**given, "id": made, "status": "inactive"})).status == 200
    await messages.move(officer, id_, "again")
    await sent(clinic, partner)
    assert len(lab.got) == 2
    ((_, state, reason),) = await envelopes(clinic)
    assert state == "aside"
    assert "decided anew" in reason
    (held,) = await telling.held_back(officer)
    assert (held.subject.type, held.subject.patient) == ("ServiceRequest", client), "the privacy officer sees what was held back"


async def test_a_partner_who_says_nothing_holds_no_other_up(clinic: Clinic, lab: Counterpart) -> None:
    client, place = await laid_out(clinic)
    other = f"Organization/{(await clinic.make('sys-mh', {'resourceType': 'Organization', 'name': 'Other Laboratory'})).id}"
    silent = await Counterpart(codes=[""]).open()
    await agreed(clinic, silent, place, "ORM^O01", timeout=600)
    await agreed(clinic, lab, other, "ORM^O01", id_="other")
    for performer in (place, other):
        await clinic.make("sys-mh", order(client, performer))
    await follow(clinic)
    sending = Sending(Envoys(clinic.gate), Identity())
    await sending.start()
    async with asyncio.timeout(60):
        await silent.arrived.wait()
        await lab.arrived.wait()
    await sending.stop()
    await silent.close()
    assert len(lab.got) == 1
