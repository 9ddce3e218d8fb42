"""The second person: an account opens with a link from one and a code from another (decision 46).

Whoever makes a link could open it themselves, and so become a colleague or a client. Where somebody else could confirm it, the link alone
is worth nothing: that other person gives out a code, and never sees the link.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sojourn.base import clock, errors, ids
from sojourn.gate.security import alive, told, written
from sojourn.record import rooms

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House

STAFF, PERSONS = "Login", "PatientAccount"
"""Of which kind of account somebody confirms links: `confirm` on this type."""
KEY: Final = {STAFF: "accounts.second-person", PERSONS: "accounts.second-person-clients"}
"""Policies (care/staffing/policies.toml). `no`: links are good alone."""
WAITS: Final = timedelta(days=7)
"""So long it takes until `no` acts, and until who was deactivated no longer counts: nobody clears the way for themselves in an hour."""
RECENT: Final = timedelta(days=90)
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz23456789"
OPERATOR: Final = "operator"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A link that waits for its code. author: account of who made it, '' for the operator; confirmed: whether a code is out."""

    account: str
    kind: str
    author: str
    created: datetime
    expires: datetime
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A role and programs that somebody wants an account to have."""

    account: str
    role: str
    programs: tuple[int, ...]
    acting: int | None
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """A link by which somebody came in. confirmed_by: '' where no second person was needed."""

    account: str
    kind: str
    author: str
    confirmed_by: str
    at: datetime


async def needed(house: House, tenant: Tenant, type_: str, *, author: str, account: str) -> bool:
    """Whether a link or a change needs a second person: there is one beside its maker and the one whom it is for, and policy does not say no."""
    rules, now = house.rules[tenant.number], clock.now()
    moments = (now, now - WAITS)
    if all([await _off(house, tenant, type_, at) for at in moments]):
        return False
    for at in moments:
        for row in await house.db.call("SELECT * FROM gate.accounts($1, NULL, $2)", tenant.number, at):
            if row["kind"] == "staff" and row["state"] == "active" and row["account"] not in (author, account) and rules.allows(row["role"] or "", "confirm", type_):
                return True
    return False


async def _off(house: House, tenant: Tenant, type_: str, at: datetime) -> bool:
    rows = await rooms.policies(house.db, tenant.number, at)
    return any(row["key"] == KEY[type_] and row["level"] == "" and json.loads(row["value"]) == "no" for row in rows)


def new_code() -> str:
    """Eight letters and digits in two groups, 40 bits; five wrong ones end the link."""
    drawn = "".join(_LETTERS[b % len(_LETTERS)] for b in ids.random_bytes("code", 8))
    return f"{drawn[:4]}-{drawn[4:]}"


def hashed(house: House, tenant: Tenant, code: str) -> bytes:
    """A code as it is kept: keyed, so that nobody who reads the database can try them out."""
    plain = "".join(c for c in code.lower() if c.isalnum())
    return house.key.sign("account-code", f"{tenant.number}\0{plain}".encode())


async def waiting(access: Access, type_: str, account: str | None = None) -> list[Waiting]:
    """Links that wait for a second person, for whoever may be one. Raises Forbidden. Of clients: for an account that the caller has found in a chart."""
    await access.check("confirm", type_)
    rows = await access.house.db.call("SELECT * FROM gate.links_held($1, $2, $3)", access.tenant.number, account, clock.now())
    return [Waiting(r["account"], r["kind"], r["author"], r["created"], r["expires"], r["confirmed_by"] is not None) for r in rows]


async def confirm(access: Access, type_: str, account: str, said: str = "", patients: Sequence[str] = ()) -> str:
    """The code for a link, shown this once. said: what stands in the trail about how they are known. Raises Conflict for one's own link, and where there is none."""
    await access.check("confirm", type_, f"account={account}")
    await alive(access)
    await access.require_fresh()
    code = new_code()
    line = access.entry("account-link-confirm", "Login", f"account={account}{said}", patients=list(patients))
    args = (access.tenant.number, account, access.caller.account, hashed(access.house, access.tenant, code), clock.now())
    if not await written(access.house, access.tenant, line, "gate.confirm_link($1, $2, $3, $4, $5)", *args):
        raise errors.Conflict("No link waits here that you can confirm: it was used, it has run out, or you made it yourself. Then it takes somebody else.")
    return code


async def ask(access: Access, account: str, role: str, programs: Sequence[int], acting: int | None) -> None:
    """Ask for what an account is to act as; the caller of this has checked the right and that it is sound."""
    listed = ",".join(str(p) for p in sorted(programs))
    await told(
        access, "account-assign-ask", f"account={account}&role={role}&programs={listed}", "gate.ask_assignment($1, $2, $3, $4, $5, $6, $7)", access.tenant.number, account, role, sorted(programs), acting,
        access.caller.account, clock.now(),
    )  # fmt: skip


async def asked(access: Access, account: str | None = None) -> list[Asked]:
    """What was asked for and not decided."""
    rows = await access.house.db.call("SELECT * FROM gate.assignments_asked($1, $2)", access.tenant.number, account)
    return [Asked(r["account"], r["role"], tuple(r["programs"]), r["acting"], r["author"], r["asked"]) for r in rows]


async def decide(access: Access, account: str, at: str, *, granted: bool) -> None:
    """Grant what was asked for at a moment, or not. Raises Conflict for what one asked for oneself, or what is not there any more."""
    await access.check("confirm", STAFF, f"account={account}")
    await alive(access)
    await access.require_fresh()
    one = next((a for a in await asked(access, account) if a.at.isoformat() == at), None)
    line = access.entry("account-assign" if granted else "account-assign-refuse", "Login", f"account={account}" + (f"&role={one.role}&programs={','.join(map(str, one.programs))}" if one else ""))
    if one is None or not await written(access.house, access.tenant, line, "gate.decide_assignment($1, $2, $3, $4, $5, $6)", access.tenant.number, account, one.at, access.caller.account, granted, clock.now()):
        raise errors.Conflict("There is nothing to decide here for you: it was decided or changed, you asked for it yourself, or it is about you.")


async def opened(access: Access) -> list[Opened]:
    """By which links somebody came in during the last three months, the newest first. Raises Forbidden for who may not confirm accounts of staff."""
    await access.check("confirm", STAFF)
    rows = await access.house.db.call("SELECT * FROM gate.links_opened($1, $2)", access.tenant.number, clock.now() - RECENT)
    return [Opened(r["account"], r["kind"], r["author"], r["confirmed_by"] or "", r["opened"]) for r in rows]
