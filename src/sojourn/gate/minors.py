"""Minors: who consents to what at which age, and what is withheld from a parent (minors.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from sojourn.fhir import dates
from sojourn.gate import bases

FROM_PROXIES: Final = bases.MINOR | next(basis.bit for basis in bases.BASES if basis.name == "violence")
"""Bases that no proxy sees without a consent: care a minor consented to alone, and violence, which may have been theirs."""

_BITS: Final = {basis.name: basis.bit for basis in bases.BASES}


class Rule(NamedTuple):
    """From an age on a minor may consent alone to a service (the name of a basis) in a state."""

    state: str
    service: str
    age: int
    start: date
    source: str
    verify: bool


@lru_cache(maxsize=1)
def _table() -> tuple[tuple[Rule, ...], dict[str, int]]:
    data = tomllib.loads((Path(__file__).parent / "minors.toml").read_text("utf-8"))
    rules = tuple(Rule(r["state"], r["service"], r["age"], r["from"], r["source"], r.get("verify", True)) for r in data["rule"])
    return rules, dict(data["majority"])


def rules(states: Sequence[str], on: datetime) -> tuple[Rule, ...]:
    """The rules in force on a day for these states; of all states where there is none, or one that nobody has written down."""
    known, _ = _table()
    current = [r for r in known if r.start <= on.date()]
    listed = {r.state for r in current}
    return tuple(r for r in current if not states or not set(states) <= listed or r.state in states)


def unverified(states: Sequence[str]) -> bool:
    """Whether anything that these states say of minors here waits for counsel; of a state that nobody has written down, all of it does."""
    known, _ = _table()
    return not states or any(r.verify for r in known if r.state in states) or not set(states) <= {r.state for r in known}


def majority(states: Sequence[str], on: datetime) -> int:
    """The age from which somebody acts for themselves and a parent no longer does: the lowest that any of the states has."""
    ages = _table()[1]
    return min((ages.get(state, ages["default"]) for state in states), default=ages["default"])


def own_age(states: Sequence[str], on: datetime) -> int:
    """From which age somebody signs in for themselves: where they may consent alone to behavioral health care (45 CFR 164.502(g)(3)).

    Of several states, or of all where none is said, the highest; nobody who is of age waits.
    """
    least: dict[str, int] = {}
    for r in rules(states, on):
        if r.service in ("mental_health", "part2"):
            least[r.state] = min(r.age, least.get(r.state, r.age))
    grown = majority(states, on)
    return min(max(least.values(), default=grown), grown)


def latest(text: Any) -> datetime | None:
    """The last moment that a birth date may mean: of a year, in its last day. None where it is not known."""
    return dates.bounds(text)[1] - timedelta(microseconds=1) if isinstance(text, str) and text else None


def of_an_adult(born: datetime | None, since: datetime, states: Sequence[str], on: datetime) -> bool:
    """Whether who was appointed from a day on was appointed for somebody of age (45 CFR 164.502(g)(2)).

    A guardianship of a child ends with childhood; one whose first day nobody wrote down, or of somebody whose birth date is not known, may be of a child.
    born: the last that the birth date may mean.
    """
    years = age(born, since)
    return years is not None and years >= majority(states, on)


def age(born: datetime | None, on: datetime) -> int | None:
    """Whole years; None when the birth date is not known."""
    return None if born is None else on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def withheld(states: Sequence[str], years: int, on: datetime) -> int:
    """Bases withheld from the parent of a minor of this age: care to which the minor may have consented alone."""
    return FROM_PROXIES | _sum(_BITS[r.service] for r in rules(states, on) if years >= r.age)


def _sum(bits: Iterable[int]) -> int:
    out = 0
    for bit in bits:
        out |= bit
    return out
