"""Mutation testing of what needs no database, in seconds: each mutant in a forked child, against tests without fixtures.

    python -m tools.mutate_here gate/decide.py tests.gate.test_decide tests.gate.test_scopes --minutes 3

The mutants are those of tools/mutate.py. A child puts the changed source into the module that is loaded, also into what others imported of it, and
calls the test functions that ask for nothing but their parameters, the quickest first; others are left out, so a mutant that they alone would notice
survives here. Property tests try a fifth of what they try in CI, and do not look for a smaller example.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType
from typing import Any

from _pytest.mark.structures import ParameterSet
from hypothesis import Phase, settings

from tools.mutate import SOURCE, mutants

LIMIT = 60.0
"""Seconds of work for one mutant: who takes longer is noticed."""


def cases(test: Callable[..., Any]) -> list[dict[str, Any]]:
    """The arguments of each case of a test; none where it asks for a fixture."""
    sets = []
    for mark in (m for m in getattr(test, "pytestmark", ()) if m.name == "parametrize"):
        names = [n.strip() for n in mark.args[0].split(",")] if isinstance(mark.args[0], str) else list(mark.args[0])
        values = [tuple(v.values) if isinstance(v, ParameterSet) else v if len(names) > 1 else (v,) for v in mark.args[1]]
        sets.append([dict(zip(names, value, strict=True)) for value in values])
    made = [{k: v for part in parts for k, v in part.items()} for parts in itertools.product(*sets)]
    return [case for case in made if case.keys() == inspect.signature(test).parameters.keys()]


_took: dict[Callable[..., Any], float] = {}


def run(tests: list[ModuleType]) -> None:
    """Every case of every test that needs nothing, the quickest first once that is known; raises what they raise."""
    named = (t for module in tests for n, t in vars(module).items() if n.startswith("test_"))
    every = [t for t in named if inspect.isfunction(t) and not inspect.iscoroutinefunction(t)]
    for test in sorted(every, key=lambda t: _took.get(t, 0)):
        began = time.process_time()
        for case in cases(test):
            test(**case)
        _took.setdefault(test, time.process_time() - began)


def reached(module: ModuleType, tests: list[ModuleType]) -> set[int]:
    """The lines of the module that the tests run."""
    lines: set[int] = set()

    def trace(frame: FrameType, _event: str, _arg: Any) -> Any:
        if frame.f_code.co_filename != module.__file__:
            return None
        lines.add(frame.f_lineno)
        return trace

    sys.settrace(trace)
    run(tests)
    sys.settrace(None)
    return lines


def within_functions(text: str) -> set[int]:
    """Lines in the bodies of functions: those of no function run when the module is loaded."""
    return {n for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for n in range(node.body[0].lineno, (node.end_lineno or 0) + 1)}


def put_in(module: ModuleType, source: str) -> None:
    """The changed source in the module. What others hold of it already is changed in place: functions, those that are cached, and methods."""
    before = dict(vars(module))
    exec(compile(source, str(module.__file__), "exec"), module.__dict__)  # noqa: S102 - a mutant of our own
    for name, old in before.items():
        new = module.__dict__.get(name)
        if getattr(old, "__module__", None) == module.__name__ and new is not old and _changed(old, new):
            module.__dict__[name] = old


def _changed(old: Any, new: Any) -> bool:
    """Whether the old one could be made what the new one is."""
    if inspect.isclass(old) and inspect.isclass(new):
        for name, part in vars(new).items():
            _changed(inspect.getattr_static(old, name, None), part)
        return True
    old, new = (part.fget if isinstance(part, property) else part for part in (old, new))
    if hasattr(old, "cache_clear"):
        old.cache_clear()
    old, new = getattr(old, "__wrapped__", old), getattr(new, "__wrapped__", new)
    if not inspect.isfunction(old) or not inspect.isfunction(new):
        return False
    old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
    return True


def survives(module: ModuleType, source: str, ask: Callable[[], None]) -> bool:
    """Whether no test notices; asked in a child."""
    child = os.fork()
    if child == 0:
        try:
            signal.setitimer(signal.ITIMER_PROF, LIMIT)
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            put_in(module, source)
            ask()
        except BaseException:  # noqa: BLE001 - noticed
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def tried(module: ModuleType, text: str, tests: list[ModuleType]) -> Iterator[tuple[str, bool]]:
    """(what, whether it survived) of each mutant on a line that the tests run."""
    inside, lines = within_functions(text), reached(module, tests)
    for mutant in mutants(text):
        if mutant.line not in inside or mutant.line in lines:
            yield f"{mutant.line}: {mutant.what}", survives(module, mutant.source, lambda: run(tests))


def main() -> None:
    """Read the command line, try mutants, print those that survive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", help="below src/sojourn, as in gate/decide.py")
    parser.add_argument("tests", nargs="+", help="modules, as in tests.gate.test_decide")
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    sys.path.insert(0, ".")
    os.environ.setdefault("SOJOURN_TEST_EFFORT", "little")
    settings.register_profile("mutants", phases=(Phase.explicit, Phase.generate), database=None)
    settings.load_profile("mutants")
    module = importlib.import_module("sojourn." + given.module.removesuffix(".py").replace("/", "."))
    tests = [importlib.import_module(name) for name in given.tests]
    run(tests)
    began, count, left = time.monotonic(), 0, 0
    for what, survived in tried(module, (SOURCE / given.module).read_text("utf-8"), tests):
        count, left = count + 1, left + survived
        if survived:
            print(f"  {what}", flush=True)
        if time.monotonic() - began > given.minutes * 60:
            print("  out of time", flush=True)
            break
    print(f"{given.module}: {count - left} of {count} noticed", flush=True)


if __name__ == "__main__":
    main()
