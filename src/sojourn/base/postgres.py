"""The embedded PostgreSQL: start it, share it among processes, stop it, survive its being killed."""

import fcntl
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sojourn.base import postgres_conf, postgres_host
from sojourn.base.log import logger
from sojourn.base.postgres_host import PostgresFailed

_log = logger(__name__)
_children: list[subprocess.Popen[bytes]] = []  # kept until this process ends: a server may outlive the object that started it

__all__ = ["SUPERUSER", "Postgres", "PostgresFailed"]

SUPERUSER: Final = "postgres"
_PORT: Final = 5432  # only part of the socket's name: nothing listens on TCP


class Postgres:
    """One cluster below one data folder. Any number of processes may hold such an object for the same folder.

    `acquire` starts the server when it does not run and marks this process as a user of it; `release` stops it when this was the last user.
    Both marks are advisory file locks, so that a killed process is no longer a user, and two starts at once are one after the other.
    `start` and `stop` do the same by hand: a server started by hand keeps running until it is stopped by hand.
    """

    def __init__(self, data: Path, *, bin_dir: Path | None = None, durable: bool = True) -> None:
        self.home = data.resolve()
        self.data = self.home / "postgres"
        self.version = ""
        self._durable = durable
        self._given_bin = bin_dir
        self._child: subprocess.Popen[bytes] | None = None
        self._use: int | None = None
        if self.data.exists():
            self.version = self._data_version()

    @property
    def socket_dir(self) -> Path:
        """Where clients find the socket: as the running server says, else where the next start would put it."""
        lines = self._pid_lines()
        if len(lines) > 4 and lines[4].strip():
            return Path(lines[4].strip())
        return postgres_host.socket_dir(self.home, postgres_host.runner(self.home))

    def dsn(self, user: str = SUPERUSER, database: str = "postgres") -> str:
        """A connection address over the socket."""
        return f"postgresql://{user}@/{database}?host={self.socket_dir}&port={_PORT}"

    def running(self) -> int | None:
        """The process id of the server if it runs (it may still be starting), else None. A stale pid file, or one whose number
        now belongs to another program, counts as not running."""
        if self._child is not None and self._child.poll() is not None:
            self._child = None  # it ended, and now it is no zombie either
        lines = self._pid_lines()
        if not lines or not lines[0].strip().isdecimal():
            return None
        pid = int(lines[0])
        return pid if postgres_host.is_cluster(pid, self._cluster_name) else None

    def acquire(self) -> None:
        """Have the server run for as long as this object uses it. Raises PostgresFailed with what to do."""
        with self._starting():
            self._ensure_started()
            if self._use is None:
                self._use = os.open(self.home / "postgres.users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._use, fcntl.LOCK_SH)

    def release(self) -> None:
        """End this object's use; stop the server if it was the last one and nobody started it by hand."""
        if self._use is None:
            return
        with self._starting():
            try:
                fcntl.flock(self._use, fcntl.LOCK_EX | fcntl.LOCK_NB)
                last = True
            except BlockingIOError:
                last = False
            if last and not self._kept.exists():
                self._ensure_stopped()
            os.close(self._use)
            self._use = None

    def start(self) -> None:
        """Start by hand."""
        with self._starting():
            self._ensure_started()
            self._kept.touch()

    def stop(self) -> None:
        """Stop by hand, whoever uses it: clients are disconnected, every acknowledged write is on disk."""
        if self.home.exists():
            with self._starting():
                self._kept.unlink(missing_ok=True)
                self._ensure_stopped()

    # -- what runs with the start lock held --

    @property
    def _kept(self) -> Path:
        return self.home / "postgres.kept"

    @property
    def _cluster_name(self) -> str:
        return "sojourn-" + postgres_host.short_name(self.home)

    @contextmanager
    def _starting(self) -> Iterator[None]:
        if not self.home.exists():
            # The server's own folders below are closed; its unprivileged user must be let through to them when root starts it.
            self.home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(self.home / "postgres.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except PermissionError:
            raise PostgresFailed(f"The folder {self.home} belongs to another user. Start as that user, or set SOJOURN_DATA.") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _ensure_started(self) -> None:
        pid = self.running()
        if pid is not None:
            self._await_ready(pid)
            return
        runner = postgres_host.runner(self.home)
        bin_dir = postgres_host.binaries(runner, self._given_bin)
        self._create(bin_dir, runner)
        self.version = self._data_version()
        deadline = time.monotonic() + 60
        while True:
            try:
                self._launch(bin_dir, runner)
                return
            except _StillInUse:  # the workers of a killed server need a moment to notice
                if time.monotonic() > deadline:
                    raise PostgresFailed("Processes of a killed PostgreSQL still hold its memory. End them, then start again.") from None
                time.sleep(0.2)

    def _create(self, bin_dir: Path, runner: postgres_host.Runner) -> None:
        """Make the cluster. It is built beside its place and moved there whole, so that an interrupted start leaves nothing half made."""
        made = postgres_host.major_version(bin_dir)
        if self.data.exists():
            if self._data_version() != made:
                raise PostgresFailed(
                    f"The data in {self.data} are of PostgreSQL {self._data_version()}, the program is {made}. See 'Upgrading PostgreSQL' in docs/operate.md."
                )
            return
        draft = self.home / "postgres.new"
        postgres_host.remove_tree(draft)
        draft.mkdir(mode=0o700)
        runner.own(draft)
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"] if int(made) >= 17 else ["--locale=C"]
        sync = [] if self._durable else ["--no-sync"]
        with runner.folder(draft) as (path, handles):
            done = subprocess.run(
                [bin_dir / "initdb", "-D", path, "-U", SUPERUSER, "--encoding=UTF8", "--auth=trust", "--data-checksums", "--no-instructions", *locale, *sync],
                capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd="/", pass_fds=handles, **runner.identity,
            )  # fmt: skip
        if done.returncode:
            raise PostgresFailed(f"initdb failed:\n{done.stderr.strip()[-2000:]}")
        draft.rename(self.data)
        _log.info("cluster created", version=made)

    def _launch(self, bin_dir: Path, runner: postgres_host.Runner) -> None:
        if self._child is not None:  # killed a moment ago
            self._child.wait(10)
        sockets = postgres_host.make_socket_dir(self.home, runner)
        postgres_conf.write(self.data, sockets, self._cluster_name, durable=self._durable, own=runner.own)
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # running() said that it is stale, and nobody else can start now
        for stale in sockets.glob(f".s.PGSQL.{_PORT}*"):
            stale.unlink(missing_ok=True)
        log_file = self.home / "postgres.log"
        if log_file.exists() and log_file.stat().st_size > 10_000_000:
            log_file.replace(log_file.with_suffix(".log.1"))
        with log_file.open("ab") as output, runner.folder(self.data) as (path, handles):
            begins = output.tell()
            # The name on the command line too: it is how a reused process id is told from our server.
            command = [str(bin_dir / "postgres"), "-D", path, "-c", f"cluster_name={self._cluster_name}"]
            child: subprocess.Popen[bytes] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", start_new_session=True, pass_fds=handles, **runner.identity
            )
        self._child = child
        _children.append(child)
        try:
            self._await_ready(child.pid)
        except _Ended:
            with log_file.open("rb") as output:
                output.seek(begins)
                said = output.read().decode(errors="replace").strip()
            if "shared memory block" in said or "still in use" in said:
                raise _StillInUse from None
            raise PostgresFailed(f"PostgreSQL did not start. It said:\n{said[-2000:]}") from None
        _log.info("postgres started", pid=child.pid, version=self.version)

    def _await_ready(self, pid: int, seconds: float = 300) -> None:
        """Wait for the eighth line of the pid file to say `ready`; recovery after a crash may take a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            lines = self._pid_lines()
            if len(lines) > 7 and lines[0].strip() == str(pid) and lines[7].strip() == "ready":
                return
            if self._gone(pid):
                raise _Ended("PostgreSQL ended while it was starting; see postgres.log in the data folder.")
            time.sleep(0.01)
        raise PostgresFailed("PostgreSQL is still recovering after five minutes; see postgres.log in the data folder.")

    def _ensure_stopped(self) -> None:
        pid = self.running()
        if pid is None:
            return
        for number, seconds in ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0)):  # fast; then at once, with recovery at the next start
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if self._gone(pid):
                    self._child = None
                    _log.info("postgres stopped", pid=pid)
                    return
                time.sleep(0.01)
        raise PostgresFailed(f"PostgreSQL (process {pid}) did not stop.")

    def _gone(self, pid: int) -> bool:
        if self._child is not None and self._child.pid == pid:
            return self._child.poll() is not None
        return not postgres_host.is_cluster(pid, self._cluster_name)

    def _pid_lines(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
            return []

    def _data_version(self) -> str:
        try:
            return re.sub(r"\D", "", (self.data / "PG_VERSION").read_text())
        except PermissionError:
            raise PostgresFailed(f"The folder {self.data} belongs to another user. Start as that user, or set SOJOURN_DATA.") from None


class _Ended(PostgresFailed):
    """The server ended while it was starting."""


class _StillInUse(Exception):
    """Workers of a killed server have not ended yet."""
