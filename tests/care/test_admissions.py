"""From the first call to the admission: one person once, protected from the first minute, nothing skipped, nothing lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date, timedelta

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.care import policies, tasks
from sojourn.care.admissions import admitting, calls, capacity, checklist, reviewing
from sojourn.care.admissions import case as cases
from sojourn.care.admissions import people as same
from sojourn.care.census import double, moving, occupancy, places
from sojourn.care.forms import actions, shipping
from sojourn.care.forms.filling import Filled, fill
from sojourn.gate.access import Access
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests import people
from tests.people import MH, START, SUD, Clinic

QUIET = {"danger": "no", "relation": "self", "message-ok": "yes", "interpreter": "false", "concern": "Cannot sleep.", "seeks": "mh", "red-flags": "none", "pregnant": "na", "source": "self", "insurance": "yes"}
SCREEN = {**{f"dim{n}": "So far well." for n in range(1, 7)}, "exclusion": "none", "violence": "no", "fire": "no", "offence": "no", "suicide": "no", "mat": "none", "allergies": "none known",
          "tb": "no", "adl": "no", "level": "3.5", "medical-review": "true", "why": "Steady."}  # fmt: skip


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """A clinic with admissions staff in both kinds of program and in one, each of them a person."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        for number in (SUD, MH):
            runs = (await made.make("sys-mh", {"resourceType": "Organization", "name": f"Program {number}"})).id
            await made.owner.execute("UPDATE record.program SET organization = $1 WHERE tenant = 1 AND program = $2", runs, number)
        await made.gate.reload()
        for n, (who, programs) in enumerate((("adam", [SUD, MH]), ("mia", [MH]))):
            them = (await made.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": f"Admissions {n}"}]})).id
            row = organization.AccountRow(who, "staff", who, who.title(), None, f"Practitioner/{them}", "admissions", programs, programs[-1], [])
            await organization.account(made.owner, 1, row, clock.now())
            made.tokens[who] = await made.gate.token(made.gate.house.tenants[1], who)
        yield made
        await people.close_clinic(made)


async def at(clinic: Clinic, who: str = "adam") -> Access:
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


def sheet(access: Access, answers: Mapping[str, str] = QUIET, form: str = calls.SHEET) -> Filled:
    """A form with answers given by the code of what is chosen."""
    asked = shipping.shipped(access.house.base)[form]
    keys = {(link, o.value.get("valueCoding", {}).get("code")): o.key for link, item in asked.by_link.items() for o in item.options}
    return fill(asked, {k: [keys.get((k, v), v)] for k, v in answers.items()}, check=True)


async def call(clinic: Clinic, who: str = "adam", *, program: int = MH, level: str = "OP", outcome: str = "pre-screen", person: calls.Person | None = None, **answers: str) -> cases.Case:
    access = await at(clinic, who)
    someone = person or calls.Person("Rivera", "Ana", "1988-03-04")
    return await cases.one(access, await calls.take(access, someone, sheet(access, {**QUIET, **answers}), program=program, level=level, outcome=outcome, note=""))


async def house(clinic: Clinic, beds: int = 2) -> list[str]:
    unit = (await clinic.make("sys-none", {"resourceType": "Location", "name": "House", "status": "active", "physicalType": {"coding": [{"code": "wa"}]}})).id
    room = (await clinic.make("sys-none", {"resourceType": "Location", "name": "Room 1", "status": "active", "physicalType": {"coding": [{"code": "ro"}]}, "partOf": {"reference": f"Location/{unit}"}})).id
    return [
        (await clinic.make("sys-none", {"resourceType": "Location", "name": f"Bed {n}", "status": "active", "physicalType": {"coding": [{"code": "bd"}]}, "partOf": {"reference": f"Location/{room}"}})).id
        for n in range(1, beds + 1)
    ]


async def held(clinic: Clinic, case: cases.Case, bed: str, who: str = "adam", hours: int = 2) -> str:
    access = await at(clinic, who)
    return await moving.hold(access, patient=case.patient, episode=case.episode, organization="", bed=bed, expected=access.now + timedelta(hours=hours), program=case.program)


async def test_a_call_cannot_be_closed_while_the_safety_question_is_open(clinic: Clinic) -> None:
    access = await at(clinic)
    without = {k: v for k, v in QUIET.items() if k != "danger"}
    with pytest.raises(errors.Malformed, match="danger"):
        await calls.take(access, calls.Person("Rivera", "Ana"), sheet(access, without), program=MH, level="", outcome="inquiry", note="")
    assert (await access.search("Patient", [])).matches == []


async def test_a_call_makes_a_person_a_planned_stay_a_sheet_and_a_case(clinic: Clinic) -> None:
    case = await call(clinic)
    access = await at(clinic)
    assert (case.stage.code, case.level, case.program, case.open) == ("pre-screen", "OP", MH, True)
    assert (await access.read("EpisodeOfCare", case.episode)).resource["status"] == "planned"
    assert len((await access.search("QuestionnaireResponse", [("patient", case.patient)])).matches) == 1
    assert [c.id for c, _ in await cases.board(access)] == [case.id]


async def test_danger_calls_for_people_at_once_in_words_that_tell_nothing(clinic: Clinic) -> None:
    with pytest.raises(errors.Malformed):
        await call(clinic, danger="yes")
    case = await call(clinic, **{"danger": "yes", "danger-what": "Wants to die.", "danger-done": "988"})
    assert case.priority == "urgent"
    found = await tasks.of_patient(await at(clinic), case.patient, kinds=[calls.SAFETY_TASK])
    assert {(w.role, w.priority) for w in found} == {("supervisor", "stat"), ("on-call", "stat")}
    assert not any("die" in w.text or "Rivera" in w.text for w in found)


async def test_a_lead_of_a_part_2_program_is_protected_from_its_first_minute(clinic: Clinic) -> None:
    case = await call(clinic, program=SUD, level="3.5")
    other = await at(clinic, "mia")
    for type_, id_ in (("Patient", case.patient), ("EpisodeOfCare", case.episode), ("Task", case.id)):
        with pytest.raises(errors.NotFound):
            await other.read(type_, id_)
    assert await cases.board(other) == []
    assert await calls.alike(other, "Rivera", "Ana", "1988-03-04") == []
    assert (await (await at(clinic, "sud-clinician")).read("Patient", case.patient)).id == case.patient


async def test_one_person_has_one_case_however_often_they_call(clinic: Clinic) -> None:
    first = await call(clinic)
    access = await at(clinic)
    (known,) = await calls.alike(access, "Riv", "", "1988-03-04")
    again = await call(clinic, person=calls.Person("", "", known=str(known["id"])), concern="Still cannot sleep.")
    assert again.id == first.id
    assert len((await access.search("Patient", [("birthdate", "1988-03-04")])).matches) == 1
    assert len((await access.search("QuestionnaireResponse", [("patient", first.patient)])).matches) == 2


async def test_somebody_hidden_never_stands_in_the_way_and_is_not_told(clinic: Clinic) -> None:
    hidden = await call(clinic, program=SUD, level="3.5")
    seen = await call(clinic, "mia", program=MH)
    assert seen.patient != hidden.patient


async def test_a_review_has_a_clock_and_is_answered_by_those_who_may(clinic: Clinic) -> None:
    case, access = await call(clinic), await at(clinic)
    with pytest.raises(errors.Malformed, match="pre-screen"):
        await reviewing.ask(access, case, "nurse")
    await actions.submit(access, case.patient, sheet(access, SCREEN, reviewing.SHEET))
    await reviewing.ask(access, await cases.one(access, case.id), "clinician")
    case = await cases.one(access, case.id)
    assert case.stage.code == "review"
    work = await reviewing.waiting(access, case)
    assert work is not None
    assert work.due == access.now + timedelta(minutes=60)
    with pytest.raises(errors.Forbidden):
        await reviewing.decide(access, case, "accept", "Fine.")
    doctor = await at(clinic, "mh-clinician")
    with pytest.raises(errors.Malformed):
        await reviewing.decide(doctor, case, "accept", " ")


async def test_a_bed_is_held_until_its_time_is_over_and_nobody_else_gets_it(clinic: Clinic) -> None:
    one, two = await house(clinic)
    first, second = await call(clinic, program=SUD, level="3.5"), await call(clinic, program=SUD, level="3.5", person=calls.Person("Osei", "Kofi", "1990-01-01"))
    await held(clinic, first, one)
    with pytest.raises(errors.Conflict):
        await held(clinic, second, one)
    access = await at(clinic)
    beds = await places.beds(access)
    assert [(p.bed, p.state) for p in await occupancy.now(access, beds)] == [(one, "held")]
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(hours=27))
    system = await at(clinic, "sys-sud")
    await moving.expire_holds(system)
    assert await occupancy.now(await at(clinic), beds) == []
    await held(clinic, second, one)
    assert two != one


async def test_a_bed_of_somebody_hidden_is_free_to_whoever_may_not_see_them(clinic: Clinic) -> None:
    (bed,) = await house(clinic, 1)
    hidden, seen = await call(clinic, program=SUD, level="3.5"), await call(clinic, "mia", program=MH, person=calls.Person("Osei", "Kofi", "1990-01-01"))
    await held(clinic, hidden, bed)
    await held(clinic, seen, bed, "mia")
    mia = await at(clinic, "mia")
    assert [p.patient for p in await occupancy.now(mia, await places.beds(mia))] == [seen.patient]


async def test_an_admission_waits_for_its_checklist_or_for_reasons_that_are_kept(clinic: Clinic) -> None:
    (bed,) = await house(clinic, 1)
    case = await call(clinic, program=SUD, level="3.5")
    access = await at(clinic)
    with pytest.raises(errors.Malformed, match="A bed"):
        await admitting.admit(access, case)
    await held(clinic, case, bed)
    rules = await policies.of(access)
    with pytest.raises(errors.Malformed, match="why"):
        await checklist.tick(access, case, "identity", aside=True)
    for n, line in enumerate(x for x in await checklist.lines(access, case, rules) if x.missing and x.when == checklist.BEFORE):
        current = await cases.one(access, case.id)
        await checklist.tick(access, current, line.item.code, "The computer was down." if n == 0 else "", aside=n == 0)
    case = await cases.one(access, case.id)
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(hours=1))
    access = await at(clinic)
    await admitting.admit(access, case)
    assert (await access.read("EpisodeOfCare", case.episode)).resource["status"] == "active"
    assert [(p.bed, p.state) for p in await occupancy.now(access, await places.beds(access))] == [(bed, "in")]
    ended = await cases.one(access, case.id)
    assert (ended.stage.code, ended.status) == ("admitted", "completed")
    assert any("The computer was down." in text for _, by, text in ended.notes if by)


async def test_two_who_change_a_case_at_once_do_not_overwrite_each_other(clinic: Clinic) -> None:
    case, access = await call(clinic), await at(clinic)
    await cases.move(access, case, "benefits", "")
    with pytest.raises(errors.VersionConflict):
        await cases.move(access, case, "lost", "No answer.")
    with pytest.raises(errors.Malformed):
        await cases.move(access, await cases.one(access, case.id), "lost", "")


async def test_a_program_without_beds_counts_its_places_for_whoever_works_in_it(clinic: Clinic) -> None:
    access = await at(clinic)
    rules = await policies.of(access)
    key = access.rules.programs[MH].key
    full = policies.Policies(rules.day, {(capacity.KEY, ""): [f"{key} 2", "nonsense", "two words x"]})
    assert capacity.limits(full) == {key: 2}
    before = {p.program: p for p in capacity.of(access, full, await capacity.counted(access))}
    for n in range(3):
        p = (await clinic.make("sys-mh", {"resourceType": "Patient", "name": [{"family": f"Seat{n}"}]})).id
        await clinic.make("sys-mh", {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{p}"}, "managingOrganization": {"reference": access.rules.programs[MH].organization}})
    await call(clinic, program=MH, outcome="waitlist")
    after = {p.program: p for p in capacity.of(access, full, await capacity.counted(await at(clinic)))}
    assert (after[MH].taken - before[MH].taken, after[MH].there, after[MH].free, after[MH].waiting) == (3, 2, 0, 1)
    mia = await at(clinic, "mia")
    assert SUD not in {p.program for p in capacity.of(mia, full, await capacity.counted(mia))}, "a number of others' program would be too small"
    assert await capacity.one(await at(clinic), full, SUD) is None
    assert MH not in {p.program for p in capacity.of(access, full, await capacity.counted(await at(clinic)), without=frozenset({MH}))}


async def test_the_census_of_a_past_midnight_counts_who_was_there(clinic: Clinic) -> None:
    one, two = await house(clinic)
    for n, (bed, start, end) in enumerate(((one, "2026-02-20T10:00:00Z", "2026-02-25T10:00:00Z"), (two, "2026-02-24T03:00:00Z", None))):
        p = (await clinic.make("sys-sud", {"resourceType": "Patient", "name": [{"family": f"Guest{n}"}]})).id
        await clinic.make("sys-sud", {
            "resourceType": "Encounter", "status": "finished" if end else "in-progress", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
            "subject": {"reference": f"Patient/{p}"}, "period": {"start": start, **({"end": end} if end else {})}, "location": [{"location": {"reference": f"Location/{bed}"}, "status": "completed" if end else "active"}],
        })  # fmt: skip
    access = await at(clinic, "sys-sud")
    beds = await places.beds(access)
    count = {}
    for day in ("2026-02-20", "2026-02-24", "2026-02-25", "2026-02-26"):
        moment = occupancy.moment_of(f"{day}T00:00:00+00:00")
        assert moment is not None
        count[day] = len(await occupancy.at(access, moment, beds))
    assert count == {"2026-02-20": 0, "2026-02-24": 1, "2026-02-25": 2, "2026-02-26": 1}
    assert len(await occupancy.midnight(access, date(2026, 2, 24), beds)) == 2, "midnight is that of the place: in New York it was ten in the evening"
    west = [b._replace(zone="America/Los_Angeles") if b.id == one else b for b in beds]
    assert len(await occupancy.midnight(access, date(2026, 2, 25), west)) == len(await occupancy.midnight(access, date(2026, 2, 25), beds)) == 2
    assert await occupancy.midnight(access, date(2026, 2, 20), [b for b in beds if b.id == one]) == []


async def test_what_was_written_down_twice_is_found_for_those_who_see_both_and_linked_without_widening_anybodys_sight(clinic: Clinic) -> None:
    hidden, seen = await call(clinic, program=SUD, level="3.5"), await call(clinic, "mia", program=MH)
    assert await same.look(await at(clinic, "sys-none")) == 1
    assert await same.look(await at(clinic, "sys-none")) == 0
    assert await same.waiting(await at(clinic, "mia")) == []
    adam = await at(clinic)
    (pair,) = await same.waiting(adam)
    linkage = await same.link(adam, pair.id, "Same identity card.")
    assert await same.others(adam, seen.patient) == [(hidden.patient, linkage)]
    mia = await at(clinic, "mia")
    assert await same.others(mia, seen.patient) == []
    assert (await mia.search("Linkage", [])).matches == []
    with pytest.raises(errors.NotFound):
        await mia.read("Linkage", linkage)
    await same.unlink(await at(clinic), linkage)
    assert await same.others(await at(clinic), seen.patient) == []
    assert await same.waiting(await at(clinic)) == []


async def test_a_bed_that_is_promised_twice_is_found_for_those_who_see_both(clinic: Clinic) -> None:
    (bed,) = await house(clinic, 1)
    hidden, seen = await call(clinic, program=SUD, level="3.5"), await call(clinic, "mia", program=MH, person=calls.Person("Osei", "Kofi", "1990-01-01"))
    await held(clinic, hidden, bed)
    await held(clinic, seen, bed, "mia")
    assert await double.look(await at(clinic, "sys-none")) == 1
    assert await double.waiting(await at(clinic, "mia")) == []
    (twice,) = await double.waiting(await at(clinic))
    assert {twice.one.patient, twice.other.patient} == {hidden.patient, seen.patient}
