"""The two worlds once more, where staff put labels on what is there: no version of it comes, and what hangs on it follows."""

from __future__ import annotations

import os
from collections.abc import Callable
from unittest import mock

import pytest

from sojourn.record.database import Dsn
from tests.leaks import two
from tests.leaks.plants import Plant, plant_in, planted
from tests.leaks.rules import HIV, PART2, PSYCHOTHERAPY
from tests.leaks.story import LONGITUDINAL, MAKERS, STAFF_BY_PROGRAM, Teller

CODES = {HIV: "HIV", PART2: "42CFRPart2"}
"""Notes are put apart by who wrote them alone: tests/gate/test_puttingapart.py."""
SEED = os.environ.get("SOJOURN_LEAK_SEED", "labels")


class Labelling(Teller):
    """Tells also of labels that staff put on: half of them on encounters, on which much hangs."""

    def anything(self, label: str) -> None:
        things = [
            t for t in self.story.things.values()
            if t.fact.type in MAKERS and t.fact.type not in LONGITUDINAL and t.key not in self.gone and PSYCHOTHERAPY not in t.fact.laws and t.fact.patient
        ]  # fmt: skip
        visits = [t for t in things if t.fact.type == "Encounter"]
        if not things or self.random.random() > 0.25:
            super().anything(label)
            return
        thing = self.random.choice(visits if visits and self.random.random() < 0.5 else things)
        law = self.random.choice((HIV, HIV, HIV, PART2))
        thing.fact.laws.add(law)
        self.step(label, "label", STAFF_BY_PROGRAM[next(iter(thing.fact.origin))], thing, also={"label": CODES[law]})
        self.spread(thing)


@pytest.mark.parametrize("who", ["mh-clinician", "tpo", "specific"])
async def test_labels_that_staff_put_on_tell_nothing(databases: Callable[[], Dsn], who: str) -> None:
    with mock.patch.object(two, "Teller", Labelling):
        result = await two.compare((databases(), databases()), f"{SEED}/{who}", who, size=30, count=60, stop=True)
    assert not result.withheld, result.withheld
    assert not result.differences, result.differences[:1]
    assert result.shown


@pytest.mark.slow
async def test_a_label_that_stays_with_the_encounter_is_noticed(databases: Callable[[], Dsn]) -> None:
    """Planted: nothing is passed on. What hangs on an encounter is then shown to who may not have the encounter."""
    plant = Plant("the label of an encounter stays with it", ("tpo",), sql=(("08_labels.sql", "THEN ~12::bigint", "THEN 0::bigint"),))
    for seed in ("labels", "p1", "p2"):
        dsns = databases(), databases()
        for dsn in dsns:
            await plant_in(dsn.owner, plant)
        with planted(plant), mock.patch.object(two, "Teller", Labelling):
            result = await two.compare(dsns, seed, "tpo", size=50, count=150)
        if not result.fine:
            return
    pytest.fail("nobody noticed")
