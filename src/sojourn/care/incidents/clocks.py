"""Which authority has to be told by when: dated rules by type, harm and state."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from sojourn.care import policies
from sojourn.care.incidents.model import Incident, Notice, at_least

if TYPE_CHECKING:
    from sojourn.care.policies import Policies

_WEEKEND = 5
_CLOSE = time(17)


class Rule(NamedTuple):
    """Who has to be told of what. people, fewer: only of so many concerned; policy: of its hours; source: of a rule that has none."""

    key: str
    to: str
    types: frozenset[str]
    harm: str
    minor: bool
    people: int
    fewer: int
    rule: str
    policy: str
    source: str
    effective: date


@lru_cache(maxsize=1)
def shipped() -> tuple[Rule, ...]:
    """Every rule. Raises ValueError for one without a policy or a source."""
    found = []
    for raw in tomllib.loads((Path(__file__).parent / "clocks.toml").read_text("utf-8"))["notice"]:
        if not raw.get("policy") and not raw.get("source"):
            raise ValueError(f"clocks.toml: {raw['key']} needs a policy or a source.")
        found.append(Rule(
            raw["key"], raw["to"], frozenset(raw.get("types", ())), raw.get("harm", "near-miss"), raw.get("minor", False), raw.get("people", 0), raw.get("fewer", 0),
            raw.get("rule", "hours"), raw.get("policy", ""), raw.get("source", ""), raw["effective"],
        ))  # fmt: skip
    return tuple(found)


def applies(rule: Rule, incident: Incident, day: date) -> bool:
    """Whether somebody has to be told of this."""
    return (
        rule.effective <= day and (not rule.types or incident.kind in rule.types) and at_least(incident.harm, rule.harm) and (incident.minor or not rule.minor)
        and incident.people >= rule.people and (not rule.fewer or incident.people < rule.fewer)
    )  # fmt: skip


def notices(incident: Incident, rules: Policies, zone: ZoneInfo) -> tuple[Notice, ...]:
    """What has to be told by when. What was told already stays, also where it no longer has to be."""
    began = datetime.fromisoformat(incident.learned or incident.happened)
    wanted = [Notice(r.key, r.to, due(r, began, rules, incident.state, zone).isoformat(), basis(r, rules, incident.state)) for r in shipped() if applies(r, incident, rules.day)]
    before = {n.key: n for n in incident.notices}
    kept = [replace(before[n.key], due=n.due, basis=n.basis) if n.key in before else n for n in wanted]
    return (*kept, *_answered(before.values(), {n.key for n in wanted}))


def _answered(before: Iterable[Notice], wanted: set[str]) -> list[Notice]:
    return [n for n in before if n.key not in wanted and not n.open]


def due(rule: Rule, began: datetime, rules: Policies, state: str, zone: ZoneInfo) -> datetime:
    """When somebody has to be told at the latest."""
    here = began.astimezone(zone)
    if rule.rule == "next-business-day":
        day = here.date() + timedelta(days=1)
        while day.weekday() >= _WEEKEND:
            day += timedelta(days=1)
        return datetime.combine(day, _CLOSE, zone).astimezone(UTC)
    if rule.rule == "year":
        return (datetime(here.year + 1, 1, 1, tzinfo=zone) + timedelta(days=60)).astimezone(UTC)
    return began.astimezone(UTC) + timedelta(hours=rules.number(rule.policy, state))


def basis(rule: Rule, rules: Policies, state: str) -> str:
    """By which rule, in words."""
    if not rule.policy:
        return rule.source
    if any((rule.policy, at) in rules.set_here for at in (state, "")):
        return "Set by this organization."
    rows = [row for level in (state, "") for row in policies.shipped()[rule.policy].rows if row.level == level and row.effective <= rules.day]
    return rows[0].source if rows else ""
