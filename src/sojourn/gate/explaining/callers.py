"""About whom it is asked: an account as it stood, or somebody made up; with the decision that the gate makes for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate import decide
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
    """The rules of roles and the programs as they stood."""
    if moment.now:
        return access.rules
    rows, programs = await explaining.rules(access.house.db, access.tenant.number, moment)
    known = {p["program"]: Program(p["program"], p["key"], p["name"], p["organization"], p["part2"]) for p in programs}
    return decide.Rules([(r["role"], r["types"], r["actions"]) for r in rows], known, b"")


async def meet(access: Access, asked: Asked, moment: Moment, rules: decide.Rules) -> Met | None:
    """The account or the made-up caller at that moment; None where an account was not there, or acted as nothing. Raises Invalid."""
    if asked.account:
        rows = await explaining.accounts(access.house.db, access.head, moment, asked.account)
        return _met(access, rows[0], asked.purpose, moment, rules) if rows else None
    if asked.recipient:
        found = await explaining.accounts(access.house.db, access.head, moment, None)
        known = next((r for r in found if r["kind"] == "organization" and asked.recipient in r["keys"]), None)
        if known is not None:
            return _met(access, known, asked.purpose, moment, rules)
        return _made(access, "organization", OUTSIDE, (), (asked.recipient,), asked.recipient, asked.purpose, moment, rules)
    if not asked.role:
        raise errors.Invalid("Say about whom: an account, a role or a recipient.")
    if unknown := [n for n in asked.programs if n not in rules.programs]:
        raise errors.Invalid(f"There was no program {unknown[0]} then.")
    return _made(access, "staff", asked.role, asked.programs, (), "Somebody", asked.purpose, moment, rules)


async def everyone(access: Access, moment: Moment, rules: decide.Rules, purpose: str) -> list[Met]:
    """Every account that acted as something then."""
    rows = await explaining.accounts(access.house.db, access.head, moment, None)
    return [_met(access, row, purpose, moment, rules) for row in rows]


def stranger(access: Access, recipient: str, purpose: str, moment: Moment, rules: decide.Rules) -> Met:
    """An organization or person that a consent names and that has no account here."""
    return _made(access, "organization", OUTSIDE, (), (recipient,), recipient, purpose, moment, rules)


def _met(access: Access, row: Mapping[str, Any], purpose: str, moment: Moment, rules: decide.Rules) -> Met:
    made = _made(access, row["kind"], row["role"], tuple(row["programs"]), tuple(row["keys"]), row["name"], purpose, moment, rules, account=row["account"], agent=row["agent"])
    return Met(made.caller, rules, made.decision, moment, row)


def _made(
    access: Access, kind: str, role: str, programs: Iterable[int], keys: Iterable[str], name: str, purpose: str, moment: Moment, rules: decide.Rules, *,
    account: str = "", agent: str | None = None,
) -> Met:  # fmt: skip
    """The credential stays the asker's: the database answers only whom it knows."""
    mine = access.caller
    caller = Caller(
        tenant=access.tenant, account=account, generation=mine.generation, kind=kind, name=name, agent=agent, role=role, programs=tuple(programs), acting=None,
        keys=tuple(keys), door=mine.door, purpose=purpose, credential=mine.credential, session=False,
    )  # fmt: skip
    return Met(caller, rules, decide.decide(caller, rules), moment)
