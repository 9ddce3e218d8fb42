"""Roles, for those who edit them: what each may do, whom it reaches, what it was; changes act at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.gate import reach, rolepurposes
from sojourn.gate.security import written

if TYPE_CHECKING:
    from sojourn.gate.access import Access

ACTIONS = ("read", "search", "history", "create", "update", "delete")
"""What a rule may say about resource types. What else a role may do (sign, release, oversee) is not given out rule by rule."""
FIXED = frozenset({"system", "interface", "recipient", "outside", "patient", "proxy"})
"""Roles of programs, other organizations, patients and those who act for them: law and consent say what these see."""

Rule = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Role:
    """A role as it is now. reach: how far it reaches; purpose: for what its people work; rules: (types, actions); duties: (types, actions) that are not about resources."""

    name: str
    reach: frozenset[str]
    rules: tuple[Rule, ...]
    duties: tuple[Rule, ...]
    since: datetime
    purpose: str = rolepurposes.USUAL


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a role: when it became known, by whom and why; what was added and taken away, as (types, actions)."""

    when: datetime
    author: str
    reason: str
    added: tuple[Rule, ...]
    removed: tuple[Rule, ...]


async def _check(access: Access, role: str = "") -> None:
    await access.check("administer", "Role", f"role={role}" if role else "")


async def _rows(access: Access, role: str | None) -> list[Any]:
    return list(await access.house.db.call("SELECT * FROM gate.role_history($1, $2, $3, $4, $5)", *access.head, role))


def _open(rows: Iterable[Any]) -> list[Any]:
    return [r for r in rows if r["known_to"].year > 9000]


def _role(name: str, rows: Sequence[Any]) -> Role:
    rules = [(tuple(r["types"]), tuple(r["actions"])) for r in rows]
    plain = [(types, tuple(a for a in actions if a in ACTIONS)) for types, actions in rules]
    other = [(types, tuple(a for a in actions if a not in ACTIONS and not _apart(a))) for types, actions in rules]
    return Role(
        name, reach.of_actions(a for _, actions in rules for a in actions), tuple(r for r in plain if r[1]), tuple(r for r in other if r[1]), max(r["known_from"] for r in rows),
        rolepurposes.of_actions(a for _, actions in rules for a in actions) or rolepurposes.USUAL,
    )


def _apart(action: str) -> bool:
    """Whether an action is no right but says how far the role reaches, or for what it works."""
    return action.startswith("reach:") or rolepurposes.is_purpose(action)


async def every(access: Access) -> list[Role]:
    """All roles of the organization. Raises Forbidden."""
    await _check(access)
    found: dict[str, list[Any]] = {}
    for row in _open(await _rows(access, None)):
        found.setdefault(row["role"], []).append(row)
    await access.note(access.entry("roles", "Role", ""))
    return [_role(name, rows) for name, rows in sorted(found.items())]


async def one(access: Access, name: str) -> tuple[Role, list[Change]]:
    """A role and how it came to be so, newest change first. Raises Forbidden or NotFound."""
    await _check(access, name)
    rows = await _rows(access, name)
    current = _open(rows)
    await access.note(access.entry("roles", "Role", f"role={name}", outcome="done" if current else "absent"))
    if not current:
        raise errors.NotFound("There is no such role.")
    return _role(name, current), _changes(rows)


def _changes(rows: Sequence[Any]) -> list[Change]:
    """What each moment brought and took away."""
    moments = sorted({r["known_from"] for r in rows}, reverse=True)
    out = []
    for moment in moments:
        new = [(tuple(r["types"]), tuple(r["actions"])) for r in rows if r["known_from"] == moment]
        old = [(tuple(r["types"]), tuple(r["actions"])) for r in rows if r["known_to"] == moment]
        said = next(r for r in rows if r["known_from"] == moment)
        out.append(Change(moment, said["name"] or said["author"], said["reason"], tuple(n for n in new if n not in old), tuple(o for o in old if o not in new)))
    return out


async def set_reach(access: Access, name: str, wanted: Iterable[str], reason: str) -> None:
    """Let a role reach this far from now on. Raises as `_put`."""
    chosen = sorted(set(wanted))
    if not set(chosen) <= reach.REACHES.keys():
        raise errors.Invalid("Choose among the reaches that there are.")
    rows = await _mine(access, name)
    kept = [(list(r["types"]), [a for a in r["actions"] if not a.startswith("reach:")]) for r in rows]
    await _put(access, name, rows, [*((t, a) for t, a in kept if a), *([(["*"], [reach.prefixed(r) for r in chosen])] if chosen else [])], reason)


async def set_purpose(access: Access, name: str, purpose: str, reason: str) -> None:
    """Let a role's people work for this purpose from now on. Raises as `_put`."""
    if purpose not in rolepurposes.PURPOSES:
        raise errors.Invalid("Choose one of the purposes that there are.")
    rows = await _mine(access, name)
    kept = [(list(r["types"]), [a for a in r["actions"] if not rolepurposes.is_purpose(a)]) for r in rows]
    await _put(access, name, rows, [*((t, a) for t, a in kept if a), (["*"], [rolepurposes.prefixed(purpose)])], reason)


async def set_rule(access: Access, name: str, types: Iterable[str], actions: Iterable[str], reason: str) -> None:
    """Let a role do exactly this with some types (nothing, if there are no actions). Raises as `_put`."""
    about, may = sorted(set(types)), [a for a in ACTIONS if a in set(actions)]
    if not about or not set(about) <= {*access.house.types} or not set(actions) <= set(ACTIONS):
        raise errors.Invalid("Choose resource types, and what may be done with them.")
    rows = await _mine(access, name)
    kept: list[tuple[list[str], list[str]]] = []
    for row in rows:
        types_, actions_ = list(row["types"]), list(row["actions"])
        if "*" in types_ and set(actions_) & set(ACTIONS):
            # What it may do with every type becomes what it may do with every other one.
            duties = [a for a in actions_ if a not in ACTIONS]
            kept += [(["*"], duties)] if duties else []
            kept.append(([t for t in access.house.types if t not in about], [a for a in actions_ if a in ACTIONS]))
        elif set(actions_) & set(ACTIONS):
            duties = [a for a in actions_ if a not in ACTIONS]
            kept += [([t for t in types_ if t not in about], [a for a in actions_ if a in ACTIONS]), *([(types_, duties)] if duties else [])]
        else:
            kept.append((types_, actions_))
    await _put(access, name, rows, [*((t, a) for t, a in kept if t), *([(about, may)] if may else [])], reason)


async def _mine(access: Access, name: str) -> list[Any]:
    """The rows of a role that the caller may change. Raises Forbidden, ProofNeeded, NotFound."""
    await _check(access, name)
    await access.require_fresh()
    if name == access.caller.role:
        raise errors.Forbidden("Nobody changes their own role here; somebody with another role that administers roles can.")
    if name in FIXED:
        raise errors.Forbidden("What this role may do follows from law and consent, and is not edited.")
    rows = _open(await _rows(access, name))
    if not rows:
        raise errors.NotFound("There is no such role.")
    return rows


async def _put(access: Access, name: str, rows: Sequence[Any], rules: Sequence[tuple[list[str], list[str]]], reason: str) -> None:
    """Raises Invalid without a reason, Conflict when somebody else was there first. In force with everybody's next statement."""
    if not reason.strip():
        raise errors.Invalid("A role is not changed without a reason; say why.")
    before = sorted([list(r["types"]), list(r["actions"])] for r in rows)
    done = await written(
        access.house, access.tenant, access.entry("role-change", "Role", f"role={name}"), "gate.set_role($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *access.head, name, json.dumps(before), json.dumps(rules), access.caller.account, reason.strip()[:300],
    )  # fmt: skip
    if not done:
        raise errors.Conflict("Somebody changed this role at the same time. Look at it again.")
