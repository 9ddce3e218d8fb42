"""What makes a caller less than their role: scopes, and for whom a proxy may act now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.base.db import Database
from sojourn.gate import decide, minors, scopes
from sojourn.gate.caller import Caller, Standing
from sojourn.gate.scopes import Scopes
from sojourn.record.index import Keys

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change
    from sojourn.gate.preparing import Prepared


class Narrowed(decide.Rules):
    """The rules as they hold within sets of scopes: every set has to let an action pass."""

    def __init__(self, rules: decide.Rules, sets: tuple[Scopes, ...]) -> None:
        self.__dict__.update(rules.__dict__)
        self.sets = sets

    def allows(self, role: str, action: str, type_: str) -> bool:
        """Whether the role and every set of scopes include it."""
        return super().allows(role, action, type_) and all(one.allows(action, type_) for one in self.sets)


def narrowed(caller: Caller, rules: decide.Rules, keys: Keys) -> tuple[decide.Rules, decide.Decision]:
    """The rules and the decision for a caller, within their scopes."""
    decision = decide.decide(caller, rules)
    sets = []
    if caller.scopes is not None:
        sets.append(scopes.parse(caller.scopes, keys, patient=_context(caller)))
    if caller.standing is not None and caller.standing.types is not None:
        sets.append(scopes.of_types(caller.standing.types))
    if not sets:
        return rules, decision
    entries = [entry for n, one in enumerate(sets) for entry in one.entries(n)]
    return Narrowed(rules, tuple(sets)), replace(decision, mask=decision.mask | scopes.SCOPED, keys=[*decision.keys, *entries])


def _context(caller: Caller) -> str | None:
    """The patient whom `patient/` scopes are about."""
    if caller.kind == "patient":
        return (caller.agent or "").removeprefix("Patient/") or None
    return caller.context or (caller.standing.patient if caller.standing else None)  # a proxy of several chose one; scopes only narrow


def check(access: Access, change: Change, prepared: Prepared, before: Iterable[int] | None) -> None:
    """Raise Forbidden for a write outside the scopes: what it makes, and (before: its token keys) what it is made from."""
    rules = access.rules
    if not isinstance(rules, Narrowed):
        return
    action = "update" if change.kind == "patch" else change.kind
    made = prepared.rows.tokens if prepared.rows else ()
    for tokens in (made, *([before] if before is not None else [])):
        found = frozenset(tokens)
        if not all(one.fits(action, change.type, prepared.patient, found) for one in rules.sets):
            raise errors.Forbidden(f"The scopes of this token do not include this {action} of {change.type}.")


async def standing(db: Database, keys: Keys, caller: Caller, now: datetime) -> Caller:
    """A proxy with whom they may act for now; anybody else as they are."""
    if caller.kind != "proxy" or not caller.agent:
        return caller
    birth = keys.name("Patient", "birthdate")
    rows = await db.call("SELECT * FROM gate.acting_for($1, $2, $3, $4, $5)", caller.tenant.number, caller.agent, birth, caller.purpose, now)
    states = [row["state"] for row in await db.call("SELECT gate.jurisdictions($1, $2) AS state", caller.tenant.number, now)]
    return replace(caller, standing=stands(rows, states, now))


def stands(rows: Iterable[Mapping[str, Any]], states: Iterable[str], now: datetime) -> Standing | None:
    """For whom the rows of gate.acting_for let somebody act. Several ways to the same patient add up; several patients do not."""
    found: dict[str, tuple[int, set[str] | None]] = {}
    lawful: set[str] = set()
    places = list(states)
    for row in rows:
        age = minors.age(row["born"], now)
        minor = age is not None and age < minors.majority(places, now)
        if row["kind"] == "parent" and not minor:
            continue  # a parent acts for a child, and an adult for themselves
        if row["kind"] == "guardian" and not minor and not minors.of_an_adult(row["latest"], row["since"], places, now):
            continue  # nor does who was appointed for the child
        if row["kind"] not in ("parent", "guardian", "consent"):
            continue
        withheld, types = found.get(row["patient"], (0, set()))
        if row["kind"] == "consent":
            types = None if types is None or row["types"] is None else types | set(row["types"])
        else:
            lawful.add(row["patient"])
            withheld, types = withheld | (minors.withheld(places, age, now) if minor and age is not None else minors.FROM_PROXIES), None
        found[row["patient"]] = (withheld | minors.FROM_PROXIES, types)
    if not found:
        return None
    limits = [set(types) for _, types in found.values() if types is not None]
    everything = 0
    for withheld, _ in found.values():
        everything |= withheld
    patient = next(iter(found)) if len(found) == 1 else ""
    return Standing(patient, everything, tuple(sorted(set.intersection(*limits))) if limits else None, by_law=lawful >= found.keys())
