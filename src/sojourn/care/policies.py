"""Dated rules of care: deadlines, limits and lists, shipped with a source or set by the organization.

Each room has a `policies.toml` beside its code. A row has `key`, `value`, `effective`, `source`, and may have `title` and `unit` (once for
each key) and `level`, the level of care that it is for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sojourn.base import errors
from sojourn.gate import policies as own
from sojourn.gate.access import Access

_ROOMS = Path(__file__).parent


class Row(NamedTuple):
    """One shipped value."""

    key: str
    level: str
    value: Any
    effective: date
    source: str


class Policy(NamedTuple):
    """A rule with everything that is shipped for it. unit: what its value counts, such as days."""

    key: str
    title: str
    unit: str
    rows: tuple[Row, ...]


@lru_cache(maxsize=1)
def shipped() -> dict[str, Policy]:
    """Every rule of every room, by key. Raises ValueError for a rule without a title or a row without a source: nothing is a rule by hearsay."""
    found: dict[str, Policy] = {}
    for path in sorted(_ROOMS.glob("*/policies.toml")):
        for raw in tomllib.loads(path.read_text("utf-8")).get("policy", ()):
            key = str(raw["key"])
            before = found.get(key)
            title, unit = raw.get("title") or (before.title if before else ""), raw.get("unit") or (before.unit if before else "")
            if not title or not str(raw.get("source", "")).strip():
                raise ValueError(f"{path.parent.name}/policies.toml: {key} needs a title and a source.")
            row = Row(key, str(raw.get("level", "")), raw["value"], raw["effective"], str(raw["source"]))
            found[key] = Policy(key, str(title), str(unit), (*(before.rows if before else ()), row))
    return found


@dataclass(frozen=True, slots=True)
class Policies:
    """The values in force on a day: the organization's own before those that are shipped, a level of care before all others."""

    day: date
    set_here: Mapping[tuple[str, str], Any]

    def value(self, key: str, level: str = "") -> Any:
        """The value of a rule for a level of care. Raises KeyError for a rule that does not exist, or has no value for the level."""
        for at in dict.fromkeys((level, "")):
            if (key, at) in self.set_here:
                return self.set_here[key, at]
            rows = [row for row in shipped()[key].rows if row.level == at and row.effective <= self.day]
            if rows:
                return max(rows, key=lambda row: row.effective).value
        raise KeyError(f"{key} has no value for level {level or 'of any kind'}.")

    def number(self, key: str, level: str = "") -> float:
        """The value where it is a number."""
        return float(self.value(key, level))


async def of(access: Access, at: datetime | None = None) -> Policies:
    """The rules in force now, or at a past moment. One question."""
    moment = at or access.now
    return Policies(moment.date(), {(o.key, o.level): o.value for o in await own.in_force(access, moment)})


def levels(policy: Policy) -> list[str]:
    """The levels of care for which something is shipped, '' for all others first."""
    return sorted({row.level for row in policy.rows})


def parsed(policy: Policy, text: str) -> Any:
    """What somebody typed as a value of the kind that is shipped. Raises Malformed."""
    example = policy.rows[0].value
    text = text.strip()
    try:
        if isinstance(example, bool):
            return {"yes": True, "no": False}[text.lower()]
        if isinstance(example, int):
            return int(text)
        if isinstance(example, float):
            return float(text)
        if isinstance(example, list):
            kind = type(example[0]) if example else str
            return [kind(part.strip()) for part in text.split(",") if part.strip()]
    except (ValueError, KeyError):
        raise errors.Malformed(f"{policy.title}: write {'yes or no' if isinstance(example, bool) else 'a number' if isinstance(example, int | float) else 'a list, with commas between'}.") from None
    if not text:
        raise errors.Malformed(f"{policy.title}: write a value.")
    return text


def shown(value: Any) -> str:
    """A value as it is read and typed."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(str(v) for v in value) if isinstance(value, list) else str(value)


async def change(access: Access, key: str, level: str, text: str, reason: str) -> None:
    """Set a rule here, or with an empty text go back to what is shipped. Raises NotFound, Malformed, Forbidden."""
    policy = shipped().get(key)
    if policy is None:
        raise errors.NotFound("There is no such rule.")
    await own.change(access, key, level.strip(), None if not text.strip() else parsed(policy, text), reason)
