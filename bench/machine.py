"""Processor time and memory of processes, and of everybody else on the machine, from /proc (Linux)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class Use(NamedTuple):
    """Cores used by each group over a span, and by all other processes."""

    cores: dict[str, float]
    foreign: float


def _processes() -> dict[int, tuple[int, float]]:
    """pid -> (parent, seconds of processor time with those of children that ended)."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            found[int(folder.name)] = (int(fields[1]), sum(int(f) for f in fields[11:15]) / _TICKS)
    return found


def family(root: int) -> set[int]:
    """A process and all its descendants."""
    processes = _processes()
    found, new = set(), {root} & processes.keys()
    while new:
        found |= new
        new = {pid for pid, (parent, _) in processes.items() if parent in new} - found
    return found


def _busy() -> float:
    fields = [int(f) for f in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(fields[:3]) + fields[5] + fields[6] + fields[7]) / _TICKS


class Meter:
    """Measures from its making to `read`. groups: name -> root pid; our own process is added as `load`."""

    def __init__(self, groups: dict[str, int]) -> None:
        self._groups = {name: family(pid) for name, pid in groups.items()}
        others = set().union(*self._groups.values()) if self._groups else set()
        self._groups["load"] = family(os.getpid()) - others
        self._start = self._snapshot()

    def _snapshot(self) -> tuple[float, float, dict[str, float]]:
        processes = _processes()
        return time.monotonic(), _busy(), {name: sum(processes[p][1] for p in pids if p in processes) for name, pids in self._groups.items()}

    def read(self) -> Use:
        """Cores since the start."""
        t0, busy0, own0 = self._start
        t1, busy1, own1 = self._snapshot()
        span = max(t1 - t0, 1e-6)
        cores = {name: max(0.0, own1[name] - own0[name]) / span for name in own1}
        return Use({n: round(c, 3) for n, c in cores.items()}, round(max(0.0, (busy1 - busy0) / span - sum(cores.values())), 3))


def worked(pid: int) -> int:
    """Nanoseconds that the threads of a process have been running on a processor; exact while they wait. A process that ended: 0."""
    try:
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return 0


def memory(root: int) -> int:
    """Proportional set size in MB of a process and its descendants: shared pages count once."""
    total = 0
    for pid in family(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return round(total / 1024)


@contextmanager
def first(roots: Iterable[int], *, wanted: bool) -> Iterator[None]:
    """Let these processes and us run before everything else on the machine, for the length of a short measurement."""
    pids = set().union(*(family(root) for root in roots), {os.getpid()}) if wanted else set()
    try:
        _schedule(pids, os.SCHED_RR, 1)
        yield
    finally:
        _schedule(pids, os.SCHED_OTHER, 0)


def _schedule(pids: Iterable[int], policy: int, priority: int) -> None:
    for pid in pids:
        with suppress(OSError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with suppress(OSError):
                    os.sched_setscheduler(int(thread.name), policy, os.sched_param(priority))
