"""The search for leaks finds leaks: every planted one."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from random import Random
from typing import Any

import pytest

import sojourn
from sojourn.record.database import Dsn
from tests.conftest import Cluster
from tests.effort import SEED
from tests.leaks.plants import PLANTS, Plant, mutated, plant_in, planted
from tests.leaks.roomplants import ROOMS, RoomPlant
from tests.leaks.two import compare

TODAY = SEED or date.today().isoformat()  # noqa: DTZ011 - of the run, not of the clinic
"""Which leaks are planted in CI. SOJOURN_TEST_SEED names another day."""
FEW = 1
"""So many of the leaks of the two worlds, and as many of the rooms'."""
_TRAIL = "tests/leaks/test_trail_worlds.py"
_LAST = ("tests/web/test_disclosure_words.py", "tests/web/test_release.py", "tests/web/test_emergency.py")
LONG = {p.name for p in PLANTS if p.seeds} | {r.plant.name for r in ROOMS if r.noticed_by == _TRAIL or r.noticed_by.startswith(_LAST)}
"""Only in `make test-slow`: those that need many seeds, three stories of the trail, or a whole file of pages."""
SEEDS = os.environ.get("SOJOURN_PLANT_SEEDS", "f1,fixed,p1,p2").split(",")


def test_there_are_at_least_forty_plants_and_each_fits_the_code_as_it_is() -> None:
    every = [*PLANTS, *(room.plant for room in ROOMS)]
    assert len({plant.name for plant in every}) == len(every) >= 40
    for plant in every:
        if plant.sql:
            mutated(plant)
        with planted(plant):
            pass


def test_what_a_plant_changes_is_what_the_server_calls() -> None:
    """A module that took a function out of another when it was loaded goes on with the one that it has: the leak would not be there."""
    for module in pkgutil.walk_packages(sojourn.__path__, "sojourn."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    loaded = [m for n, m in list(sys.modules.items()) if n.startswith("sojourn.")]
    beside = {"outside_mask", "for_purpose", "as_sent"}  # what others have of these is not what is planted
    for plant in (*PLANTS, *(room.plant for room in ROOMS)):
        for where, name, _ in plant.patch:
            owner: Any = importlib.import_module(where)
            *path, last = name.split(".")
            for step in path:
                owner = getattr(owner, step)
            real = getattr(owner, last)
            holders = [m.__name__ for m in loaded if m is not owner and any(value is real for value in vars(m).values())]
            assert not callable(real) or not holders or last in beside, (plant.name, holders)


async def noticed(databases: Callable[[], Dsn], plant: Plant) -> bool:
    """Whether some viewer of some seed can tell the two worlds apart."""
    for seed in plant.seeds or SEEDS:
        for who in plant.who:
            dsns = databases(), databases()
            for dsn in dsns:
                await plant_in(dsn.owner, plant)
            with planted(plant):
                if not (await compare(dsns, seed, who, size=70, count=250, apart=plant.apart)).fine:
                    return True
    return False


def noticed_in_its_room(cluster: Cluster, room: RoomPlant) -> None:
    """The worlds of that room fail, by what they assert. In a process of its own: rooms remember what they imported."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "tests.leaks.planting", "-p", "no:cacheprovider", room.noticed_by]
    apart = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {"SOJOURN_PLANT": room.plant.name, "SOJOURN_TEST_DATABASE_URL": cluster.url}
    run = subprocess.run(command, env=apart, capture_output=True, text=True, check=False)  # noqa: S603 - our own tests
    assert run.returncode == 1, f"{named(room.plant)}: nobody noticed it\n{run.stdout[-3000:]}"
    assert "AssertionError" in run.stdout or "assert " in run.stdout, run.stdout[-3000:]


def named(plant: Plant) -> str:
    """How to plant this one again."""
    return f"SOJOURN_TEST_SEED={TODAY} (or all of them: -k {plant.name!r})"


def todays(names: list[str]) -> list[str]:
    """A few of those that take little time: other ones each day."""
    return Random(TODAY).sample(sorted(set(names) - LONG), FEW)


@pytest.mark.parametrize("n", range(FEW))
async def test_the_planted_leaks_of_the_day_are_found(databases: Callable[[], Dsn], n: int) -> None:
    """In `make test-slow` all are."""
    plant = {p.name: p for p in PLANTS}[todays([p.name for p in PLANTS])[n]]
    assert await noticed(databases, plant), f"{named(plant)}: nobody noticed it"


@pytest.mark.parametrize("n", range(FEW))
def test_the_leaks_of_the_day_in_rooms_are_found(cluster: Cluster, n: int) -> None:
    noticed_in_its_room(cluster, {r.plant.name: r for r in ROOMS}[todays([r.plant.name for r in ROOMS])[n]])


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTS, ids=[plant.name for plant in PLANTS])
async def test_a_planted_leak_is_found(databases: Callable[[], Dsn], plant: Plant) -> None:
    assert await noticed(databases, plant), f"nobody noticed that {plant.name}"


@pytest.mark.slow
@pytest.mark.parametrize("room", ROOMS, ids=[room.plant.name for room in ROOMS])
def test_a_leak_planted_in_a_room_is_found_by_the_worlds_of_that_room(cluster: Cluster, room: RoomPlant) -> None:
    noticed_in_its_room(cluster, room)
