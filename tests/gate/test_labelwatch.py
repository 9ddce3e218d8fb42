"""A running server labels again by itself when rules change, and follows the feed for labels and questions."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate import bases
from sojourn.gate.labeljob import Labeller, Watch
from sojourn.listeners import Following
from sojourn.record import labelling
from tests.gate.test_inheriting import own, security
from tests.gate.test_labeljob import condition
from tests.gate.test_screening import note
from tests.people import START, A, Clinic, patient


async def test_a_change_of_rules_is_noticed_waited_out_and_worked_off(clinic: Clinic) -> None:
    with clock.using(FakeClock(START)) as time:
        p = (await clinic.make("sys-mh", patient())).id
        made = (await clinic.make("sys-mh", condition(p, "B20"))).id
        watch = Watch(Labeller(clinic.gate))
        assert not await watch.tick(A)
        time.advance(timedelta(seconds=6))
        await labelling.add_law(clinic.gate.house.db, A, "HIV", "hiv", source="a law", account="officer", now=clock.now())
        assert not await watch.tick(A)  # noticed; others may not have
        time.advance(timedelta(seconds=6))
        assert not await watch.tick(A)
        assert await own(clinic, "Condition", made) == 0
        time.advance(timedelta(seconds=6))
        while await watch.tick(A):
            pass
        assert await own(clinic, "Condition", made) == bases.bit_of("HIV")
        time.advance(timedelta(seconds=6))
        assert not await watch.tick(A)


async def test_the_server_asks_and_writes_labels_into_bytes_without_being_told(clinic: Clinic) -> None:
    following = Following(clinic.gate)
    p = (await clinic.make("sys-mh", patient())).id
    made = (await clinic.make("mh-clinician", note(p, "HIV positive."))).id
    await following.start()
    for _ in range(200):
        if await clinic.owner.fetchval("SELECT count(*) FROM record.label_question WHERE id = $1", made):
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("nobody was asked")
    await following.stop()
    assert security((await clinic.get("both-clinician", f"Observation/{made}")).json()) == ["N"]
