"""Supervision, units, sites, days and limits of signing in: kept by who edits roles, with history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sojourn.base import errors
from sojourn.gate import reach
from sojourn.gate.security import written

if TYPE_CHECKING:
    from sojourn.gate.access import Access

SUPERVISES, UNIT, SITE, DAYS, SIGN_IN = "supervises", "unit", "site", "days", "sign-in"
KINDS: Final = (SUPERVISES, UNIT, SITE, DAYS, SIGN_IN)
LIMITS: Final = {"idle": (1, 60), "warning": (15, 300), "longest": (1, 24), "fresh": (1, 60)}
"""Least and most of each limit of a session: minutes, seconds, hours, minutes (NIST SP 800-63B-4, 2.2.3: an hour unused, 24 in all)."""
_MOST_DAYS: Final = 3650
_ACROSS: Final = "*"


@dataclass(frozen=True, slots=True)
class Place:
    """One row. ended: None while it is in force. author: a name; empty for what was there at the start."""

    what: str
    subject: str
    value: str
    author: str
    reason: str
    since: datetime
    ended: datetime | None


async def every(access: Access) -> list[Place]:
    """All rows that were and are, newest first. Raises Forbidden."""
    await access.check("administer", "Role", "places")
    rows = await access.house.db.call("SELECT * FROM gate.places($1, $2, $3, $4)", *access.head)
    await access.note(access.entry("roles", "Role", "places"))
    return [
        Place(r["what"], r["subject"], r["value"], r["name"] or r["author"], r["reason"], r["known_from"], None if r["known_to"].year > 9000 else r["known_to"])
        for r in rows
    ]  # fmt: skip


async def change(access: Access, what: str, subject: str, value: str, reason: str, *, add: bool) -> None:
    """Put one in force, or end it. Raises Forbidden, ProofNeeded, Invalid, or Conflict where nothing would change.

    Nobody changes for themselves whom they supervise or where their unit is.
    """
    await access.check("administer", "Role", f"place={what}")
    await access.require_fresh()
    if not reason.strip():
        raise errors.Invalid("This is not changed without a reason; say why.")
    if what in (SUPERVISES, UNIT) and subject == access.caller.account:
        raise errors.Forbidden("Nobody changes their own reach here; somebody else who edits roles can.")
    if add or what in (DAYS, SIGN_IN):
        _sound(access, what, subject, value, add=add)
    done = await written(
        access.house, access.tenant, access.entry("role-change", "Role", f"place={what}"), "gate.set_place($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        *access.head, what, subject, value, add, access.caller.account, reason.strip()[:300],
    )  # fmt: skip
    if not done:
        raise errors.Conflict("It is so already, or somebody changed it meanwhile. Look at it again.")


def _sound(access: Access, what: str, subject: str, value: str, *, add: bool) -> None:
    if what not in KINDS:
        raise errors.Invalid("Choose what to change.")
    if what in (SUPERVISES, UNIT) and not (subject and value.startswith("Practitioner/" if what == SUPERVISES else "Location/")):
        raise errors.Invalid("Choose who it is, and the person or unit.")
    if what == SITE and not (subject.isdecimal() and int(subject) in access.rules.programs and value.strip()):
        raise errors.Invalid("Choose a program and a site.")
    if what == DAYS and not (subject in reach.starting_days() and (not add or (value.isdecimal() and int(value) <= _MOST_DAYS))):
        raise errors.Invalid("Choose a kind of relation, and a number of days up to ten years.")
    if what == SIGN_IN and not (subject and (not add or _limits(value))):
        said = ", ".join(f"{name} {least} to {most}" for name, (least, most) in LIMITS.items())
        raise errors.Invalid(f"Give every limit within what is sound: {said}; the warning shorter than the idle time.")


def _limits(value: str) -> bool:
    *numbers, second = value.split(",")
    if len(numbers) != len(LIMITS) or second not in ("true", "false") or not all(n.isdecimal() for n in numbers):
        return False
    found = [int(n) for n in numbers]
    return all(least <= n <= most for n, (least, most) in zip(found, LIMITS.values(), strict=True)) and found[1] < found[0] * 60
