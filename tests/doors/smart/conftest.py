"""One office of apps for all tests of a file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from sojourn.record.database import Dsn
from tests.conftest import Cluster
from tests.doors.smart.office import Office, office


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(cluster: Cluster, template: str) -> AsyncIterator[Office]:
    """One office for all tests here."""
    name = f"test_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    async with office(Dsn(app=cluster.app(name), owner=cluster.owner(name))) as made:
        yield made
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")
