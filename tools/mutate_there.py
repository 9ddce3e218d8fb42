"""Mutation testing of what asks the database: each mutant in a process that has PostgreSQL and the tests at hand already.

    python -m tools.mutate_there gate/knowing.py tests/leaks/test_release_worlds.py --minutes 20

The mutants are those of tools/mutate.py, put into the loaded module as tools/mutate_here.py does, and taken out again. Each is asked the cases that run the
changed line, the quickest first, each with fixtures of its own (those of the session stay), until one fails. What another module took out of this one when it
was loaded (a constant) is not changed there, so a mutant of it can survive here.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from types import FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tools.mutate_here import asked_for, loaded, put_in, try_all

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

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.module, self.text = loaded(given)

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
            if (seconds := time.monotonic() - began) > self.given.longest:
                print(f"  left out, it takes {seconds:.0f} s: {item.nodeid}", flush=True)
                continue
            took[item] = seconds
            for line in ran:
                lines.setdefault(line, []).append(item)
        asked = sorted(took, key=lambda i: took[i])
        print(f"  {len(asked)} cases, {sum(took.values()):.0f} s", flush=True)
        place = {item: n for n, item in enumerate(asked)}
        lines = {line: sorted(items, key=place.__getitem__) for line, items in lines.items()}
        try_all(self.given, self.text, lines, asked, self.survives)
        return True

    def survives(self, source: str, mine: list[Any]) -> bool:
        """Whether no case notices. The module is as it was afterwards."""
        try:
            return self.put_in(source) and all(self.passes(item) for item in mine)
        finally:
            put_in(self.module, self.text)

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
    given = asked_for(__doc__ or "")
    signal.signal(signal.SIGALRM, _late)
    pytest.main(["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-n", "0", "--no-header", "-s", *given.tests], plugins=[Loop(given)])


if __name__ == "__main__":
    main()
