"""Mutation testing of what needs no database, in seconds: each mutant in a forked child, against tests without fixtures.

    python -m tools.mutate_here gate/decide.py tests.gate.test_decide tests.gate.test_scopes --minutes 3

The mutants are those of tools/mutate.py. A child puts the changed source into the module that is loaded, also into what others imported of it, and
calls the cases of test functions that ask for nothing but their parameters, of these the ones that run the changed line, the quickest first; others are
left out, so a mutant that they alone would notice survives here. Property tests try a fifth of what they try in CI, and do not look for a smaller example.
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
from collections.abc import Callable
from functools import cached_property
from random import Random
from types import FrameType, ModuleType
from typing import Any

from _pytest.mark.structures import ParameterSet

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


Question = tuple[Callable[..., Any], dict[str, Any]]
"""One case of a test."""


def questions(tests: list[ModuleType]) -> list[Question]:
    """Every case of every test that needs nothing, the quickest first. Raises what one raises as it stands."""
    named = (t for module in tests for n, t in vars(module).items() if n.startswith("test_"))
    every = [t for t in named if inspect.isfunction(t) and not inspect.iscoroutinefunction(t)]
    found: list[tuple[float, Question]] = []
    for question in [(test, case) for test in every for case in cases(test)]:
        began = time.process_time()
        ask([question])
        found.append((time.process_time() - began, question))
    return [question for _, question in sorted(found, key=lambda f: f[0])]


def ask(asked: list[Question]) -> None:
    """Raises what they raise."""
    for test, given in asked:
        test(**given)


def reached(module: ModuleType, asked: list[Question]) -> dict[int, list[Question]]:
    """Which cases run each line of the module."""
    lines: dict[int, list[Question]] = {}
    ran: set[int] = set()

    def trace(frame: FrameType, _event: str, _arg: Any) -> Any:
        if frame.f_code.co_filename != module.__file__:
            return None
        ran.add(frame.f_lineno)
        return trace

    for question in asked:
        for cached in (f for f in vars(module).values() if hasattr(f, "cache_clear")):
            cached.cache_clear()
        ran.clear()
        sys.settrace(trace)
        ask([question])
        sys.settrace(None)
        for line in ran:
            lines.setdefault(line, []).append(question)
    return lines


def who_notices(line: int, text: str, lines: dict[int, list[Question]], asked: list[Question]) -> list[Question]:
    """The cases that can notice a change on a line: those that run it; where no line of its own is run (a constant within a longer expression), those
    that run its function; all of them where it stands in none.
    """
    if line in lines:
        return lines[line]
    around = [
        n
        for n in ast.walk(ast.parse(text))
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.lineno <= line <= (n.end_lineno or 0)
    ]
    if not around:
        return asked
    inner = max(around, key=lambda n: n.lineno)
    ran = {id(q) for n in range(inner.body[0].lineno, (inner.end_lineno or 0) + 1) for q in lines.get(n, ())}
    return [q for q in asked if id(q) in ran]


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
    old, new = (part.fget if isinstance(part, property) else part.func if isinstance(part, cached_property) else part for part in (old, new))
    if hasattr(old, "cache_clear"):
        old.cache_clear()
    old, new = getattr(old, "__wrapped__", old), getattr(new, "__wrapped__", new)
    if not inspect.isfunction(old) or not inspect.isfunction(new) or len(old.__code__.co_freevars) != len(new.__code__.co_freevars):
        return False
    old.__code__, old.__defaults__, old.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
    return True


def survives(module: ModuleType, source: str, asked: list[Question]) -> bool:
    """Whether no test notices; asked in a child."""
    child = os.fork()
    if child == 0:
        try:
            signal.setitimer(signal.ITIMER_PROF, LIMIT)
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            put_in(module, source)
            ask(asked)
        except BaseException:  # noqa: BLE001 - noticed
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def asked_for(doc: str) -> argparse.Namespace:
    """The command line, of this tool and of mutate_there."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", help="below src/sojourn, as in gate/decide.py")
    parser.add_argument("tests", nargs="+", help="modules here, as in tests.gate.test_decide; files or node ids there")
    parser.add_argument("--minutes", type=float, default=10, help="for all of them")
    parser.add_argument("--most", type=int, default=10_000, help="how many of them, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=LIMIT, help="there: cases that take more seconds than this, traced, are left out")
    return parser.parse_args()


def loaded(given: argparse.Namespace) -> tuple[ModuleType, str]:
    """The module, and its source."""
    return importlib.import_module("sojourn." + given.module.removesuffix(".py").replace("/", ".")), (SOURCE / given.module).read_text("utf-8")


def try_all(given: argparse.Namespace, text: str, lines: dict[int, list[Any]], asked: list[Any], survives: Callable[[str, list[Any]], bool]) -> None:
    """Each mutant that some case reaches, or as many as were asked for; prints those that survive, and those that nothing reaches."""
    reach = [(mutant, who_notices(mutant.line, text, lines, asked)) for mutant in mutants(text)]
    for mutant in (m for m, mine in reach if not mine):
        print(f"  not run {mutant.line}: {mutant.what}", flush=True)
    run = [(mutant, mine) for mutant, mine in reach if mine]
    chosen = sorted(Random(given.seed).sample(range(len(run)), min(given.most, len(run))))  # noqa: S311 - which mutants are tried
    began, count, left = time.monotonic(), 0, 0
    for mutant, mine in (run[n] for n in chosen):
        survived = survives(mutant.source, mine)
        count, left = count + 1, left + survived
        if survived:
            print(f"  {mutant.line}: {mutant.what}", flush=True)
        if time.monotonic() - began > given.minutes * 60:
            print("  out of time", flush=True)
            break
    print(f"{given.module}: {count - left} of {count} noticed; {len(run)} that a case reaches, of {len(reach)}", flush=True)


def main() -> None:
    """Read the command line, try mutants, print those that survive."""
    given = asked_for(__doc__ or "")
    from hypothesis import Phase, settings

    sys.path.insert(0, ".")
    os.environ.setdefault("SOJOURN_TEST_EFFORT", "little")
    settings.register_profile("mutants", phases=(Phase.explicit, Phase.generate), database=None)
    settings.load_profile("mutants")
    module, text = loaded(given)
    asked = questions([importlib.import_module(name) for name in given.tests])
    try_all(given, text, reached(module, asked), asked, lambda source, mine: survives(module, source, mine))


if __name__ == "__main__":
    main()
