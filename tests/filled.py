"""Riverbend, smaller, with all that its people did: made once for a run by whoever comes first, and copied for each module that asks."""

from __future__ import annotations

import hashlib
import importlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import asyncpg

import sojourn
from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.base.crypto import ServerKey
from sojourn.care.consequences import CONSEQUENCES
from sojourn.cli import riverbend
from sojourn.gate.gate import Gate
from tests.conftest import Cluster
from tests.people import BASE

sample = importlib.import_module("sojourn.sample.organization")
AFTERNOON = datetime(2026, 11, 26, 19, tzinfo=UTC)
"""A Thursday: late enough in the week for hours to be behind, and in the middle of the day."""
CLIENTS = 40
KEY = ServerKey(b"q" * 64)


class Filled(NamedTuple):
    """A gate over a copy of the filled database, and a connection as its owner."""

    gate: Gate
    owner: asyncpg.Connection[asyncpg.Record]


@asynccontextmanager
async def filled(cluster: Cluster, template: str) -> AsyncIterator[Filled]:
    """A copy of one's own, on a clock that stands still."""
    source, kept = _named(template)
    await _make(cluster, template, source, kept)
    name, data = f"filled_{uuid4().hex}", Path(tempfile.mkdtemp(prefix="sj-"))
    shutil.copytree(kept, data, dirs_exist_ok=True)
    cluster.copy(name, source)
    try:
        with clock.using(FakeClock(AFTERNOON)):
            gate = Gate(cluster.app(name), KEY, data, base=BASE, connections=8, consequences=CONSEQUENCES)
            await gate.open()
            owner = await asyncpg.connect(cluster.owner(name))
            yield Filled(gate, owner)
            await owner.close()
            await gate.close()
    finally:
        cluster.drop(name)
        shutil.rmtree(data, ignore_errors=True)


def _named(template: str) -> tuple[str, Path]:
    """Of the database and of the folder of its attachments: another one when anything that writes it changes."""
    told = hashlib.sha256(f"{AFTERNOON} {CLIENTS}".encode())
    for path in sorted(Path(str(sojourn.__file__)).parent.rglob("*.py")):
        told.update(path.read_bytes())
    name = f"filled_{told.hexdigest()[:12]}_{template[-8:]}"
    data = Path(tempfile.gettempdir()) / f"sojourn-tests-{name}"
    data.mkdir(exist_ok=True)
    return name, data


async def _make(cluster: Cluster, template: str, name: str, data: Path) -> None:
    connection = await asyncpg.connect(cluster.owner("postgres"))
    try:
        await connection.execute("SELECT pg_advisory_lock(11)")
        if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            return
        draft, before, sample.CLIENTS = f"{name}_draft", sample.CLIENTS, CLIENTS
        await connection.execute(f"DROP DATABASE IF EXISTS {draft} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {draft} TEMPLATE {template}")
        try:
            with clock.using(FakeClock(AFTERNOON)):
                await riverbend.set_up(cluster.owner(draft), KEY)
                gate = Gate(cluster.app(draft), KEY, data, base=BASE, connections=8, consequences=CONSEQUENCES)
                await gate.open()
                assert not (await riverbend.fill(gate, AFTERNOON.date())).refused
                for lay_out in riverbend.LAID_OUT:
                    await lay_out(gate, AFTERNOON.date())
                await gate.close()
        finally:
            sample.CLIENTS = before
        await connection.execute(f"ALTER DATABASE {draft} RENAME TO {name}")
    finally:
        await connection.close()
