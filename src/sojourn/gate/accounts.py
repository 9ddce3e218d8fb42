"""Accounts, for those who manage them: invite, assign, reset, deactivate; each with its line."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import clock, crypto, errors, ids
from sojourn.gate import secondperson
from sojourn.gate.caller import Tenant
from sojourn.gate.passwords import weakness
from sojourn.gate.security import alive, told
from sojourn.gate.signinrules import starting_rule
from sojourn.record.trail import Entry

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.gate import House

PEOPLE = {"patient": "A client", "proxy": "Somebody who acts for a client"}
"""Kinds of accounts that stand for somebody in a record, and what those who manage accounts read in place of the name: who is a client here is no business of theirs."""
LIFE = {"invitation": timedelta(days=7), "reset": timedelta(hours=24)}
KINDS = ("staff", "patient", "proxy", "app", "organization", "system")
_NOT_GIVEN_OUT = ("system", "outside")
"""Roles that programs and outside organizations have; no page gives them to a person."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account as those who manage it see it. state: invited, active, deactivated; link: until when an invitation or reset link is good."""

    account: str
    kind: str
    login: str
    name: str
    agent: str | None
    state: str
    role: str
    programs: tuple[int, ...]
    acting: int | None
    password: bool
    totp: int
    passkeys: int
    recovery: int
    sessions: int
    used: datetime | None
    link: datetime | None


async def _check(access: Access, account: str = "") -> None:
    await access.check("administer", "Login", f"account={account}" if account else "")
    await alive(access)


async def _may_change(access: Access, account: str) -> Account:
    """The account to change. Nobody changes their own: raises Forbidden. Raises ProofNeeded, NotFound."""
    await _check(access, account)
    await access.require_fresh()
    if account == access.caller.account:
        raise errors.Forbidden("Nobody changes their own account here; another administrator can. Your password and factors are under Your security.")
    return await one(access, account)


async def every(access: Access) -> list[Account]:
    """All accounts of the organization, by name."""
    await _check(access)
    rows = await _rows(access, None)
    await access.note(access.entry("accounts", "Login", ""))
    return rows


def overseers(access: Access, found: Sequence[Account]) -> int:
    """How many of these accounts review everything: a role that oversees the whole organization, in every program of it.

    Nothing but accounts is asked: it says the same whether something waits for a review, and in which program.
    """
    rules = access.rules
    return sum(
        a.kind == "staff" and a.state == "active" and rules.allows(a.role, "oversee", "*") and "organization" in rules.reach(a.role) and rules.programs.keys() <= set(a.programs) for a in found
    )


async def one(access: Access, account: str) -> Account:
    """One account. Raises NotFound."""
    await _check(access, account)
    found = await _rows(access, account)
    if not found:
        raise errors.NotFound("There is no such account.")
    return found[0]


async def people(access: Access) -> list[Account]:
    """Accounts of those who work here, for the second person (secondperson.py), who may manage none. Raises Forbidden."""
    await access.check("confirm", "Login")
    return [a for a in await _rows(access, None) if a.kind == "staff"]


async def known(access: Access, account: str) -> Account:
    """One of these. Raises NotFound."""
    found = next((a for a in await people(access) if a.account == account), None)
    if found is None:
        raise errors.NotFound("There is no such account.")
    return found


async def _rows(access: Access, account: str | None) -> list[Account]:
    rows = await access.house.db.call("SELECT * FROM gate.accounts($1, $2, $3)", access.tenant.number, account, clock.now())
    return [
        Account(
            r["account"], r["kind"], r["login"], PEOPLE.get(r["kind"], r["name"]), None if r["kind"] in PEOPLE else r["agent"], r["state"], r["role"] or "", tuple(r["programs"] or ()), r["acting"], r["has_password"],
            r["totp"], r["passkeys"], r["recovery"], r["sessions"], r["used"], r["invited"],
        )
        for r in rows
    ]  # fmt: skip


async def roles(access: Access) -> list[str]:
    """The roles that may be given to a person."""
    rows = await access.house.db.call("SELECT DISTINCT role FROM gate.rules($1, $2) ORDER BY role", access.tenant.number, clock.now())
    return [r["role"] for r in rows if r["role"] not in _NOT_GIVEN_OUT]


async def _sound(access: Access, role: str, programs: Sequence[int], acting: int | None) -> None:
    if role not in await roles(access):
        raise errors.Invalid("Choose one of the roles of this organization.")
    if not set(programs) <= set(access.rules.programs) or (acting is not None and acting not in programs):
        raise errors.Invalid("Choose programs of this organization, and one of them as the one written under.")


class Fresh(NamedTuple):
    """A link that was just made. held: it needs the code of a second person, too (secondperson.py)."""

    secret: str
    held: bool


async def invite(access: Access, *, kind: str, login: str, name: str, role: str, programs: Sequence[int] = (), acting: int | None = None, agent: str | None = None) -> tuple[str, Fresh]:
    """Make an account and its invitation: (account, link). Raises Conflict when the login is taken."""
    await _check(access)
    await access.require_fresh()
    if kind not in KINDS:
        raise errors.Invalid("There is no such kind of account.")
    await _sound(access, role, programs, acting)
    account = ids.new_id("account")
    made = await told(
        access, "account-invite", f"account={account}&kind={kind}&role={role}", "gate.make_account($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        access.tenant.number, account, kind, login, name, agent, role, sorted(programs), acting, access.caller.account, clock.now(),
    )  # fmt: skip
    if not made:
        raise errors.Conflict("There is an account with this login already. Choose another.")
    return account, await new_link(access, account, "invitation")


async def new_link(access: Access, account: str, kind: str, type_: str = secondperson.STAFF) -> Fresh:
    """A link that was just made, its secret kept only as a hash; those made before for the same account are worth nothing. The caller of this has checked the right."""
    held = await secondperson.needed(access.house, access.tenant, type_, author=access.caller.account, account=account)
    secret, now = ids.new_token("link"), clock.now()
    await told(
        access, f"account-{kind}-link", f"account={account}&held={str(held).lower()}", "gate.make_link($1, $2, $3, $4, $5, $6, $7, $8)",
        access.tenant.number, crypto.sha256(secret.encode()), kind, account, access.caller.account, held, now, now + LIFE[kind],
    )  # fmt: skip
    return Fresh(secret, held)


def _confirmed_as(account: Account) -> str:
    """Who gives out the code: of a client's link somebody who sees their chart, whoever made it."""
    return secondperson.PERSONS if account.kind in PEOPLE else secondperson.STAFF


async def invite_again(access: Access, account: str) -> Fresh:
    """A new link for somebody who has not come yet; the one before is worth nothing from now on."""
    found = await _may_change(access, account)
    if found.state != "invited":
        raise errors.Conflict("This invitation was accepted already. To help somebody in again, reset the sign-in.")
    return await new_link(access, account, "invitation", _confirmed_as(found))


async def reset(access: Access, account: str, *, factors: bool) -> Fresh:
    """Take the password (and the second factors) back, end everything, and return a link with which to set them anew."""
    found = await _may_change(access, account)
    if found.state != "active":
        raise errors.Conflict("Only an active account can be reset.")
    await told(
        access, "account-reset", f"account={account}&factors={str(factors).lower()}", "gate.take_back($1, $2, true, $3, $4)", access.tenant.number, account, factors, clock.now()
    )
    return await new_link(access, account, "reset", _confirmed_as(found))


async def deactivate(access: Access, account: str, reason: str) -> None:
    """End the use of an account, and with it every session and token, with their next statement."""
    await _may_change(access, account)
    await _state(access, account, "deactivated", reason)


async def reactivate(access: Access, account: str, reason: str) -> None:
    """Let an account be used again, with the password and factors that it had. What was ended stays ended."""
    if (await _may_change(access, account)).state != "deactivated":
        raise errors.Conflict("This account is not deactivated.")
    await _state(access, account, "active", reason)


async def _state(access: Access, account: str, state: str, reason: str) -> None:
    done = await told(
        access, "account-deactivate" if state == "deactivated" else "account-reactivate", f"account={account}", "gate.set_account_state($1, $2, $3, $4, $5, $6)",
        access.tenant.number, account, state, access.caller.account, reason, clock.now(),
    )  # fmt: skip
    if not done:
        raise errors.Conflict("Somebody else changed this account meanwhile. Look at it again.")


async def assign(access: Access, account: str, *, role: str, programs: Sequence[int], acting: int | None) -> bool:
    """What an account of somebody who works here may act as from now on; whether it acts already, or waits for a second person. Of a service
    somebody else has to approve it. Raises Forbidden."""
    before = await _may_change(access, account)
    if before.kind != "staff":
        raise errors.Forbidden("People who work here are given a role and programs here. What a service may do is said and approved where it is registered; what patients and other organizations may see is said by law and consent.")
    await _sound(access, role, programs, acting)
    fewer = role == before.role and set(programs) <= set(before.programs)  # what is only taken away acts at once
    if not fewer and await secondperson.needed(access.house, access.tenant, secondperson.STAFF, author=access.caller.account, account=account):
        await secondperson.ask(access, account, role, programs, acting)
        return False
    listed = ",".join(str(p) for p in sorted(programs))
    await told(
        access, "account-assign", f"account={account}&role={role}&programs={listed}", "gate.assign($1, $2, $3, $4, $5, $6)", access.tenant.number, account, role, sorted(programs),
        acting, clock.now(),
    )  # fmt: skip
    return True


# --- the other end of the link: nobody is signed in yet -------------------------------------------------------------------------

WRONG_CODE = "This is not the code. You get it from somebody else than the link; a newer one takes the place of an older one. After five wrong ones the link is worth nothing."


@dataclass(frozen=True, slots=True)
class Link:
    """An invitation or reset that is good now."""

    kind: str
    account: str
    login: str
    name: str
    second: bool
    person: bool
    """Of a client, or of somebody who acts for one: they come in by the door of the portal."""
    held: bool
    """It is good only with the code of a second person."""


async def link(house: House, tenant: Tenant, secret: str, door: str) -> Link | None:
    """What a link is for; None for one that was used, replaced, is too old, or never was."""
    rows = await house.db.call("SELECT * FROM gate.ticket($1, $2, $3)", tenant.number, crypto.sha256(secret.encode()), clock.now())
    if not rows or rows[0]["kind"] not in LIFE:
        return None
    found = await house.db.call("SELECT * FROM gate.accounts($1, $2, $3)", tenant.number, rows[0]["account"], clock.now())
    person = bool(found) and found[0]["kind"] in PEOPLE
    door = "portal" if person else door
    asked = await house.db.call("SELECT gate.second_needed($1, $2, $3, $4) AS second", tenant.number, rows[0]["account"], door, clock.now())
    second = starting_rule(door, clock.now().date()).second if asked[0]["second"] is None else asked[0]["second"]
    held = await house.db.call("SELECT account FROM gate.links_held($1, $2, $3)", tenant.number, rows[0]["account"], clock.now())
    return Link(rows[0]["kind"], rows[0]["account"], found[0]["login"], found[0]["name"], second, person, bool(held)) if found else None


async def accept(house: House, tenant: Tenant, secret: str, door: str, password: str, request: str, code: str = "") -> tuple[str, str]:
    """(account, "") when the password is set and the account active; ("", what is wrong) otherwise. A link is used once.

    code: of the second person, where the link is held; after five wrong ones the link is worth nothing.
    """
    good = await link(house, tenant, secret, door)
    if good is None:
        return "", ""
    problem = weakness(password, second=good.second, about=(good.login, good.name, tenant.name))
    if problem:
        return "", problem
    hashed = await asyncio.to_thread(crypto.hash_password, password)
    kept = secondperson.hashed(house, tenant, code)
    rows: list[Any] = await house.db.call("SELECT gate.accept($1, $2, $3, $4, $5) AS account", tenant.number, crypto.sha256(secret.encode()), kept, hashed, clock.now())
    account = rows[0]["account"]
    line = Entry(clock.now(), request, account or "", "", door, "", f"{good.kind}-accept", "done" if account else "failed", "Login", f"about={good.account}")
    await house.trail.record(tenant.number, line)
    return account or "", WRONG_CODE if account == "" else ""
