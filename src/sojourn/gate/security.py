"""Each person's own security: password, factors, recovery codes, sessions; each with its line."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sojourn.base import clock, crypto, errors
from sojourn.gate.factors import Factor, Factors, NewApp
from sojourn.gate.passkeys import Asked, Passkeys, Place
from sojourn.gate.passwords import weakness

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.gate import House
    from sojourn.record.trail import Entry


@dataclass(frozen=True, slots=True)
class Begun:
    """One session of one's own. `here`: the one that asks."""

    handle: str
    label: str
    methods: tuple[str, ...]
    created: datetime
    used: datetime | None
    here: bool


@dataclass(frozen=True, slots=True)
class Own:
    """What an account signs in with. needed: whether a second factor must stay; recovery: codes left."""

    login: str
    password: bool
    factors: tuple[Factor, ...]
    recovery: int
    sessions: tuple[Begun, ...]
    needed: bool

    @property
    def seconds(self) -> int:
        """Second factors that count."""
        return len(self.factors)


async def alive(access: Access) -> None:
    """Raise StaleCredential when the session is over or its account changed: what `gate.alive` asks in every statement on records."""
    await access.house.db.call("SELECT gate.alive($1, $2, $3, $4)", *access.head)


async def told(access: Access, action: str, query: str, call: str, *args: Any, type_: str = "Login") -> bool:
    """Call a function of the gate that says whether it did something, and write the line about it in the same transaction."""
    return await written(access.house, access.tenant, access.entry(action, type_, query), call, *args)


async def written(house: House, tenant: Tenant, line: Entry, call: str, *args: Any) -> bool:
    """The same with a line of one's own."""
    n = len(args)
    rows = await house.db.call(f"SELECT gate.told({call}, ${n + 1}, ${n + 2}) AS done", *args, tenant.number, [line])
    return bool(rows[0]["done"])


async def own(access: Access) -> Own:
    """Everything for the page. Raises StaleCredential."""
    await alive(access)
    number, account, now = access.tenant.number, access.caller.account, clock.now()
    db = access.house.db
    person = (await db.call("SELECT * FROM gate.signing_in($1, $2, $3, $4)", number, account, access.caller.door, now))[0]
    password = (await db.call("SELECT gate.password_of($1, $2, $3) IS NOT NULL AS there", number, account, now))[0]["there"]
    factors = tuple(f for f in await _factors(access).of(access.tenant, account) if f.confirmed and f.kind != "recovery")
    sessions = tuple(
        Begun(r["handle"], r["label"], tuple(r["methods"]), r["created"], r["used"], bytes(r["credential"]) == access.caller.credential)
        for r in await db.call("SELECT * FROM gate.sessions($1, $2, $3)", number, account, now)
    )
    return Own(person["login"], password, factors, person["recovery"], sessions, await _needed(access, person))


async def _needed(access: Access, person: Any) -> bool:
    from sojourn.gate.signinrules import starting_rule

    return bool(person["second"]) if person["second"] is not None else starting_rule(access.caller.door, clock.now().date()).second


def _factors(access: Access) -> Factors:
    return Factors(access.house.db, access.house.key)


def _passkeys(access: Access) -> Passkeys:
    return Passkeys(access.house.db, access.house.key)


async def change_password(access: Access, new: str) -> str:
    """Set a new password; what is wrong with it, or an empty string. Other sessions end."""
    await access.require_fresh()
    mine = await own(access)
    problem = weakness(new, second=mine.needed or bool(mine.factors), about=(mine.login, access.caller.name, access.tenant.name))
    if problem:
        return problem
    hashed = await asyncio.to_thread(crypto.hash_password, new)
    await told(access, "password-change", "", "gate.set_password($1, $2, $3)", access.tenant.number, access.caller.account, hashed)
    await end_sessions(access)
    return ""


async def begin_app(access: Access) -> NewApp:
    """A new authenticator app; it counts once a code of it was shown."""
    await access.require_fresh()
    mine = await own(access)
    return await _factors(access).begin_app(access.tenant, access.caller.account, mine.login)


async def app_begun(access: Access) -> NewApp:
    """The one that was begun, after a wrong code."""
    mine = await own(access)
    return await _factors(access).begun_app(access.tenant, access.caller.account, mine.login)


async def confirm_app(access: Access, code: str) -> bool:
    """Whether the code is one of the app begun; from then on it counts."""
    await access.require_fresh()
    await alive(access)
    done = await _factors(access).check_app(access.tenant, access.caller.account, code, begun=True)
    await access.note(access.entry("factor-add", "Login", "kind=totp", outcome="done" if done else "failed"))
    return done


async def ask_passkey(access: Access, place: Place) -> Asked:
    """What the browser needs to make a passkey."""
    mine = await own(access)
    return await _passkeys(access).ask_new(access.tenant, access.caller.account, mine.login, access.caller.name, place)


async def add_passkey(access: Access, place: Place, name: str, state: str, answer: str) -> bool:
    """Keep the passkey that the browser made."""
    await access.require_fresh()
    await alive(access)
    done = await _passkeys(access).add(access.tenant, access.caller.account, name, place, state, answer)
    await access.note(access.entry("factor-add", "Login", "kind=passkey", outcome="done" if done else "failed"))
    return done


async def end_factor(access: Access, factor: str) -> None:
    """Remove an authenticator app or passkey. The last one stays where one is needed: raises Conflict."""
    await access.require_fresh()
    mine = await own(access)
    if factor not in [f.id for f in mine.factors]:
        raise errors.NotFound("There is no such passkey or app. It may have been removed in another window.")
    if mine.needed and len(mine.factors) == 1:
        raise errors.Conflict("Your organization asks for a second step, and this is your only one. Add another first, then remove this one.")
    await told(access, "factor-end", "", "gate.end_factor($1, $2, $3, $4)", access.tenant.number, access.caller.account, factor, clock.now())


async def new_recovery(access: Access) -> list[str]:
    """Ten new recovery codes, shown now and never again. Only for those who have a second factor that they stand in for."""
    await access.require_fresh()
    mine = await own(access)
    if not mine.factors:
        raise errors.Conflict("Recovery codes stand in for an authenticator app or a passkey. Set up one of these first.")
    codes = await _factors(access).new_recovery(access.tenant, access.caller.account)
    await access.note(access.entry("factor-add", "Login", "kind=recovery"))
    return codes


async def end_sessions(access: Access, handle: str | None = None) -> bool:
    """End one of one's own sessions, or all but this one; False if there was none."""
    await alive(access)
    return await told(
        access, "session-end", "one" if handle else "all others", "gate.end_sessions($1, $2, $3, $4, $5)", access.tenant.number, access.caller.account,
        handle, None if handle else access.caller.credential, clock.now(),
    )  # fmt: skip
