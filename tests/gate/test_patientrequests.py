"""Requests of patients: deadlines, answers, and the statement of disagreement in the record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from sojourn.base import clock, errors
from sojourn.gate import patientrequests as requests
from sojourn.gate.access import Access
from sojourn.record.database import Dsn
from tests import people
from tests.people import Clinic


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations on a database of the test's own."""
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


async def access(clinic: Clinic, who: str = "officer") -> Access:
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


async def asked(clinic: Clinic, who: str = "sys-mh") -> tuple[str, str, str]:
    """A patient, a heart rate, and the request to amend it."""
    person = await clinic.make(who, people.patient())
    pulse = await clinic.make(who, people.observation(person.id))
    id_ = await requests.take(await access(clinic), "amendment", person.id, "It was 72, not 172.", "I was there.", focus=f"Observation/{pulse.id}")
    return person.id, pulse.id, id_


async def test_there_are_sixty_days_and_thirty_more_once(clinic: Clinic) -> None:
    _, _, id_ = await asked(clinic)
    today = (await access(clinic)).today
    first = await requests.one(await access(clinic), id_)
    assert (first.received, first.due, first.extended) == (today, today + timedelta(days=60), False)
    await requests.extend(await access(clinic), id_, "The chart is at the archive.")
    later = await requests.one(await access(clinic), id_)
    assert (later.due, later.extended) == (today + timedelta(days=90), True)
    with pytest.raises(errors.Malformed):
        await requests.extend(await access(clinic), id_, "Once more.")


async def test_time_that_is_over_is_not_extended(clinic: Clinic) -> None:
    person = await clinic.make("sys-mh", people.patient())
    id_ = await requests.take(await access(clinic), "amendment", person.id, "Wrong name.", "", received=(await access(clinic)).today - timedelta(days=61))
    with pytest.raises(errors.Malformed):
        await requests.extend(await access(clinic), id_, "Too late.")
    assert requests.days_left(await requests.one(await access(clinic), id_), clock.now()) < 0


async def test_a_denial_has_a_reason_of_the_rule_and_a_disagreement_is_put_with_the_record(clinic: Clinic) -> None:
    person, pulse, id_ = await asked(clinic)
    with pytest.raises(errors.Malformed):
        await requests.answer(await access(clinic), id_, grant=False, text="No.", reason="because")
    with pytest.raises(errors.Malformed):
        await requests.disagree(await access(clinic), id_, "Not yet denied.")
    await requests.answer(await access(clinic), id_, grant=False, text="The monitor was calibrated.", reason="accurate")
    await requests.disagree(await access(clinic), id_, "I still say 72.")
    with pytest.raises(errors.Malformed):
        await requests.disagree(await access(clinic), id_, "Twice.")
    (statement,) = (await clinic.get("mh-clinician", f"Communication?subject=Patient/{person}")).entries
    assert statement["payload"][0]["contentString"] == "I still say 72."
    assert {a["reference"] for a in statement["about"]} == {f"Task/{id_}", f"Observation/{pulse}"}
    answered = await requests.one(await access(clinic), id_)
    assert answered.status == requests.REFUSED
    assert "accurate and complete" in answered.answer
    assert answered.disagreement == f"Communication/{statement['id']}"
    assert [r.id for r in await requests.queue(await access(clinic), closed=True)] == [id_]
    assert await requests.queue(await access(clinic)) == []


async def test_a_granted_request_is_answered_once(clinic: Clinic) -> None:
    _, _, id_ = await asked(clinic)
    await requests.answer(await access(clinic), id_, grant=True, text="Amended on the second page.")
    with pytest.raises(errors.Malformed):
        await requests.answer(await access(clinic), id_, grant=False, text="No.", reason="accurate")
    assert (await requests.one(await access(clinic), id_)).answer.startswith("Accepted")


async def test_what_a_part_2_patient_asks_for_is_a_part_2_record(clinic: Clinic) -> None:
    person, _, id_ = await asked(clinic, "sys-sud")
    task = (await clinic.get("sud-clinician", f"Task/{id_}")).json()
    assert any(c["code"] == "42CFRPart2" for c in task["meta"]["security"])
    assert (await clinic.get("mh-clinician", f"Task/{id_}")).status == 404
    assert (await clinic.get("mh-clinician", f"Task?patient={person}")).ids == []


async def test_who_does_not_oversee_takes_and_answers_none(clinic: Clinic) -> None:
    person, _, id_ = await asked(clinic)
    with pytest.raises(errors.Forbidden):
        await requests.take(await access(clinic, "mh-clinician"), "amendment", person, "x", "")
    with pytest.raises(errors.Forbidden):
        await requests.answer(await access(clinic, "mh-clinician"), id_, grant=True, text="x")
    with pytest.raises(errors.NotFound):
        await requests.take(await access(clinic), "amendment", "nobody", "x", "")
    with pytest.raises(errors.Malformed):
        await requests.take(await access(clinic), "erasure", person, "x", "")


async def test_what_a_request_is_about_is_read_by_who_takes_it_and_another_task_is_none(clinic: Clinic) -> None:
    person = (await clinic.make("sys-mh", people.patient())).id
    for focus in ("Observation/nobody", "Patient/nobody"):
        with pytest.raises(errors.NotFound):
            await requests.take(await access(clinic), "amendment", person, "x", "y", focus=focus)
    assert await requests.take(await access(clinic), "amendment", person, "x", "y", focus=f" Patient/{person} ")
    task = (await clinic.make("sys-mh", {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": f"Patient/{person}"}})).id
    with pytest.raises(errors.NotFound):
        await requests.one(await access(clinic), task)


def test_the_rules_are_dated() -> None:
    assert "amendment" in requests.kinds(date(2003, 4, 14))
    assert "restriction" not in requests.kinds(date(2003, 4, 14))
    assert requests.kinds(date(2003, 4, 13)) == {}
