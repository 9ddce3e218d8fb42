"""The role rules a new organization starts with, and for how long relations last."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

from sojourn.gate import reach, rolepurposes

Rule = tuple[str, list[str], list[str]]


@lru_cache(maxsize=1)
def starting_rules() -> tuple[Rule, ...]:
    """(role, types, actions) rows from roles.toml. How far a role reaches, and for what it works, are rows of their own, of actions that begin with `reach:` and `purpose:`."""
    data = tomllib.loads((Path(__file__).parent / "roles.toml").read_text("utf-8"))
    rules = [(role, rule["types"], rule["actions"]) for role, content in data.items() for rule in content["rules"]]
    rules += [(role, ["*"], [reach.prefixed(far) for far in content["reach"]]) for role, content in data.items() if content.get("reach")]
    return (*rules, *((role, ["*"], [rolepurposes.prefixed(content["purpose"])]) for role, content in data.items() if content.get("purpose")))
