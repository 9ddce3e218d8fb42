"""The role rules that a new organization starts with."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

Rule = tuple[str, list[str], list[str]]


@lru_cache(maxsize=1)
def starting_rules() -> tuple[Rule, ...]:
    """(role, types, actions) rows from roles.toml."""
    data = tomllib.loads((Path(__file__).parent / "roles.toml").read_text("utf-8"))
    return tuple((role, rule["types"], rule["actions"]) for role, content in data.items() for rule in content["rules"])
