"""The sample organization in a database that all tests here share and only read."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

import sojourn.sample
from sojourn.base import clock
from sojourn.base.crypto import ServerKey
from sojourn.cli import riverbend
from sojourn.doors.api.app import FhirDoor
from sojourn.gate.gate import Gate
from sojourn.gate.importing import Arrival, bring_in
from sojourn.record.database import Dsn
from tests.conformance import added
from tests.conftest import Cluster, run_apart
from tests.people import BASE, Clinic

KEY = ServerKey(b"c" * 64)


class Organization(NamedTuple):
    """A filled database and the folder of its attachments."""

    dsn: Dsn
    data: Path


def _version() -> str:
    """Changes when the sample, its day or the code that stores it changes."""
    source = Path(sojourn.sample.__file__).parent
    told = hashlib.sha256(clock.now().date().isoformat().encode())
    for path in sorted([*source.rglob("*.py"), *source.parent.joinpath("gate").rglob("*.py"), source.parent / "record" / "index.py", Path(__file__), Path(added.__file__)]):
        told.update(path.read_bytes())
    return told.hexdigest()[:12]


async def _fill(cluster: Cluster, template: str, name: str, data: Path) -> None:
    """Made once, whoever comes first; others wait."""
    connection = await asyncpg.connect(cluster.owner("postgres"))
    try:
        await connection.execute("SELECT pg_advisory_lock(8)")
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            return
        draft = f"{name}_draft"
        await connection.execute(f"DROP DATABASE IF EXISTS {draft} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {draft} TEMPLATE {template}")
        await riverbend.set_up(cluster.owner(draft), KEY)
        gate = Gate(cluster.app(draft), KEY, data, base=BASE, connections=2)
        await gate.open()
        try:
            outcome = await riverbend.fill(gate, clock.now().date())
            assert not outcome.refused, outcome.refused[:3]
            await riverbend.tokens(gate, KEY)
            await _more(gate, cluster.owner(draft))
        finally:
            await gate.close()
        await connection.execute(f"ALTER DATABASE {draft} RENAME TO {name}")
    finally:
        await connection.close()


async def _more(gate: Gate, owner: str) -> None:
    """What the sample does not show and the metadata asks for (tests.conformance.added)."""
    connection = await asyncpg.connect(owner)
    try:
        rows = await connection.fetch("SELECT type, id, origin, body FROM record.resource WHERE body <> '' ORDER BY rid")
    finally:
        await connection.close()
    arrivals = [Arrival("test", origin, resource) for origin, resource in added.resources([(list(row["origin"]), json.loads(row["body"])) for row in rows])]
    access = await gate.access(await gate.token(gate.house.tenants[riverbend.TENANT], riverbend.IMPORTER, door="import", days=1))
    assert access is not None
    async for outcome in bring_in(access, arrivals):
        assert not outcome.refused, outcome.refused


@pytest.fixture(scope="session")
def organization(cluster: Cluster, template: str) -> Organization:
    """Riverbend, filled."""
    name = f"riverbend_{_version()}_{template[-8:]}"
    data = Path(tempfile.gettempdir()) / f"sojourn-tests-{name}"
    data.mkdir(exist_ok=True)
    run_apart(_fill(cluster, template, name, data))
    return Organization(Dsn(app=cluster.app(name), owner=cluster.owner(name)), data)


@pytest.fixture
async def riverbend_door(organization: Organization) -> AsyncIterator[Clinic]:
    """A client at the door of the sample organization."""
    gate = Gate(organization.dsn.app, KEY, organization.data, base=BASE, connections=2)
    await gate.open()
    owner = await asyncpg.connect(organization.dsn.owner)
    tokens = {t.name: t.secret for t in await riverbend.tokens(gate, KEY)}
    yield Clinic(organization.dsn, gate, FhirDoor(gate), owner, tokens)
    await owner.close()
    await gate.close()
    await asyncio.sleep(0)
