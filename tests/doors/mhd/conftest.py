"""Two installs of Sojourn for every test here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from sojourn.record.database import Dsn
from tests.conftest import Cluster
from tests.doors.mhd.network import Two, network


@pytest.fixture
async def two(cluster: Cluster, template: str, database: Dsn) -> AsyncIterator[Two]:
    """We and the network."""
    name = f"far_{uuid4().hex}"
    cluster.copy(name, template)
    try:
        async with network(database, Dsn(app=cluster.app(name), owner=cluster.owner(name))) as made:
            yield made
    finally:
        cluster.drop(name)
