"""Mutation testing of the predicate in SQL: change one thing in it, ask the tests that compare it with the rules said otherwise.

    SOJOURN_TEST_DATABASE_URL=... python -m tools.mutate_sql --minutes 20 [--only bases,deny] [--function gate.consented] [--module gate/consenting/compiling.py]

One change at a time in a named part of visible.sql, or in the body of a function of 01_gate.sql: one side of an AND or OR left out, a comparison
turned, NOT or ~ left out. Each mutant is compared, in one process and one database, with the rules said simply (tests/gate/test_agree.py), with what
grants, relations and references say one by one (test_standing.py) and with the Consents themselves (test_agree_consents.py). Fixed seeds.

With --module the mutants are those of tools/mutate.py in a module that compiles Consents, each in a forked child and asked about Consents alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import io
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

_WORDS = re.compile(r"\b(AND|OR)\b")
_END = re.compile(r"\b(?:AND|OR|THEN|ELSE|END|GROUP|ORDER|OFFSET|FROM|WHERE|HAVING|RETURN)\b|;|,")
_TURNS = (
    (re.compile(r"(?<![<>@:])<="), "<"), (re.compile(r"(?<![<>@-])<(?![=>@])"), "<="), (re.compile(r">="), ">"), (re.compile(r"<>"), "="), (re.compile(r"(?<![<>:=!])=(?!>)"), "<>"),
    (re.compile(r"<@"), "&&"), (re.compile(r"(?<!&)&&(?!&)"), "<@"), (re.compile(r"\bNOT (?!NULL)"), ""), (re.compile(r"~"), ""), (re.compile(r"IS NULL"), "IS NOT NULL"),
)  # fmt: skip


def _operand(text: str, start: int, step: int) -> tuple[int, int]:
    """From where to where the operand on one side of an AND or OR goes, by counting parentheses."""
    depth, at = 0, start
    while 0 <= at < len(text):
        char = text[at]
        if char in "()":
            depth += 1 if (char == "(") == (step > 0) else -1
            if depth < 0:
                break
        if depth == 0 and at != start and _END.match(text, at) and (at == 0 or not (text[at - 1].isalnum() or text[at - 1] == "_")):
            if step < 0:
                at = _END.match(text, at).end() - 1  # type: ignore[union-attr] # it matched
            break
        at += step
    return (start, at) if step > 0 else (at + 1, start + 1)


def mutants(text: str) -> Iterator[tuple[str, str]]:
    """(what, the text with it)."""
    for found in _WORDS.finditer(text):
        if "BETWEEN" in text[max(0, found.start() - 40) : found.start()]:
            continue
        nothing = " TRUE " if found[1] == "AND" else " FALSE "
        for low, high in (_operand(text, found.end(), 1), _operand(text, found.start() - 1, -1)):
            gone = " ".join(text[low:high].split())
            if gone and gone not in ("TRUE", "FALSE"):
                yield f"without [{gone}] {'before' if low < found.start() else 'after'} {found[1]}", text[:low] + nothing + text[high:]
    for pattern, other in _TURNS:
        for found in pattern.finditer(text):
            around = " ".join(text[max(0, found.start() - 40) : found.end() + 40].split())
            yield f"{found[0]!r} -> {other!r} in [{around}]", text[: found.start()] + other + text[found.end() :]


class Judge:
    """The tests that a mutant has to get past."""

    def __init__(self, dsn: Any) -> None:
        from tests.gate import test_agree, test_agree_consents, test_standing

        test_agree.CASES, test_agree_consents.CASES = 40_000, 2_000
        self.dsn, self.agree, self.consents, self.standing = dsn, test_agree, test_agree_consents, test_standing

    def passes(self) -> bool:
        """Whether all of them agree with the predicate as it is now."""
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                asyncio.run(self.agree.test_the_predicate_in_sql_agrees_with_the_rules_said_simply(self.dsn, "fixed"))
                for deny in (False, True):
                    asyncio.run(self.agree.test_each_limit_of_a_grant_counts_up_to_its_edge(self.dsn, deny))
                asyncio.run(self.standing.test_what_is_closed_counts_no_more(self.dsn))
                asyncio.run(self.standing.test_what_is_asked_once_of_a_patient_says_of_each_row_what_asking_beside_it_says(self.dsn, self.standing.FIXED))
                for edge in (-self.standing.INSTANT, self.standing.INSTANT * 0, self.standing.INSTANT):
                    asyncio.run(self.standing.test_the_number_is_what_grants_and_relations_say_also_at_the_edges_of_their_times(self.dsn, edge, self.standing.FIXED))
                asyncio.run(self.standing.test_what_the_number_says_of_references_is_what_asking_each_target_says(self.dsn, self.standing.FIXED))
                self.asked_of_consents()
            except Exception:  # noqa: BLE001 - whatever it was, it was noticed
                return False
        return True

    def asked_of_consents(self) -> None:
        """Raises AssertionError when the predicate says otherwise than the Consents."""
        asked = self.consents.asked.__wrapped__ if hasattr(self.consents.asked, "__wrapped__") else self.consents.asked.__pytest_wrapped__.obj
        given = asked(self.dsn)
        ask = next(given)
        try:
            self.consents.test_the_predicate_agrees_with_the_decision_from_the_consents_themselves(ask)
        finally:
            given.close()


def of_module(path: str, judge: Judge, most: int, seed: int, minutes: float) -> None:
    """Mutants of a Python module: those that Consents do not tell are printed."""
    from tools import mutate, mutate_here

    module = importlib.import_module("sojourn." + path.removesuffix(".py").replace("/", "."))
    text = (mutate.SOURCE / path).read_text("utf-8")
    inside = mutate_here.within_functions(text)
    tried = [m for m in mutate.mutants(text) if m.line in inside]
    chosen = Random(seed).sample(tried, min(most, len(tried)))  # noqa: S311 - which mutants are tried
    print(f"{path}: {len(tried)} mutants, {len(chosen)} tried", flush=True)
    began, noticed, survived = time.monotonic(), 0, 0
    for mutant in sorted(chosen, key=lambda m: m.line):
        if time.monotonic() - began > minutes * 60:
            print("  out of time", flush=True)
            break
        fine = mutate_here.survives(module, mutant.source, judge.asked_of_consents)
        noticed, survived = noticed + (not fine), survived + fine
        if fine:
            print(f"  {mutant.line}: {mutant.what}", flush=True)
    print(f"  {noticed} of {noticed + survived} noticed", flush=True)


def main() -> None:
    """Read the command line, try mutants, print those that survive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="standing,limited,beside,bases,purpose,part,relation,deny,bearing,behind,covered")
    parser.add_argument("--function", default="", help="of 01_gate.sql, instead of the parts")
    parser.add_argument("--module", default="", help="below src/sojourn, instead of the parts")
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=30)
    given = parser.parse_args()
    import asyncpg

    from sojourn.record import sql
    from sojourn.record.database import Dsn, prepare
    from sojourn.record.migrate import FUNCTIONS

    url = os.environ["SOJOURN_TEST_DATABASE_URL"]
    name = f"mutants_{os.getpid()}"
    own = url.replace("/postgres?", f"/{name}?")

    def run(text: str, *, at: str = own) -> None:
        async def go() -> None:
            connection = await asyncpg.connect(at)
            await connection.execute(text)
            await connection.close()

        asyncio.run(go())

    run(f"CREATE DATABASE {name}", at=url)
    asyncio.run(prepare(own, app_password="for-tests-only"))  # noqa: S106 - a database of its own
    judge = Judge(Dsn(app=own, owner=own))
    if given.module:
        judge.asked_of_consents()
        of_module(given.module, judge, given.most, given.seed, given.minutes)
        run(f"DROP DATABASE {name} WITH (FORCE)", at=url)
        return
    if not judge.passes():
        raise SystemExit("They do not agree as it stands; mend that first.")
    real = dict(sql.parts())
    tried: list[tuple[str, str, str]] = []
    if given.function:
        whole = (FUNCTIONS / "01_gate.sql").read_text("utf-8")
        begin = whole.index(f"FUNCTION {given.function}(")
        begin = whole.index("BEGIN" if "plpgsql" in whole[begin : whole.index("$$", begin)] else "$$", begin)
        body = whole[begin : whole.index("$$;", begin)]
        tried = [(given.function, what, whole.replace(body, changed)) for what, changed in mutants(body)]
    else:
        for part in given.only.split(","):
            tried += [(part, what, changed) for what, changed in mutants(real[part])]
    chosen = Random(given.seed).sample(tried, min(given.most, len(tried)))  # noqa: S311 - which mutants are tried
    began, noticed, survived = time.monotonic(), 0, 0
    print(f"{len(tried)} mutants, {len(chosen)} tried", flush=True)
    for part, what, changed in chosen:
        if time.monotonic() - began > given.minutes * 60:
            print("  out of time", flush=True)
            break
        if given.function:
            try:
                run(sql.render(changed))
                fine = judge.passes()
            except asyncpg.PostgresError:
                fine = False
            run(sql.render(whole))
        else:
            with mock.patch.object(sql, "parts", return_value={**real, part: changed}):
                fine = judge.passes()
        noticed, survived = noticed + (not fine), survived + fine
        if fine:
            print(f"  {part}: {what}", flush=True)
    print(f"  {noticed} of {noticed + survived} noticed", flush=True)
    run(f"DROP DATABASE {name} WITH (FORCE)", at=url)


if __name__ == "__main__":
    main()
