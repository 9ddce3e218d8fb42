"""`sojourn decide`: the legal decision for scenarios in a file, with the reasons if asked for."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sojourn.base import clock, errors
from sojourn.fhir.codec import BadJson, loads
from sojourn.gate.policy.engine import Decision, decide
from sojourn.gate.policy.reading import case

HELP = """\
FILE is one scenario, a list of scenarios, or an object whose `scenarios` is such a list; docs/policy.md describes the format.
Prints JSON in the same shape; each scenario becomes {"id", "decision": {"decision", "records", "obligations", "reason"}}.
A scenario is decided at request.evaluation_time, else at the file's engine_defaults.evaluation_time, else now.
Exits with 0; with --check 1 if an answer differs from `expected`; 2 if used wrongly.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which file, and what to do besides deciding."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HELP
    parser.add_argument("file", metavar="FILE", help="scenarios as JSON, or - for standard input")
    parser.add_argument("--check", action="store_true", help="compare with `expected` where it is there, and fail on a difference")
    parser.add_argument("--why", action="store_true", help="add the chain of reasons, each with its citations")


def run(args: argparse.Namespace) -> int:
    """Decide every scenario in the file. Returns 1 if --check found a difference, else 0."""
    given = _read(args.file)
    at = _moment(given)
    answers, differing = [], []
    for scenario in _scenarios(given):
        decision = decide(case(scenario, at))
        answers.append(_told(scenario, decision, why=args.why))
        expected = scenario.get("expected")
        if args.check and isinstance(expected, Mapping) and (found := differences(decision, expected)):
            differing.append((scenario.get("id"), found))
    sys.stdout.write(json.dumps(_shaped(given, answers), indent=1) + "\n")
    for name, found in differing:
        sys.stderr.write(f"{name}: " + "; ".join(f"{key}: expected {want}, decided {have}" for key, want, have in found) + "\n")
    if args.check:
        compared = sum(isinstance(s.get("expected"), Mapping) for s in _scenarios(given))
        sys.stderr.write(f"{compared - len(differing)} of {compared} as expected\n")
    return int(bool(differing))


def _shaped(given: Any, answers: list[dict[str, Any]]) -> Any:
    """The answers in the shape of what was given: one, a list, or an object with `scenarios`."""
    if isinstance(given, list):
        return answers
    return {"scenarios": answers} if isinstance(given, dict) and "scenarios" in given else answers[0]


def differences(decision: Decision, expected: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(field, expected, decided) for each field of `expected` that differs. Obligations are a set."""
    found = []
    for key, have in decision.answer.items():
        want = expected.get(key, have)
        if (sorted(want) != sorted(have)) if key == "obligations" else (want != have):
            found.append((key, want, have))
    return found


def _read(name: str) -> Any:
    try:
        return loads(sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes())
    except OSError as error:
        raise errors.Invalid(f"the file cannot be read: {error.strerror}") from error
    except BadJson as error:
        raise errors.Invalid(f"the file is no JSON: {error}") from error


def _scenarios(given: Any) -> Iterator[Mapping[str, Any]]:
    found = given if isinstance(given, list) else given.get("scenarios", [given]) if isinstance(given, dict) else [given]
    for scenario in found:
        yield scenario if isinstance(scenario, Mapping) else {}


def _moment(given: Any) -> datetime:
    defaults = given.get("engine_defaults") if isinstance(given, dict) else None
    said = defaults.get("evaluation_time") if isinstance(defaults, dict) else None
    return datetime.fromisoformat(said) if isinstance(said, str) else clock.now()


def _told(scenario: Mapping[str, Any], decision: Decision, *, why: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"id": scenario.get("id"), "decision": decision.answer}
    if why:
        told["why"] = [
            {"record": s.record, "effect": s.effect, "reason": s.reason, "words": s.words, "citations": list(s.citations)}
            for s in decision.chain
        ]
    return told
