"""One PostgreSQL for the session, a template database migrated once, a fresh database for each test that asks."""

import asyncio
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from sojourn.base.postgres import Postgres
from sojourn.record import roles
from sojourn.record.database import Dsn, prepare
from sojourn.record.migrate import functions, migrations

T = TypeVar("T")

_HERE = {"", "localhost", "127.0.0.1", "::1", "0.0.0.0", urlsplit(os.environ.get("SOJOURN_TEST_DATABASE_URL", "")).hostname}  # noqa: S104 - compared, not bound


def _stay_here(event: str, args: tuple[Any, ...]) -> None:
    """No test touches the network (https://docs.python.org/3/library/audit_events.html)."""
    if event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] not in _HERE:
        raise PermissionError("A test tried to reach another machine.")


sys.addaudithook(_stay_here)


def run_apart(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run in a loop of its own in a thread of its own, so that fixtures work beside any other loop."""
    found: list[T] = []
    failed: list[BaseException] = []

    def target() -> None:
        try:
            found.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failed.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


class Cluster:
    """A PostgreSQL of which we are the superuser, and what differs when it is reached over the network."""

    def __init__(self, url: str) -> None:
        self.url = url

    def owner(self, database: str) -> str:
        """The address of a database as superuser."""
        return urlunsplit(urlsplit(self.url)._replace(path="/" + database))

    def app(self, database: str) -> str:
        """The address of a database as the application role."""
        parts = urlsplit(self.owner(database))
        place = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{roles.APP}:{self.app_password}@{place}" if place else f"{roles.APP}@"))

    @property
    def app_password(self) -> str:
        """Of the application role; a socket asks for none."""
        return "for-tests-only"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement as superuser."""

        async def go() -> None:
            connection = await asyncpg.connect(self.owner(database))
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        run_apart(go())


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The PostgreSQL of this test run, shared by its workers: SOJOURN_TEST_DATABASE_URL, else an embedded one without fsync."""
    url = os.environ.get("SOJOURN_TEST_DATABASE_URL")
    if url:
        yield Cluster(url)
        return
    folder = Path(tempfile.gettempdir()) / f"sojourn-tests-{os.getuid()}-{os.environ.get('PYTEST_XDIST_TESTRUNUID', uuid4().hex)[:12]}"
    server = Postgres(folder, durable=False)
    server.acquire()
    try:
        yield Cluster(server.dsn())
    finally:
        server.release()
        if server.running() is None:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """The name of a migrated database to copy. Made once for each state of the SQL files."""
    text = functions() + "".join(migration.checksum for migration in migrations())
    name = "sojourn_template_" + sha256(text.encode()).hexdigest()[:12]

    async def make() -> None:
        connection = await asyncpg.connect(cluster.owner("postgres"))
        try:
            await connection.execute("SELECT pg_advisory_lock(7)")
            if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
                return
            draft = f"draft_{uuid4().hex}"
            await connection.execute(f"CREATE DATABASE {draft}")
            await prepare(cluster.owner(draft), app_password=cluster.app_password)
            await connection.execute(f"ALTER DATABASE {draft} RENAME TO {name}")
        finally:
            await connection.close()

    run_apart(make())
    return name


@pytest.fixture
def database(cluster: Cluster, template: str) -> Iterator[Dsn]:
    """A fresh, migrated, empty database of the test's own."""
    name = f"test_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield Dsn(app=cluster.app(name), owner=cluster.owner(name))
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[str]:
    """The superuser's address of a fresh database without anything in it."""
    name = f"empty_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name}")
    yield cluster.owner(name)
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path that an unprivileged user may pass through (pytest's own is closed to all but its owner)."""
    path = Path(tempfile.mkdtemp(prefix="sj-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)
