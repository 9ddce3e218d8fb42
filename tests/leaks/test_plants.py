"""The search for leaks finds leaks: every planted one."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from sojourn.record.database import Dsn
from tests.leaks.plants import PLANTS, Plant, mutated, plant_in, planted
from tests.leaks.two import compare

SEEDS = os.environ.get("SOJOURN_PLANT_SEEDS", "f1,fixed,p1,p2").split(",")


def test_there_are_at_least_forty_plants_and_each_fits_the_code_as_it_is() -> None:
    assert len({plant.name for plant in PLANTS}) == len(PLANTS) >= 40
    for plant in PLANTS:
        if plant.sql:
            mutated(plant)


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTS, ids=[plant.name for plant in PLANTS])
async def test_a_planted_leak_is_found(databases: Callable[[], Dsn], plant: Plant) -> None:
    for seed in plant.seeds or SEEDS:
        for who in plant.who:
            dsns = databases(), databases()
            for dsn in dsns:
                await plant_in(dsn.owner, plant)
            with planted(plant):
                result = await compare(dsns, seed, who, size=70, count=250, apart=plant.apart)
            if not result.fine:
                return
    pytest.fail(f"nobody noticed that {plant.name}")
