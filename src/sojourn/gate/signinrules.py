"""How long sessions last, who needs a second factor, how often one may guess: dated, from signin.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class SignInRule:
    """Limits of a session. idle: unused; warning: said so long before; longest: in all; fresh: how long a proof suffices for sensitive acts."""

    idle: timedelta
    warning: timedelta
    longest: timedelta
    fresh: timedelta
    second: bool


class Limit(NamedTuple):
    """So many attempts in so long."""

    attempts: int
    period: timedelta


class PasswordRule(NamedTuple):
    """How long a password must be, alone and beside a second factor, and words that do not count."""

    alone: int
    beside_second: int
    common: tuple[str, ...]


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "signin.toml").read_text("utf-8"))


def starting_rule(door: str, on: date) -> SignInRule:
    """The rule of a door where the organization has none of its own. A door that is not listed has the strictest one there is."""
    found = [r for r in _data()["rule"] if r["door"] == door and r["from"] <= on]
    r = max(found, key=lambda r: r["from"]) if found else min(_data()["rule"], key=lambda r: (r["idle_minutes"], not r["second"]))
    minutes = timedelta(minutes=1)
    return SignInRule(r["idle_minutes"] * minutes, timedelta(seconds=r["warning_seconds"]), r["longest_hours"] * 60 * minutes, r["fresh_minutes"] * minutes, r["second"])


def kinds(door: str) -> frozenset[str]:
    """The kinds of accounts that come in by a door; none for a door that is not listed."""
    return frozenset(kind for r in _data()["rule"] if r["door"] == door for kind in r["kinds"])


@lru_cache(maxsize=1)
def guessing() -> dict[str, Limit]:
    """The limits on attempts, by what is counted."""
    return {name: Limit(r["attempts"], timedelta(minutes=r["minutes"])) for name, r in _data()["guessing"].items() if name != "from"}


@lru_cache(maxsize=1)
def password_rule() -> PasswordRule:
    """What a new password must be like."""
    r = _data()["password"]
    return PasswordRule(r["alone"], r["beside_second"], tuple(r["common"]))
