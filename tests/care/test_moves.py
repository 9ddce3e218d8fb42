"""Levels of care under one record: a transition changes everything at one moment, and a stay does not end with things missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.care import levels, policies, tasks
from sojourn.care.moves import discharge, packet, receiving, stays, transition
from sojourn.care.scheduling import appointments, members, tracks
from sojourn.care.scheduling.series import Series
from sojourn.gate.access import Access
from sojourn.record.database import Dsn
from tests import people
from tests.people import MH, START, SUD, Clinic, observation, patient

SAID = {part.code: "None, asked." for part in packet.parts() if part.needed}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """A clinic whose clinicians are people and whose programs are organizations."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        for number in (SUD, MH):
            runs = (await made.make("sys-none", {"resourceType": "Organization", "name": f"Program {number}"})).id
            await made.owner.execute("UPDATE record.program SET organization = $1 WHERE tenant = 1 AND program = $2", runs, number)
        await made.gate.reload()
        for who in ("both-clinician", "mh-clinician", "sud-clinician"):
            them = (await made.make("sys-none", {"resourceType": "Practitioner", "name": [{"family": who}]})).id
            await made.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = $2", f"Practitioner/{them}", who)
            made.tokens[who] = await made.gate.token(made.gate.house.tenants[1], who)
        yield made
        await people.close_clinic(made)


async def at(clinic: Clinic, who: str) -> Access:
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


async def stay_in(clinic: Clinic, maker: str, level: str = "OP") -> tuple[str, levels.Stay]:
    """A client in a stay of a program, with a team and a bed."""
    p = (await clinic.make(maker, patient())).id
    team = (await clinic.make(maker, {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}})).id
    kind = [{"text": "Program", "coding": [{"system": "https://sojourn.example/fhir/CodeSystem/level-of-care", "code": level}]}]
    made = await clinic.make(maker, {"resourceType": "EpisodeOfCare", "status": "active", "type": kind, "patient": {"reference": f"Patient/{p}"}, "period": {"start": "2026-02-01"}, "team": [{"reference": f"CareTeam/{team}"}]})
    await clinic.make(maker, {
        "resourceType": "Encounter", "status": "in-progress", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}, "subject": {"reference": f"Patient/{p}"},
        "episodeOfCare": [{"reference": f"EpisodeOfCare/{made.id}"}], "period": {"start": "2026-02-01T10:00:00Z"},
    })  # fmt: skip
    await clinic.make(maker, observation(p))
    return p, levels.stay((await clinic.get(maker, f"EpisodeOfCare/{made.id}")).json())


async def offered(clinic: Clinic, sender: str, stay: levels.Stay, program: int, level: str = "2.1") -> transition.Transition:
    access = await at(clinic, sender)
    id_ = await transition.begin(access, stay, level=level, program=program)
    await transition.write_down(access, await transition.one(access, id_), SAID)
    await transition.offer(access, await transition.one(access, id_))
    return await transition.one(access, id_)


async def test_a_packet_with_something_missing_is_not_offered_and_says_what(clinic: Clinic) -> None:
    _, stay = await stay_in(clinic, "sys-mh")
    access = await at(clinic, "mh-clinician")
    id_ = await transition.begin(access, stay, level="2.1", program=MH)
    with pytest.raises(errors.Malformed, match="Last dose"):
        await transition.offer(access, await transition.one(access, id_))
    with pytest.raises(errors.Malformed, match="under way"):
        await transition.begin(access, stay, level="2.1", program=MH)


async def test_accepting_changes_everything_at_the_same_moment(clinic: Clinic) -> None:
    p, stay = await stay_in(clinic, "sys-mh")
    moved = await offered(clinic, "mh-clinician", stay, SUD)
    receiver = await at(clinic, "sud-clinician")
    offer = await receiving.offer(receiver, moved.offer)
    await receiving.accept(receiver, offer)
    both = await at(clinic, "both-clinician")
    old, new = (await both.read("EpisodeOfCare", stay.id)).resource, (await both.read("EpisodeOfCare", moved.stay)).resource
    assert (old["status"], new["status"]) == ("finished", "active")
    assert old["period"]["end"] == new["period"]["start"]
    assert new["careManager"]["reference"] == receiver.caller.agent
    assert [e["status"] for e in (await both.search("Encounter", [("patient", p), ("class", "IMP")])).resources] == ["finished"]
    assert sorted(t["status"] for t in (await both.search("CareTeam", [("patient", p)])).resources) == ["active", "inactive"]
    assert {w.kind for w in await tasks.of_patient(both, p)} == {receiving.CHECK_IN, receiving.PLAN, stays.SCHEDULE}
    with pytest.raises(errors.NotFound):
        await receiving.offer(receiver, moved.offer)


async def booked(clinic: Clinic, p: str) -> dict[str, str]:
    """Coming times of a client: in a group of the program that sends, in one of another program, and a visit. Their ids by name."""
    made = {}
    access = await at(clinic, "both-clinician")
    for name, system, number in (("ours", "sys-mh", MH), ("theirs", "sys-sud", SUD)):
        series = Series(frozenset({0, 2}), time(9), 60, "America/New_York", access.today)
        program = str(access.rules.programs[number].organization)
        track = await tracks.create(await at(clinic, system), tracks.Track("", "", name, "group", series, 0, "", program, (str(access.caller.agent),), "", True))
        await members.join(access, await tracks.one(access, track), p, access.today, access.today + timedelta(days=6), await policies.of(access))
        made[name] = next(b.id for b in await appointments.of_patient(access, p) if b.track == track)
    start = access.now + timedelta(days=3)
    (made["visit"],) = await appointments.book(access, [appointments.Wish(p, "therapy", start, start + timedelta(minutes=50), (str(access.caller.agent),), "", ZoneInfo("America/New_York"), MH)])
    return made


async def test_the_groups_of_a_stay_end_with_it_and_nothing_else(clinic: Clinic) -> None:
    p, stay = await stay_in(clinic, "sys-mh")
    coming = await booked(clinic, p)
    both = await at(clinic, "both-clinician")

    async def standing() -> dict[str, str]:
        return {name: (await both.read("Appointment", id_)).resource["status"] for name, id_ in coming.items()}

    moved = await offered(clinic, "mh-clinician", stay, SUD)
    assert await standing() == {"ours": "booked", "theirs": "booked", "visit": "booked"}, "an offer changes nothing"
    receiver = await at(clinic, "sud-clinician")
    await receiving.accept(receiver, await receiving.offer(receiver, moved.offer))
    assert await standing() == {"ours": "cancelled", "theirs": "booked", "visit": "booked"}


async def test_the_groups_of_a_stay_end_with_a_discharge(clinic: Clinic) -> None:
    p, stay = await stay_in(clinic, "sys-mh")
    coming = await booked(clinic, p)
    access = await at(clinic, "mh-clinician")
    await discharge.end(access, stay, "elopement", dict.fromkeys(discharge.needs(), "Said."), {})
    both = await at(clinic, "both-clinician")
    assert [(await both.read("Appointment", coming[name])).resource["status"] for name in ("ours", "theirs", "visit")] == ["cancelled", "booked", "booked"]
    (asked,) = await tasks.of_patient(both, p, kinds=[stays.SCHEDULE])
    assert (asked.role, asked.focus) == ("admissions", f"EpisodeOfCare/{stay.id}")


async def test_a_discharge_by_somebody_who_may_not_keep_appointments_asks_somebody_who_may(clinic: Clinic) -> None:
    p, stay = await stay_in(clinic, "sys-mh")
    coming = await booked(clinic, p)
    await clinic.owner.execute("UPDATE record.role_rule SET types = array_remove(types, 'Appointment') WHERE tenant = 1 AND role = 'clinician'")
    await clinic.gate.reload()
    access = await at(clinic, "mh-clinician")
    assert not access.may("Appointment", "update")
    await discharge.end(access, stay, "elopement", dict.fromkeys(discharge.needs(), "Said."), {})
    both = await at(clinic, "both-clinician")
    assert [(await both.read("Appointment", coming[name])).resource["status"] for name in ("ours", "theirs", "visit")] == ["booked", "booked", "booked"]
    (asked,) = await tasks.of_patient(both, p, kinds=[stays.SCHEDULE])
    assert (asked.role, asked.text) == ("admissions", "Look at appointments: the stay has ended")


async def test_a_receiver_who_needs_to_know_more_returns_it_and_it_can_be_offered_again(clinic: Clinic) -> None:
    p, stay = await stay_in(clinic, "sys-mh")
    moved = await offered(clinic, "mh-clinician", stay, SUD)
    receiver = await at(clinic, "sud-clinician")
    with pytest.raises(errors.Malformed):
        await receiving.give_back(receiver, await receiving.offer(receiver, moved.offer), " ")
    await receiving.give_back(receiver, await receiving.offer(receiver, moved.offer), "Which pharmacy?")
    sender = await at(clinic, "mh-clinician")
    back = await transition.one(sender, moved.id)
    assert (back.state, back.said["last-doses"]) == ("returned", "None, asked.")
    assert any("Which pharmacy?" in text for _, _, text in back.notes)
    assert [w.kind for w in await tasks.of_patient(sender, p, kinds=["transition-returned"])] == ["transition-returned"]
    await transition.offer(sender, back)
    again = await transition.one(await at(clinic, "mh-clinician"), moved.id)
    await receiving.accept(receiver, await receiving.offer(await at(clinic, "sud-clinician"), again.offer))


async def test_a_program_outside_part_2_learns_of_nobody_without_a_consent(clinic: Clinic) -> None:
    _, stay = await stay_in(clinic, "sys-sud", "3.5")
    with pytest.raises(errors.Malformed, match="consent"):
        await offered(clinic, "both-clinician", stay, MH)
    outside = await at(clinic, "mh-clinician")
    assert (await outside.search("EpisodeOfCare", [])).matches == []
    assert (await outside.search("Task", [])).matches == []


async def test_an_offer_that_was_taken_back_cannot_be_accepted(clinic: Clinic) -> None:
    _, stay = await stay_in(clinic, "sys-mh")
    moved = await offered(clinic, "mh-clinician", stay, SUD)
    receiver = await at(clinic, "sud-clinician")
    seen = await receiving.offer(receiver, moved.offer)
    await transition.withdraw(await at(clinic, "mh-clinician"), moved, "Relapse; stays here.")
    with pytest.raises(errors.SojournError):
        await receiving.accept(receiver, seen)
    assert (await (await at(clinic, "mh-clinician")).read("EpisodeOfCare", stay.id)).resource["status"] == "active"


async def test_a_stay_ends_with_its_list_done_and_calls_follow(clinic: Clinic) -> None:
    p, stay = await stay_in(clinic, "sys-mh")
    access = await at(clinic, "mh-clinician")
    with pytest.raises(errors.Malformed, match="Discharge summary"):
        await discharge.end(access, stay, "completed", {}, {})
    done = {"follow-up": "yes", "medications": "yes", "safety-plan": "declined", "summary": "yes", "instructions": "yes"}
    with pytest.raises(errors.Malformed, match="Medications reconciled"):  # found in the chart, and not ticked by hand
        await discharge.end(access, stay, "completed", {}, done)
    done["medications"] = "Takes none."
    with pytest.raises(errors.Malformed, match="Risks"):
        await discharge.end(access, stay, "against-advice", {}, done)
    await discharge.end(access, stay, "against-advice", {"risks-explained": "By me.", "medication-plan": "A week's supply.", "signature": "Refused: in a hurry."}, done)
    after = (await access.read("EpisodeOfCare", stay.id)).resource
    assert after["status"] == "finished"
    (bed,) = (await access.search("Encounter", [("patient", p), ("class", "IMP")])).resources
    assert bed["hospitalization"]["dischargeDisposition"]["coding"][0]["code"] == "aadvice"
    assert [w.kind for w in await tasks.of_patient(access, p, kinds=[discharge.CALL])] == [discharge.CALL] * 3
