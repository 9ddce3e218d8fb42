"""A plugin of pytest: the whole run has one leak planted, by the name in SOJOURN_PLANT (`pytest -p tests.leaks.planting`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest import mock

import pytest

from sojourn.record import migrate
from tests.leaks.plants import mutated, planted
from tests.leaks.roomplants import ROOMS

PLANT = next(room.plant for room in ROOMS if room.plant.name == os.environ["SOJOURN_PLANT"])

if PLANT.sql:  # before the databases of the run are made
    migrate.functions = mock.Mock(return_value=mutated(PLANT))


@pytest.fixture(autouse=True)
def _planted() -> Iterator[None]:
    with planted(PLANT):
        yield
