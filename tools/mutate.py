"""Mutation testing: change one thing in a module, run its tests, list what no test notices.

    python -m tools.mutate gate/decide.py --tests tests/gate/test_purposes.py tests/gate/test_reach.py
    python -m tools.mutate gate/policy/hipaa.py --tests tests/gate/test_policy*.py --most 60 --seed 7 --limit 60

One change at a time: a comparison turned, `and` for `or`, `not` left out, a constant, a branch never or always taken, a return of
nothing, a statement left out, an element of a set or tuple left out, two arguments changed for each other. Only lines that the tests
run are changed (coverage is taken first, with sys.monitoring's older sister sys.settrace, for that module alone). Every mutant runs in a
process of its own, that ends at the first failure or after a limit; the file itself is never touched: an import hook puts the mutant in.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "sojourn"
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_OTHER: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Mult: ast.Add, ast.LShift: ast.RShift}


class Mutant(NamedTuple):
    """One change: where, what, and the whole module with it."""

    line: int
    what: str
    source: str


def mutants(text: str) -> Iterator[Mutant]:
    """Every change to a module, in the order of its nodes."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    skipped = {id(n) for node in nodes for n in _silent(node)}
    for n, node in enumerate(nodes):
        if id(node) in skipped:
            continue
        for variant, what in _changes(node):
            again = copy.deepcopy(tree)
            target = list(ast.walk(again))[n]
            variant(target)
            yield Mutant(_line(node), what, ast.unparse(ast.fix_missing_locations(again)))


def _line(node: ast.AST) -> int:
    """Where it stands; of the `for … if …` of a comprehension, where its variable stands."""
    return int(getattr(node.target if isinstance(node, ast.comprehension) else node, "lineno", 0))


def _silent(node: ast.AST) -> Iterator[ast.AST]:
    """What decides nothing: annotations, docstrings, the words of errors, imports of types, how classes are made, what importers get."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for arg in (*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs):
            if arg.annotation:
                yield from ast.walk(arg.annotation)
        if node.returns:
            yield from ast.walk(node.returns)
    if isinstance(node, ast.AnnAssign):
        yield from ast.walk(node.annotation)
    if isinstance(node, ast.ClassDef):
        yield from (n for decorator in node.decorator_list for n in ast.walk(decorator))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield from ast.walk(node)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
        yield from ast.walk(node)
    if isinstance(node, ast.Raise):
        yield from (n for n in ast.walk(node) if isinstance(n, ast.Constant | ast.JoinedStr))
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        yield from ast.walk(node)
    if isinstance(node, ast.JoinedStr):
        yield from ast.walk(node)


Change = tuple[Callable[[Any], Any], str]


def _changes(node: ast.AST) -> Iterator[Change]:
    for kind in (_of_comparison, _of_logic, _of_value, _of_branch, _of_result, _of_body):
        yield from kind(node)


def _of_comparison(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            if type(op) in _TURNED:
                yield _setting("ops", place, _TURNED[type(op)]()), f"{_said(node)}: {type(op).__name__} -> {_TURNED[type(op)].__name__}"
    if isinstance(node, ast.BinOp) and type(node.op) in _OTHER:
        yield _putting("op", _OTHER[type(node.op)]()), f"{_said(node)}: {type(node.op).__name__} -> {_OTHER[type(node.op)].__name__}"


def _of_logic(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.BoolOp):
        other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield _putting("op", other), f"{_said(node)}: {type(node.op).__name__} -> {type(other).__name__}"
        for place, value in enumerate(node.values):
            yield _leaving_out("values", place), f"{_said(node)}: without {_said(value)}"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield _putting("op", ast.Not(), twice=True), f"{_said(node)}: without not"


def _of_value(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | str) and node.value != "":
        value: Any = not node.value if isinstance(node.value, bool) else node.value + 1 if isinstance(node.value, int) else node.value + "!"
        yield _putting("value", value), f"{node.value!r} -> {value!r}"
    if isinstance(node, ast.Set | ast.Tuple | ast.List) and len(node.elts) > 1 and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        for place, element in enumerate(node.elts):
            yield _leaving_out("elts", place), f"{_said(node)}: without {_said(element)}"


def _of_branch(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        for value in (True, False):
            if not (isinstance(node, ast.While) and value):
                yield _putting("test", ast.Constant(value)), f"if {_said(node.test)}: always {value}"
    if isinstance(node, ast.comprehension):
        for place, test in enumerate(node.ifs):
            yield _leaving_out("ifs", place), f"for … if {_said(test)}: without the if"


def _of_result(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Return) and node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield _putting("value", ast.Constant(None)), f"return {_said(node.value)}: returns None"


def _of_body(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.If | ast.For | ast.With):
        for place, statement in enumerate(node.body):
            words = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if isinstance(statement, ast.Expr | ast.Assign | ast.AugAssign | ast.Raise | ast.Continue) and not words:
                yield _setting("body", place, ast.Pass()), f"without {_said(statement)}"


def _setting(name: str, place: int, value: ast.AST) -> Callable[[Any], Any]:
    return lambda node: getattr(node, name).__setitem__(place, value)


def _leaving_out(name: str, place: int) -> Callable[[Any], Any]:
    return lambda node: getattr(node, name).pop(place)


def _putting(name: str, value: Any, *, twice: bool = False) -> Callable[[Any], Any]:
    """twice: `not x` becomes `not not x`."""
    return (lambda node: setattr(node, "operand", ast.UnaryOp(value, node.operand))) if twice else (lambda node: setattr(node, name, value))


def _said(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else text[:87] + "…"  # noqa: PLR2004 - a line of a report


_HOOK = """
import importlib.abc, importlib.machinery, sys
NAME, FILE, PATH = {name!r}, {file!r}, {path!r}
class _Loader(importlib.machinery.SourceFileLoader):
    def get_data(self, path):
        return open(FILE, "rb").read() if path == PATH else super().get_data(path)
    def path_stats(self, path):
        if path == PATH:
            raise OSError
        return super().path_stats(path)
    def set_data(self, *args, **kwargs):
        pass
class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname != NAME:
            return None
        return importlib.util.spec_from_file_location(NAME, PATH, loader=_Loader(NAME, PATH))
import importlib.util
sys.meta_path.insert(0, _Finder())
TRACED = {traced!r}
if TRACED:
    import atexit, threading
    LINES = set()
    def _trace(frame, event, arg):
        if frame.f_code.co_filename != PATH:
            return None
        LINES.add(frame.f_lineno)
        return _trace
    sys.settrace(_trace)
    threading.settrace(_trace)
    def _write():
        open(TRACED, "w").write(",".join(map(str, sorted(LINES))))
    atexit.register(_write)
"""


def run(module: Path, source: str, tests: list[str], limit: float, traced: str = "") -> str:
    """killed, survived or too long: the tests against a module that reads like this."""
    name = ".".join(("sojourn", *module.relative_to(SOURCE).with_suffix("").parts))
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        place = Path(folder)
        (place / "mutant.py").write_text(source, "utf-8")
        (place / "mutation_hook.py").write_text(_HOOK.format(name=name, file=str(place / "mutant.py"), path=str(module), traced=traced), "utf-8")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((folder, str(ROOT / "src"))), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "mutation_hook", "-p", "no:cacheprovider", "--no-header", *tests]
        try:
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=limit, check=False)  # noqa: S603 - our own tests
        except subprocess.TimeoutExpired:
            return "too long"
    return "survived" if done.returncode == 0 else "killed"


def covered(module: Path, tests: list[str], limit: float) -> set[int]:
    """The lines of the module that the tests run. Raises SystemExit when they fail as it stands."""
    with tempfile.NamedTemporaryFile(prefix="mutate-", suffix=".txt") as file:
        if run(module, module.read_text("utf-8"), tests, limit, traced=file.name) != "survived":
            raise SystemExit("The tests do not pass as it stands; mend that first.")
        return {int(n) for n in Path(file.name).read_text("utf-8").split(",") if n}


def main() -> None:
    """Read the command line, try mutants, print those that survive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", help="below src/sojourn, as in gate/decide.py")
    parser.add_argument("--tests", nargs="+", required=True)
    parser.add_argument("--most", type=int, default=100, help="how many mutants, chosen at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=120, help="seconds for one mutant")
    parser.add_argument("--minutes", type=float, default=30, help="for all of them")
    given = parser.parse_args()
    module = SOURCE / given.module
    reached = covered(module, given.tests, given.limit * 4)
    found = list(mutants(module.read_text("utf-8")))
    mine = [m for m in found if m.line in reached]
    chosen = Random(given.seed).sample(mine, min(given.most, len(mine)))  # noqa: S311 - which mutants are tried
    began, outcomes = time.monotonic(), {"killed": 0, "survived": 0, "too long": 0}
    print(f"{given.module}: {len(found)} mutants, {len(mine)} on lines that the tests run, {len(chosen)} tried", flush=True)
    for mutant in sorted(chosen, key=lambda m: m.line):
        if time.monotonic() - began > given.minutes * 60:
            print("  out of time", flush=True)
            break
        outcome = run(module, mutant.source, given.tests, given.limit)
        outcomes[outcome] += 1
        if outcome == "survived":
            print(f"  {mutant.line}: {mutant.what}", flush=True)
    print(f"  {outcomes['killed'] + outcomes['too long']} of {sum(outcomes.values())} noticed", flush=True)


if __name__ == "__main__":
    main()
