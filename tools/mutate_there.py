"""Mutation testing of what asks the database: each mutant in a process that has PostgreSQL and the tests at hand already.

    python -m tools.mutate_there gate/knowing.py tests/leaks/test_release_worlds.py --minutes 20

The mutants are those of tools/mutate.py, put into the loaded module as tools/mutate_here.py does, and taken out again. Each is asked the cases that run the
changed line, the quickest first, each with fixtures of its own (those of the session stay), until one fails. What another module took out of this one when it
was loaded (a constant) is not changed there, so a mutant of it can survive here.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import time
from types import FrameType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tools.mutate import SOURCE, mutants
from tools.mutate_here import put_in, who_notices

LIMIT = 90
"""Seconds for one case: what takes longer is noticed."""


class _Nothing(pytest.Item):
    """What stands after each case, so that what the session made is kept and everything else is put away."""

    def runtest(self) -> None:
        """Nothing."""


class _Late(Exception):  # noqa: N818 - nobody catches it by its name
    """A case took too long."""


def _late(*_: Any) -> None:
    raise _Late


class Loop:
    """In place of the loop over the tests (https://docs.pytest.org/en/stable/reference/reference.html#pytest.hookspec.pytest_runtestloop)."""

    def __init__(self, module: ModuleType, text: str, minutes: float) -> None:
        self.module, self.text, self.minutes = module, text, minutes

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Ask as it stands, then with every mutant."""
        self.after = _Nothing.from_parent(session, name="nothing")
        lines: dict[int, list[pytest.Item]] = {}
        took: dict[pytest.Item, float] = {}
        for item in session.items:
            ran, began = set[int](), time.monotonic()
            if not self.passes(item, ran):
                print(f"  left out, it fails as it stands: {item.nodeid}", flush=True)
                continue
            took[item] = time.monotonic() - began
            for line in ran:
                lines.setdefault(line, []).append(item)
        asked = sorted(took, key=lambda i: took[i])
        print(f"  {len(asked)} cases, {sum(took.values()):.0f} s", flush=True)
        self.try_all(lines, asked)
        return True

    def try_all(self, lines: dict[int, list[Any]], asked: list[Any]) -> None:
        """Each mutant that a case reaches; prints what survives."""
        began, count, left = time.monotonic(), 0, 0
        for mutant in mutants(self.text):
            mine = who_notices(mutant.line, self.text, lines, asked)
            if not mine:
                print(f"  not run {mutant.line}: {mutant.what}", flush=True)
                continue
            survived = self.put_in(mutant.source) and all(self.passes(item) for item in sorted(mine, key=asked.index))
            put_in(self.module, self.text)
            count, left = count + 1, left + survived
            if survived:
                print(f"  {mutant.line}: {mutant.what}", flush=True)
            if time.monotonic() - began > self.minutes * 60:
                print("  out of time", flush=True)
                break
        print(f"{self.module.__name__}: {count - left} of {count} noticed", flush=True)

    def put_in(self, source: str) -> bool:
        """Whether the mutant can be loaded at all."""
        try:
            put_in(self.module, source)
        except Exception:  # noqa: BLE001 - noticed, whatever it is
            return False
        return True

    def passes(self, item: Any, ran: set[int] | None = None) -> bool:
        """Whether the case passes; `ran` gets the lines of the module that it runs."""

        def trace(frame: FrameType, _event: str, _arg: Any) -> Any:
            if ran is None or frame.f_code.co_filename != self.module.__file__:
                return None
            ran.add(frame.f_lineno)
            return trace

        item._initrequest()
        signal.alarm(LIMIT)
        try:
            if ran is not None:
                sys.settrace(trace)
            reports = runtestprotocol(item, log=False, nextitem=self.after)
        except _Late:
            return False
        finally:
            sys.settrace(None)
            signal.alarm(0)
        return all(not report.failed for report in reports)


def main() -> None:
    """Read the command line, try mutants, print those that survive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", help="below src/sojourn, as in gate/knowing.py")
    parser.add_argument("tests", nargs="+", help="files, or node ids")
    parser.add_argument("--minutes", type=float, default=20)
    given = parser.parse_args()
    signal.signal(signal.SIGALRM, _late)
    module = importlib.import_module("sojourn." + given.module.removesuffix(".py").replace("/", "."))
    loop = Loop(module, (SOURCE / given.module).read_text("utf-8"), given.minutes)
    pytest.main(["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-n", "0", "--no-header", "-s", *given.tests], plugins=[loop])


if __name__ == "__main__":
    main()
