"""Whoever answers for a client is told that something is due, once, and no longer when it was answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.care.forms import actions, reminding, shipping
from sojourn.care.forms.filling import fill
from sojourn.gate.clockwork import Clockwork
from sojourn.record.database import Dsn
from tests.people import Clinic, close_clinic, encounter, open_clinic, patient


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await open_clinic(database)
    yield made
    await close_clinic(made)


async def tasks_of(clinic: Clinic, who: str) -> list[Any]:
    return (await clinic.get(who, "Task?code=form-due&status=requested")).entries


async def test_one_task_for_a_client_is_made_once_and_ended_when_nothing_is_due(clinic: Clinic) -> None:
    clinician = (await clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Whitfield"}]})).id
    for program in ("mh", "sud"):
        p = (await clinic.make(f"sys-{program}", patient())).id
        await clinic.make(f"sys-{program}", encounter(p))
        stay = {
            "resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{p}"}, "period": {"start": "2026-01-02"}, "careManager": {"reference": f"Practitioner/{clinician}"},
            "managingOrganization": {"reference": f"Organization/{program}"}, "type": [{"coding": [{"system": "http://x.test/level-of-care", "code": "2.7"}]}],
        }  # fmt: skip
        reply = await clinic.ask(f"sys-{program}", "POST", "EpisodeOfCare", stay)
        assert reply.status == 201, reply.body
    clock = Clockwork(clinic.gate)
    await reminding.run(await clock.access(1))
    await reminding.run(await clock.access(1))
    mine = await tasks_of(clinic, "mh-clinician")
    assert len(mine) == 1  # of the other program's client this clinician learns nothing
    assert len(await tasks_of(clinic, "both-clinician")) == 2
    assert mine[0]["description"] == reminding.TEXT
    assert mine[0]["owner"] == {"reference": f"Practitioner/{clinician}"}
    access = await clinic.gate.access(clinic.tokens["sys-mh"])
    assert access is not None
    who = mine[0]["for"]["reference"].removeprefix("Patient/")
    for form in shipping.current():
        if form.kind in ("assessment", "level-of-care"):
            await actions.submit(access, who, fill(form, {}))
    for code in ("phq-9.total", "gad-7.total"):
        score = {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "urn:sojourn:measure", "code": code}]}, "subject": {"reference": f"Patient/{who}"}, "effectiveDateTime": access.now.isoformat()}
        await clinic.make("sys-mh", score)
    await reminding.run(await clock.access(1))
    assert await tasks_of(clinic, "mh-clinician") == []
    assert len(await tasks_of(clinic, "both-clinician")) == 1


async def test_what_a_part_2_program_asks_or_was_answered_makes_and_ends_no_task_of_another(clinic: Clinic) -> None:
    clinician = (await clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Whitfield"}]})).id
    p = (await clinic.make("sys-mh", patient())).id
    for program, level, begun in (("mh", "OP", "2026-01-02"), ("sud", "2.7", "2026-01-01")):
        await clinic.make(f"sys-{program}", encounter(p))
        stay = {
            "resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{p}"}, "period": {"start": begun}, "careManager": {"reference": f"Practitioner/{clinician}"},
            "managingOrganization": {"reference": f"Organization/{program}"}, "type": [{"coding": [{"system": "http://x.test/level-of-care", "code": level}]}],
        }  # fmt: skip
        assert (await clinic.ask(f"sys-{program}", "POST", "EpisodeOfCare", stay)).status == 201
    await reminding.run(await Clockwork(clinic.gate).access(1))
    (mine,) = await tasks_of(clinic, "mh-clinician")
    assert len(await tasks_of(clinic, "both-clinician")) == 2
    access = await clinic.gate.access(clinic.tokens["sys-sud"])
    assert access is not None
    for form in shipping.current():
        if form.kind in ("assessment", "level-of-care"):
            await actions.submit(access, p, fill(form, {}))
    for code in ("phq-9.total", "gad-7.total"):
        await clinic.make("sys-sud", {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": "urn:sojourn:measure", "code": code}]}, "subject": {"reference": f"Patient/{p}"}, "effectiveDateTime": access.now.isoformat()})
    await reminding.run(await Clockwork(clinic.gate).access(1))
    assert await tasks_of(clinic, "mh-clinician") == [mine]
    assert await tasks_of(clinic, "both-clinician") == [mine]
