"""About whom it is asked: an account as it stood or somebody made up, with the gate's decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate import decide, identity, narrowing
from sojourn.gate.caller import Caller, Program
from sojourn.gate.explaining import words
from sojourn.record import explaining
from sojourn.record.explaining import Moment

if TYPE_CHECKING:
    from sojourn.gate.access import Access

OUTSIDE = "outside"
"""The role of organizations that have no account here."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who would ask, and why: an account, or a role with programs, or an outside recipient (`Organization/id`)."""

    account: str = ""
    role: str = ""
    programs: tuple[int, ...] = ()
    recipient: str = ""
    purpose: str = "TREAT"

    def told(self) -> str:
        """As the trail keeps it."""
        who = f"account:{self.account}" if self.account else f"recipient:{self.recipient}" if self.recipient else f"role:{self.role} programs:{sorted(self.programs)}"
        return f"{who} purpose:{self.purpose}"


@dataclass(frozen=True, slots=True)
class Met:
    """Somebody at a moment, as the gate would meet them. row: the assignment that says so; None for somebody made up."""

    caller: Caller
    rules: decide.Rules
    decision: decide.Decision
    moment: Moment
    row: Mapping[str, Any] | None = None

    @property
    def words(self) -> str:
        """Who it is, in a few words."""
        caller = self.caller
        programs = words.named(caller.programs, self.rules.programs)
        if caller.outside:
            return f"{caller.name}{'' if self.row else ' (no account here)'}, outside the organization"
        where = f"works in {programs}" if programs else "works in no program"
        made_up = "" if self.row else " (made up)"
        return f"{caller.name}{made_up}: {caller.role.replace('-', ' ')}, {where}"


async def rules_at(access: Access, moment: Moment) -> decide.Rules:
    """The rules of roles, how far each reaches, and the programs as they stood. By which labels are given is as it is now: none are given here."""
    if moment.now:
        return access.house.rules[access.tenant.number]
    found = await explaining.rules(access.house.db, access.tenant.number, moment)
    programs = {p["program"]: Program(p["program"], p["key"], p["name"], p["organization"], p["part2"]) for p in found["programs"]}
    sites: dict[int, frozenset[str]] = {}
    for row in found["program_sites"]:
        sites[row["program"]] = sites.get(row["program"], frozenset()) | {row["site"]}
    rows = [(r["role"], r["types"], r["actions"]) for r in found["rules"]]
    return decide.Rules(rows, programs, b"", sites=sites, days={r["kind"]: r["days"] for r in found["reach_times"]})


async def meet(access: Access, asked: Asked, moment: Moment, rules: decide.Rules) -> Met | None:
    """The account or the made-up caller at that moment; None where an account was not there, or acted as nothing. Raises Invalid."""
    if asked.account:
        rows = await explaining.accounts(access.house.db, access.head, moment, asked.account)
        return await _met(access, rows[0], asked.purpose, moment, rules) if rows else None
    if asked.recipient:
        found = await explaining.accounts(access.house.db, access.head, moment, None)
        known = next((r for r in found if r["kind"] == "organization" and asked.recipient in r["keys"]), None)
        if known is not None:
            return await _met(access, known, asked.purpose, moment, rules)
        return stranger(access, asked.recipient, asked.purpose, moment, rules)
    if not asked.role:
        raise errors.Invalid("Say about whom: an account, a role or a recipient.")
    if unknown := [n for n in asked.programs if n not in rules.programs]:
        raise errors.Invalid(f"There was no program {unknown[0]} then.")
    return _as(access, _caller(access, "staff", asked.role, asked.programs, (), "Somebody", asked.purpose), rules, moment)


async def everyone(access: Access, moment: Moment, rules: decide.Rules, purpose: str) -> list[Met]:
    """Every account that acted as something then."""
    rows = await explaining.accounts(access.house.db, access.head, moment, None)
    found = await identity.all_denied(access.house.db, [await _standing(access, row, purpose, moment) for row in rows])
    return [_as(access, caller, rules, moment, row) for caller, row in zip(found, rows, strict=True)]


def stranger(access: Access, recipient: str, purpose: str, moment: Moment, rules: decide.Rules) -> Met:
    """An organization or person that a consent names and that has no account here."""
    return _as(access, _caller(access, "organization", OUTSIDE, (), (recipient,), recipient, purpose), rules, moment)


def again(access: Access, met: Met, purpose: str) -> Met:
    """The same caller for another purpose."""
    return _as(access, replace(met.caller, purpose=purpose), met.rules, met.moment, met.row)


async def _met(access: Access, row: Mapping[str, Any], purpose: str, moment: Moment, rules: decide.Rules) -> Met:
    """Who stands behind an account; of a proxy, with whom they could act for at that moment (as known now)."""
    return _as(access, await identity.denied(access.house.db, await _standing(access, row, purpose, moment)), rules, moment, row)


async def _standing(access: Access, row: Mapping[str, Any], purpose: str, moment: Moment) -> Caller:
    caller = _caller(access, row["kind"], row["role"], row["programs"], row["keys"], row["name"], purpose, account=row["account"], agent=row["agent"])
    return await narrowing.standing(access.house.db, access.house.keys[access.tenant.number], caller, moment.at)


def _as(access: Access, caller: Caller, rules: decide.Rules, moment: Moment, row: Mapping[str, Any] | None = None) -> Met:
    """What the gate decides for a caller, within what they may act for."""
    narrowed, decision = narrowing.narrowed(caller, rules, access.house.keys[access.tenant.number])
    return Met(caller, narrowed, decision, moment, row)


def _caller(
    access: Access, kind: str, role: str, programs: Iterable[int], keys: Iterable[str], name: str, purpose: str, *, account: str = "", agent: str | None = None
) -> Caller:
    """The credential stays the asker's: the database answers only whom it knows."""
    mine = access.caller
    return Caller(
        tenant=access.tenant, account=account, generation=mine.generation, kind=kind, name=name, agent=agent, role=role, programs=tuple(programs), acting=None,
        keys=tuple(keys), door=mine.door, purpose=purpose, credential=mine.credential, session=False,
    )  # fmt: skip
