"""What happens by the clock: done when it is due, by a named account, and one failure stops nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.duties import Doing, Duty
from sojourn.gate.access import Access
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.labeljob import Labeller
from sojourn.record import keptapart, labelling, rooms
from tests.people import START, Clinic, observation, patient


async def test_a_duty_is_done_when_it_is_due_in_every_organization(clinic: Clinic) -> None:
    done: list[tuple[int, str]] = []

    async def work(access: Access) -> None:
        done.append((access.tenant.number, access.caller.account))

    with clock.using(FakeClock(START)) as now:
        doing = Doing(clinic.gate, (Duty("work", 60, work),))
        await doing.round()
        await doing.round()
        assert done == [(1, "system-clock"), (2, "system-clock")]
        now.advance(timedelta(seconds=61))
        await doing.round()
    assert len(done) == 4


async def test_one_that_fails_is_due_again_and_the_others_go_on(clinic: Clinic) -> None:
    done: list[str] = []

    async def fails(access: Access) -> None:
        raise ValueError

    async def works(access: Access) -> None:
        await access.search("Task", [], count=1)
        done.append("done")

    with clock.using(FakeClock(START)):
        await Doing(clinic.gate, (Duty("fails", 60, fails), Duty("works", 60, works))).round()
    assert done == ["done", "done"]


async def test_the_clock_goes_on_after_rules_changed(clinic: Clinic) -> None:
    done: list[str] = []

    async def works(access: Access) -> None:
        await access.search("Task", [], count=1)
        done.append("done")

    with clock.using(FakeClock(START)) as now:
        doing = Doing(clinic.gate, (Duty("works", 60, works),))
        await doing.round()
        await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account = 'system-clock' AND tenant = 1")
        now.advance(timedelta(seconds=61))
        await doing.round()
        await doing.round()
    assert len(done) == 4


async def test_the_functions_that_give_bodies_to_the_labeller_give_them_to_nobody_else(clinic: Clinic) -> None:
    """Whoever has the database login of the server alone gets no body by them; not with a person's credential, nor with the clock's."""
    made = (await clinic.make("sys-mh", observation((await clinic.make("sys-mh", patient())).id))).json()
    db = clinic.gate.house.db
    wanted = [("Observation", made["id"], made["meta"]["versionId"])]
    labels = await Labeller(clinic.gate).access(1)
    assert len(await labelling.written(db, labels.head, wanted)) == 1
    officer = await clinic.gate.access(clinic.tokens["officer"])
    assert officer is not None
    for access in (officer, await Clockwork(clinic.gate).access(1)):
        with pytest.raises(errors.StaleCredential):
            await labelling.written(db, access.head, wanted)
        with pytest.raises(errors.StaleCredential):
            await keptapart.in_the_open(db, access.head, 10)


async def test_a_credential_of_the_server_itself_lasts_an_hour_and_is_made_by_its_own_function_only(clinic: Clinic) -> None:
    await Clockwork(clinic.gate).access(1)
    now = clock.now()
    for make in (rooms.clockwork, labelling.labeller):
        with pytest.raises(Exception, match="lasts an hour"):
            await make(clinic.gate.house.db, 1, b"x" * 32, now, now + timedelta(hours=2))
    with pytest.raises(errors.NotFound):
        await clinic.gate.token(clinic.gate.house.tenants[1], "system-clock")
