"""What reads files from outside has a process of its own, with little memory and time."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def limit(memory: int, seconds: int) -> None:
    """No more memory (bytes of address space) and processor time than this; no files written, no core left behind."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def command(module: str) -> Sequence[str]:
    """What begins `main` of a module in one: without our environment, with the same libraries."""
    begin = f"import sys; sys.path[:] = [p for p in sys.argv[1:] if p]; from {module} import main; main()"
    return [sys.executable, "-I", "-c", begin, *sys.path]
