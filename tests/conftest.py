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
from hypothesis import HealthCheck, settings

from sojourn.base.postgres import Postgres
from sojourn.record import roles
from sojourn.record.database import Dsn, prepare
from sojourn.record.migrate import functions, migrations

T = TypeVar("T")

# How long it takes to invent an example says how busy the machine is, and nothing of us.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

_HERE = {"", "localhost", "127.0.0.1", "::1", "0.0.0.0", urlsplit(os.environ.get("SOJOURN_TEST_DATABASE_URL", "")).hostname}  # noqa: S104 - compared, not bound


def _stay_here(event: str, args: tuple[Any, ...]) -> None:
    """No test touches the network (https://docs.python.org/3/library/audit_events.html)."""
    if event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] not in _HERE:
        raise PermissionError("A test tried to reach another machine.")


sys.addaudithook(_stay_here)


def _quick() -> Path:
    """Where databases of tests lie: in memory where there is room (making one there takes 30 ms, on a busy disk up to a second), else where temporary files do.

    SOJOURN_TEST_FOLDER says otherwise.
    """
    given, memory = os.environ.get("SOJOURN_TEST_FOLDER"), Path("/dev/shm")  # noqa: S108 - each run makes a folder of its own in it, which it alone may enter
    if given:
        return Path(given)
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM:
        return memory
    return Path(tempfile.gettempdir())


_ROOM = 4 << 30
"""Bytes of memory that must be free before databases are put there."""
QUICK = _quick()


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


class Apart:
    """One connection as superuser, kept open in a loop and a thread of its own: a new one for each statement costs more than most statements."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection = self._run(asyncpg.connect(url))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def execute(self, statement: str) -> None:
        """Run a statement and wait for its end."""
        self._run(self._connection.execute(statement))

    def close(self) -> None:
        """Let go of the connection and the thread."""
        self._run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Cluster:
    """A PostgreSQL of which we are the superuser, and what differs when it is reached over the network."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._apart: Apart | None = None

    def copy(self, name: str, template: str) -> None:
        """Make a database as a copy of another. Its files are copied: ten times as fast as writing each page to the log, which nobody reads here."""
        self._kept().execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._kept().execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _kept(self) -> Apart:
        if self._apart is None:
            self._apart = Apart(self.owner("postgres"))
        return self._apart

    def close(self) -> None:
        """Let go of the connection that was kept."""
        if self._apart is not None:
            self._apart.close()
            self._apart = None

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
        reached = Cluster(url)
        yield reached
        reached.close()
        return
    folder = QUICK / f"sojourn-tests-{os.getuid()}-{os.environ.get('PYTEST_XDIST_TESTRUNUID', uuid4().hex)[:12]}"
    server = Postgres(folder, durable=False)
    server.acquire()
    try:
        reached = Cluster(server.dsn())
        yield reached
        reached.close()
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
    cluster.copy(name, template)
    yield Dsn(app=cluster.app(name), owner=cluster.owner(name))
    cluster.drop(name)


@pytest.fixture
def empty_database(cluster: Cluster) -> Iterator[str]:
    """The superuser's address of a fresh database without anything in it."""
    name = f"empty_{uuid4().hex}"
    cluster.copy(name, "template1")
    yield cluster.owner(name)
    cluster.drop(name)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path that an unprivileged user may pass through (pytest's own is closed to all but its owner)."""
    path = Path(tempfile.mkdtemp(prefix="sj-", dir=QUICK))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)
