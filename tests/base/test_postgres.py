"""The embedded PostgreSQL starts once, survives what may happen to it, and runs as root and as an ordinary user."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from sojourn.base.postgres import Postgres, PostgresFailed

HOLD = """
import sys
from pathlib import Path
from sojourn.base.postgres import Postgres
server = Postgres(Path(sys.argv[1]), durable=False)
server.acquire()
print(server.running(), flush=True)
sys.stdin.read()
server.release()
"""


@pytest.fixture
def server(folder: Path) -> Iterator[Postgres]:
    server = Postgres(folder / "data", durable=False)
    yield server
    server.stop()


def ask(server: Postgres, statement: str) -> object:
    async def go() -> object:
        connection = await asyncpg.connect(server.dsn())
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(go())


def holder(folder: Path, python: str = sys.executable, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen([python, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]


def ordinary(account: pwd.struct_passwd) -> tuple[str, dict[str, object]]:
    """A Python that the account can run, and how to start it as that account. Skips when all of them lie in root's home."""
    packages = [str(Path(__file__).resolve().parents[2] / "src"), *(path for path in sys.path if path.endswith("site-packages"))]
    who: dict[str, object] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "env": {"PYTHONPATH": ":".join(packages)}, "cwd": "/"}
    for python in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        try:
            if python and not subprocess.run([python, "-c", "import sojourn.base.postgres"], check=False, capture_output=True, **who).returncode:  # type: ignore[call-overload]
                return python, who
        except PermissionError:
            continue
    pytest.skip("an ordinary user cannot reach any Python 3.11 here")


def test_it_starts_answers_and_stops(server: Postgres) -> None:
    server.acquire()
    assert ask(server, "SELECT 1") == 1
    assert ask(server, "SELECT current_setting('listen_addresses')") == ""
    server.release()
    assert server.running() is None


def test_it_is_ready_again_in_well_under_two_seconds(server: Postgres) -> None:
    server.acquire()
    server.release()
    begin = time.monotonic()
    server.acquire()
    assert time.monotonic() - begin < 1.5


def test_two_starts_at_once_share_one_server(server: Postgres) -> None:
    one, two = holder(server.home), holder(server.home)
    pids = {one.stdout.readline().strip(), two.stdout.readline().strip()}  # type: ignore[union-attr]
    assert len(pids) == 1
    one.communicate()
    assert server.running() == int(pids.pop()), "the first to leave must not stop the server of the second"
    two.communicate()
    assert server.running() is None


def test_a_killed_user_leaves_the_server_to_the_next(server: Postgres) -> None:
    one = holder(server.home)
    pid = int(one.stdout.readline())  # type: ignore[union-attr]
    one.kill()
    one.communicate()
    assert server.running() == pid
    server.acquire()
    assert server.running() == pid
    server.release()
    assert server.running() is None


def test_a_server_started_by_hand_stays(server: Postgres) -> None:
    server.start()
    server.acquire()
    server.release()
    assert server.running()
    server.stop()
    assert server.running() is None


def test_a_killed_server_starts_again_with_what_was_committed(folder: Path) -> None:
    server = Postgres(folder / "data")
    server.acquire()
    ask(server, "CREATE TABLE kept (n int)")
    ask(server, "INSERT INTO kept VALUES (7)")
    pid = server.running()
    assert pid
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while server.running() and time.monotonic() < deadline:
        time.sleep(0.01)
    server.acquire()
    assert server.running() != pid
    assert ask(server, "SELECT n FROM kept") == 7
    server.stop()


@pytest.mark.parametrize("stale", ["another program", "nobody", "garbage"])
def test_a_stale_lock_file_does_not_stop_the_start(server: Postgres, stale: str) -> None:
    server.acquire()
    server.release()
    owner = server.data.stat()
    number = {"another program": str(os.getpid()), "nobody": "999999", "garbage": "not a number"}[stale]
    lock = server.data / "postmaster.pid"
    lock.write_text(f"{number}\n{server.data}\n1700000000\n5432\n{server.home / 'run'}\n\n  1234  1\nready   \n")
    os.chown(lock, owner.st_uid, owner.st_gid)
    assert server.running() is None
    server.acquire()
    assert ask(server, "SELECT 1") == 1


def test_a_long_path_gets_a_short_socket(folder: Path) -> None:
    server = Postgres(folder / ("a-long-name-" * 9) / "data", durable=False)
    server.acquire()
    try:
        assert ask(server, "SELECT 1") == 1
        assert len(str(server.socket_dir)) < 90
    finally:
        server.stop()


def test_a_folder_below_a_closed_one_works(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = Postgres(closed / "data", durable=False)
    server.acquire()
    try:
        assert ask(server, "SELECT 1") == 1
    finally:
        server.stop()
    assert closed.stat().st_mode & 0o777 == 0o700, "no permission of somebody's folder is changed"


def test_data_of_another_version_are_refused_with_the_way_out(server: Postgres) -> None:
    server.acquire()
    server.release()
    (server.data / "PG_VERSION").write_text("12\n")
    with pytest.raises(PostgresFailed, match="Upgrading PostgreSQL"):
        server.acquire()


def test_an_interrupted_first_start_leaves_nothing_half_made(server: Postgres) -> None:
    server.home.mkdir(mode=0o711)
    (server.home / "postgres.new").mkdir()
    (server.home / "postgres.new" / "half").write_text("made")
    server.acquire()
    assert ask(server, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become an ordinary user")
def test_an_ordinary_user_can_start_it(folder: Path) -> None:
    account = pwd.getpwnam("games")
    own = folder / "own"
    own.mkdir(mode=0o700)
    os.chown(own, account.pw_uid, account.pw_gid)
    python, who = ordinary(account)
    user = holder(own / "data", python=python, **who)
    assert user.stdout is not None
    pid = int(user.stdout.readline())
    assert Path(f"/proc/{pid}").stat().st_uid == account.pw_uid
    user.communicate()
    assert user.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="started by root")
def test_root_does_not_run_it_as_root(server: Postgres) -> None:
    server.acquire()
    assert Path(f"/proc/{server.running()}").stat().st_uid != 0
